"""The public readers: each finds records of one kind in whatever a source names."""

from pathlib import Path

from lmzoo.data.corpus import Corpus, Opener, Record, chained, place_of
from lmzoo.data.readers import Files, Found, Opened, Source, read_corpus, without_refused
from lmzoo.data.readers.conll import find_tagged, open_tagged
from lmzoo.data.readers.dialogues import read_babi
from lmzoo.data.readers.folders import FORMATS, TREES, find_labeled, open_labeled
from lmzoo.data.readers.parallel import find_parallel, read_parallel_pairs
from lmzoo.data.readers.tables import TABLES, find_file, is_table, open_table
from lmzoo.data.readers.text import read_text_files, without_gz
from lmzoo.data.records import DIALOGUES, LABELED, PAIRS, TAGGED, TEXTS, Columns
from lmzoo.data.splits import group_by_split, list_files
from lmzoo.data.tags.settling import settle_tags
from lmzoo.errors import ArgumentError, DataError

TEXT_SUFFIXES = (".txt", ".text", ".tokens", ".raw")


def read_texts(
    source: Source,
    *,
    columns: Columns = None,
    errors: str = "strict",
    grammar_size: int = 20_000,
    seed: int = 0,
) -> Corpus:
    """Finds the texts that a source names; they are read later, and may be read again.

    Args:
        source: a path of a text file, plain or gzip; a list of `pathlib.Path`; or one of
            a folder, or a path that ends in a pattern: its files named train, valid (or
            validation, val, dev) and test, such as `train.txt.gz` or `wiki.valid.tokens`,
            otherwise all its .txt files for training;
            an iterable of strings, each a document (an iterator is copied to a temporary file);
            "tfds:NAME", "tfds:NAME:FEATURE" or "hf:NAME", a data set of TensorFlow Datasets or of
            the Hugging Face hub: the feature "text", or else its first text;
            "grammar" or "grammar:zh", the embedded corpus;
            a dictionary from "train", "valid", "test" to paths or lists.
        columns: one column (a number from 0, or a name in the first row), key or feature: files
            are then tables (.tsv, .csv, .jsonl), and each row is a document.
        errors: "strict" raises at broken UTF-8; "replace" reads U+FFFD for it.
        grammar_size: training records of the grammar; validation has a tenth, but 500 to 2,000.
        seed: of the grammar's sample.

    Returns:
        {"text"}: documents; of text files blocks, {"text", "block"}, which `prepare_lm` splits.

    Raises:
        DataError: a missing path, a folder without texts, an unknown data set, no strings.
        ArgumentError: an argument outside its range.

    Example:
        >>> next(read_texts(["the first document", "the second"]).read("train"))
        {'text': 'the first document'}
    """
    if errors not in ("strict", "replace"):
        raise ArgumentError(f'errors is {errors!r}; choose "strict" or "replace"')
    names = TEXTS.check_columns(columns)
    suffixes = TEXT_SUFFIXES if names is None else TABLES

    def find(path: Path) -> Found:
        if path.is_file():
            return {"train": [path]}, []
        files = [file for file in list_files(path) if without_gz(file).suffix in suffixes]
        what = f"text ({', '.join(suffixes)}, plain or .gz)"
        return group_by_split(path, files, what, several=True), []

    def open_files(paths: list[Path], split: str) -> Opened:
        if names is None:
            return lambda: read_text_files(paths, errors), []
        return chained([open_table(path, TEXTS, names) for path in paths]), []

    files = Files(find, open_files)
    return read_corpus(source, TEXTS, files, columns, grammar_size, seed, errors=errors)


def read_pairs(
    source: Source,
    *,
    columns: Columns = None,
    skip_unusable: bool = False,
    grammar_size: int = 20_000,
    seed: int = 0,
) -> Corpus:
    """Finds the pairs of texts that a source names; they are read later, and may be read again.

    Args:
        source: a data set (with two text features) or a dictionary as for `read_texts`; or
            a folder, or a path that ends in a pattern such as `corpus/en-de.*`: parallel files,
            plain or .gz, named by split and language (`train.en`, `valid.de.gz`), or one table for
            each split (`train.tsv`);
            a table: .tsv or .csv (columns), .jsonl (keys; a source may be a list of sentences, a
            target a list of alternatives, of which the first is taken), plain or .gz; a .json;
            two `pathlib.Path` of parallel files; a list of pairs of strings;
            "grammar", the embedded corpus: English with its Chinese translation;
            "grammar:headlines", the same: documents with their headlines.
        columns: source and target: two languages (suffixes of file names), columns (numbers from
            0, or names in the first row), keys or features. None: the only two languages; "source"
            and "target", else columns 0 and 1; what the data set calls input and target.
        skip_unusable: whether rows of tables and items of lists that have not both texts are left
            out, and counted in the notes; otherwise the first one is an error.
        grammar_size, seed: see `read_texts`.

    Returns:
        {"source", "target"}.

    Raises:
        DataError: what is missing, parallel files of unequal length, a row without both texts.
        ArgumentError: `columns` that are not two, or not there.

    Example:
        >>> next(read_pairs([("a dog", "ein Hund"), ("a cat", "eine Katze")]).read())
        {'source': 'a dog', 'target': 'ein Hund'}
    """
    names = PAIRS.check_columns(columns)
    kind = PAIRS.lenient() if skip_unusable else PAIRS

    def find(path: Path) -> Found:
        if path.is_file():
            return find_file(path, kind)
        files = list_files(path)
        if tables := [file for file in files if is_table(file)]:
            return group_by_split(path, tables, "tables"), []
        return find_parallel(path, files, names), []

    def open_files(paths: list[Path], split: str) -> Opened:
        if len(paths) > 2:
            found = f"{len(paths)} files for {split}, from {paths[0]}"
            raise DataError(f"{found}: give one table or two parallel files")
        if len(paths) == 2:
            return lambda: read_parallel_pairs(*paths), []
        return open_table(paths[0], kind, names), []

    corpus = read_corpus(source, kind, Files(find, open_files), columns, grammar_size, seed)
    return without_refused(corpus) if skip_unusable else corpus


def read_labeled(
    source: Source,
    *,
    columns: Columns = None,
    format: str | None = None,
    skip_unusable: bool = False,
    grammar_size: int = 20_000,
    seed: int = 0,
) -> Corpus:
    """Finds the labeled texts that a source names; they are read later, and may be read again.

    Args:
        source: a data set (with a text and a label) or a dictionary as for `read_texts`; or
            a table: .tsv, .csv (also with ";") or .jsonl (keys), plain or .gz;
            a folder, or a path that ends in a pattern such as `sst/stsa.binary.*`: one file for
            each split, named so (`train.tsv`, `dev.tsv.gz`, `test.tsv`);
            a folder that holds a folder for each label, whose files may lie deeper
            (`train/pos/*.txt`, `test/neg/2020/*.txt`);
            JSON with lists of [text, label] by split, as CLINC150 has it;
            a list of (text, label); a label is a string or a whole number;
            "grammar", the embedded corpus with the sentiment of each text, or "grammar:topic".
        columns: columns (numbers from 0, or names in the first row), keys or features of text and
            label. None: "text" and "label", if the first row names one of them, else columns 0 and
            1; the keys "text" and "label"; the data set's own. Of three or more the last is the
            label's; texts are joined by " ||| ", as in ("premise", "hypothesis", "label").
        format: what files hold, where their names do not tell; files that are not UTF-8 are then
            read as latin-1, which the notes say: "json"; "table", columns separated by tabs;
            "label first", lines such as `1 a fine film`; "coarse label first", the label LOC of
            `LOC:city Where is it ?`; "files", a text in each line, the label is the file's suffix
            (`rt-polarity.pos`); "folders", a text in each file, the label is the folder's name;
            "trees", labeled trees such as `(3 (2 a) (4 film))`: every phrase for training, else
            whole sentences; "binary trees", their five grades as two.
        skip_unusable: whether rows of tables and items of lists without a text or a label are left
            out, and counted in the notes; otherwise the first one is an error.
        grammar_size, seed: see `read_texts`.

    Returns:
        {"text", "label"}, both strings.

    Raises:
        DataError: what is missing, a text without label, a file of another format.
        ArgumentError: `columns` that are fewer than two, or not there; an unknown format.

    Example:
        >>> next(read_labeled([("a fine film", "good"), ("a bore", "bad")]).read())
        {'text': 'a fine film', 'label': 'good'}
    """
    if format is not None and format not in FORMATS:
        raise ArgumentError(f"format is {format!r}; the formats are {', '.join(FORMATS)}")
    names = LABELED.check_columns(columns)
    kind = LABELED.lenient() if skip_unusable else LABELED

    def open_files(paths: list[Path], split: str) -> Opened:
        opened = [open_labeled(path, split, kind, names, format) for path in paths]
        return chained([opener for opener, _ in opened]), [n for _, notes in opened for n in notes]

    files = Files(lambda path: find_labeled(path, kind, format), open_files)
    corpus = read_corpus(source, kind, files, columns, grammar_size, seed)
    corpus = without_refused(corpus) if skip_unusable and corpus is not source else corpus
    if format in TREES and "valid" not in corpus.splits and corpus is not source:
        corpus.notes.append(
            "there are no trees for validation: what is held out are phrases, and other phrases "
            "of their sentences stay in training"
        )
    return corpus


def read_tagged(
    source: Source,
    *,
    columns: Columns = None,
    scheme: str | None = None,
    repair: bool = False,
    strip_position: bool = False,
    grammar_size: int = 20_000,
    seed: int = 0,
) -> Corpus:
    """Finds the tagged sentences that a source names, and checks all their tags.

    Args:
        source: a data set (tokens and tags as sequences) or a dictionary as for `read_texts`; or
            a file or a list of them: .conllu, .iob2 or any other with a word in each line (see
            `read_conll`); .jsonl, lines {"tokens": [...], "tags": [...]}, perhaps with "intent";
            a folder, or a path that ends in a pattern such as `wnut17/*.conll`: a file for each
            split, named so (`train.conll`, `en_ewt-ud-dev.conllu.gz`, `weibo.test`); without such
            names all files are for training;
            a folder in the layout of SNIPS and ATIS: folders named train, valid (or dev) and test,
            each with the files seq.in, seq.out and label, one sentence in each line;
            a list of (tokens, tags), two lists of strings, or of (tokens, tags, intent);
            "grammar", the embedded corpus: people, places, times and events.
        columns: of the token and of its tag: numbers from 0 or names of CoNLL-U for files with
            columns; keys; features. A third one is the intent. None: the usual ones.
        scheme: of the spans, "IOB1", "IOB2" or "IOBES"; "plain": there are none; None: detected.
        repair: whether tags that break their scheme are repaired, as `repair_tags` does, and empty
            tokens left out, both counted in the notes; otherwise the first one is an error.
        strip_position: whether the digit that ends every token is left out: the position of a
            character in its word, as in the Weibo corpus.
        grammar_size, seed: see `read_texts`.

    Returns:
        {"tokens", "tags"[, "intent"]}; no tag breaks the scheme that `detect_scheme` finds.

    Raises:
        DataError: what is missing, a line of another format, an empty token, unequal numbers of
            tokens and tags, a tag that breaks the scheme.
        ArgumentError: columns or a scheme that do not exist.

    Example:
        >>> next(read_tagged([(["Ann", "slept"], ["B-PER", "O"])]).read())
        {'tokens': ['Ann', 'slept'], 'tags': ['B-PER', 'O']}
    """
    names = TAGGED.check_columns(columns)

    def open_files(paths: list[Path], split: str) -> Opened:
        return chained([open_tagged(path, names) for path in paths]), []

    files = Files(find_tagged, open_files)
    corpus = read_corpus(source, TAGGED, files, columns, grammar_size, seed)
    if corpus is source:
        return corpus
    corpus = corpus.map(_strip_position) if strip_position else corpus
    return settle_tags(corpus, scheme, repair=repair)[0]


def _strip_position(record: Record) -> Record:
    for number, token in enumerate(record["tokens"]):
        if len(token) < 2 or not token[-1].isdigit():
            raise DataError(
                f"{place_of(record, number)}: {token!r} is not a token that ends in a digit; "
                "read this file without strip_position"
            )
    return {**record, "tokens": [token[:-1] for token in record["tokens"]]}


def read_dialogues(source: Source, *, grammar_size: int = 20_000, seed: int = 0) -> Corpus:
    """Finds the dialogues that a source names; they are read later, and may be read again.

    Args:
        source: a file, a folder, or a path that ends in a pattern (`babi/dialog-babi-task3*`), with
            a file for each split, named so. A file is .jsonl (each line an object whose "turns"
            are [speaker, text] or {"speaker": .., "text": ..}) or in the format of the dialog bAbI
            tasks, plain or .gz. Or a list of dialogues, each a list of (speaker, text). Or
            "grammar", the embedded corpus: statements, and questions about them.
        grammar_size, seed: see `read_texts`.

    Returns:
        {"turns"}: lists of (speaker, text), "fact" for what all know. bAbI's files and the grammar
        add "speakers", whose replies are learned ("bot"): `dialogue_pairs` makes pairs of them.

    Raises:
        DataError: no such file, or a line of another format.

    Example:
        >>> next(read_dialogues([[("user", "hi"), ("bot", "hello")]]).read())
        {'turns': [('user', 'hi'), ('bot', 'hello')]}
    """

    def find(path: Path) -> Found:
        if path.is_file():
            return find_file(path, DIALOGUES)
        return group_by_split(path, list_files(path), "dialogues"), []

    def open_file(path: Path) -> Opener:
        return open_table(path, DIALOGUES) if is_table(path) else lambda: read_babi(path)

    files = Files(find, lambda paths, split: (chained([open_file(path) for path in paths]), []))
    return read_corpus(source, DIALOGUES, files, None, grammar_size, seed)
