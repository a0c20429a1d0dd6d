"""The hostile inputs of `fuzz.py`: a function for each room, of a generator of random numbers."""

import functools
import itertools
import json
import random
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

import lmzoo
from lmzoo import callbacks, metrics
from lmzoo.registry import builder_of, tiny_arguments

PIECES = [
    "", " ", "\t", "\n", "\r\n", "\r", "\0", "\x1b[2K", "\ufeff", "\u2028", "\x85", "\xa0",
    "\u3000", "a", "The old man", "é", "e\u0301", "\u0301" * 50, "ß", "İ", "ﬁ", "我爱北京", "ไทย",
    "한국어", "العربية", "हिन्दी", "\U0001f468\u200d\U0001f469", "\U0010ffff", "\ud800", "'", '"',
    '"', ",", ";", "|", "\\", "#", "-DOCSTART-", "B-PER", "I-PER", "O", "b-per", "<pad>", "<s>",
    "</s>", "<unk>", "[UNK]", "##ing", "<|user|>", "<|bot|>", "null", "NaN", "1e309", "-1", "{",
    "}", "[", "]", '{"text": "a"}', "pos", "neg", "text", "label", "1 a\tb", "x" * 300,
]  # fmt: skip
NUMBERS: list[Any] = [
    0, 1, 2, 3, 8, -1, 10**12, 1.5, 0.0, -0.5, 1e-40, 1e300, float("nan"), float("inf"), True, None,
    "x", "", np.int64(3), np.float32(0.5), np.array(2), [], [1], (2, 3), {}, b"x",
]  # fmt: skip
SUFFIXES = ["txt", "tsv", "csv", "jsonl", "json", "conll", "conllu", "src", "gz", "npy", ""]


def text(rng: random.Random, most: int = 30) -> str:
    """A text of hostile pieces, seldom a long one."""
    count = rng.randint(0, most)
    pieces = rng.choices(PIECES, k=count)
    separator = rng.choice(["", " ", " ", "\t", "\n"])
    return separator.join(pieces) * (rng.randint(50, 500) if rng.random() < 0.03 else 1)


def texts(rng: random.Random, most: int = 6) -> list[str]:
    """Some texts."""
    return [text(rng) for _ in range(rng.randint(0, most))]


def table(rng: random.Random) -> str:
    """Lines of a format of ours, with hostile cells."""
    shape = rng.choice(["\t", ",", ";", " ", "json"])
    rows = []
    for _ in range(rng.randint(0, 12)):
        cells = [text(rng, 4) for _ in range(rng.randint(1, 4))]
        names = ["text", "label", "source", "target", "tokens", "tags", "turns"]
        if shape == "json":
            rows.append(json.dumps(dict(zip(rng.sample(names, len(cells)), cells, strict=True))))
        else:
            rows.append(shape.join(cells))
    return rng.choice(["\n", "\r\n", "\n\n"]).join(rows)


def content(rng: random.Random) -> bytes:
    """The bytes of a file."""
    kind = rng.random()
    if kind < 0.1:
        return rng.randbytes(rng.randint(0, 300))
    if kind < 0.15:
        return rng.choice([b"[", b'{"a":', b"(", b"\xcc\x81"]) * rng.choice([10, 100_000])
    encoding = rng.choice(["utf-8", "utf-8", "utf-8", "utf-16", "utf-32"])
    written = (table(rng) if kind < 0.7 else text(rng)).encode(encoding, "surrogatepass")
    return damaged(rng, written) if rng.random() < 0.3 else written


def damaged(rng: random.Random, data: bytes) -> bytes:
    """The bytes with some changed, or cut."""
    changed = bytearray(data)
    if changed and rng.random() < 0.7:
        for _ in range(rng.randint(1, 20)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed[: rng.randint(0, len(changed))] if rng.random() < 0.3 else changed)


def readers(rng: random.Random, *, warm_up: bool = False) -> None:
    """A file or something else is read by a task's reader, and perhaps prepared."""
    folder = Path(tempfile.mkdtemp(dir="."))
    name = rng.choice(["train", "valid", "a", "strangers on a train", "b.train", "label"])
    suffix = rng.choice(SUFFIXES)
    path = folder / (f"{name}.{suffix}" if suffix else name)
    path.write_bytes(b"a b c\n" * 40 if warm_up else content(rng))
    if rng.random() < 0.2:
        (folder / rng.choice(["valid.txt", "train.en", "train.de"])).write_bytes(content(rng))
    source: Any = str(rng.choice([path, path, path, folder]))
    if rng.random() < 0.1:
        source = rng.choice([texts(rng), text(rng), None, 3, [], {}, {"train": texts(rng)}, [None]])
    data = lmzoo.data
    read = rng.choice(
        [data.read_texts, data.read_pairs, data.read_labeled, data.read_tagged, data.read_dialogues]
    )
    try:
        if rng.random() < 0.7 or warm_up:
            corpus = (data.read_texts if warm_up else read)(source)
            for split in corpus.splits:
                for _ in itertools.islice(corpus.read(split), 1000):
                    pass
        else:
            prepare = rng.choice(
                [data.prepare_lm, data.prepare_seq2seq, data.prepare_classification,
                 data.prepare_tagging]
            )  # fmt: skip
            for _ in prepare(source).train.take(2):
                pass
    finally:
        shutil.rmtree(folder)


def tokenizers(rng: random.Random, *, warm_up: bool = False) -> None:
    """A tokenizer is trained, used in both ways, saved and perhaps damaged, and loaded."""
    kinds = ["byte", "char", "word", "whitespace", "bpe", "unigram", "wordpiece"]
    kind = "word" if warm_up else rng.choice([*kinds, *kinds, None, "x", 3])
    size = None if warm_up or rng.random() < 0.6 else rng.choice([0, -1, 5, 300, 10**9, "x", 2.5])
    given = ["a b", "b c"] if warm_up else texts(rng) + ["the old man met Anna"] * rng.randint(0, 3)
    tokenizer = lmzoo.data.train_tokenizer(
        given, kind=kind, vocab_size=size, lowercase=rng.random() < 0.3
    )
    said = "a c" if warm_up else text(rng)
    ids = tokenizer.encode(said)
    same = tokenizer(np.array([said])).to_list()[0]
    if tokenizer.lossless and "\ufffd" not in said and tokenizer.decode(ids) != said:
        lowered = tokenizer.lowercase or tokenizer.decode(tokenizer.encode(tokenizer.decode(ids)))
        assert lowered, f"{kind}: {said!r} comes back as {tokenizer.decode(ids)!r}"
    assert same == list(ids), f"{kind}: {said!r} is {ids} and in a graph {same}"
    path = Path("tokenizer.json")
    tokenizer.save(path)
    if rng.random() < 0.5:
        path.write_bytes(damaged(rng, path.read_bytes()))
    again = lmzoo.data.load_tokenizer(path)
    again.decode(rng.choice([ids, [], [0, 1], [rng.randint(-3, 10**6)], "x", None, [1.5]]))


def scores(rng: random.Random, *, warm_up: bool = False) -> None:
    """Metrics of texts, labels, tags and numbers."""
    kind = 0 if warm_up else rng.randrange(5)
    if kind < 2:
        metric = rng.choice([metrics.Bleu, metrics.ChrF, metrics.Rouge, metrics.DistinctN])()
        if isinstance(metric, metrics.Bleu) and rng.random() < 0.5:
            name: Any = rng.choice(["13a", "zh", "char", "intl", "none", "de", "", None])
            metric = metrics.Bleu(name)
        one = ["a b"] if warm_up else texts(rng)
        other = rng.choice([one, texts(rng), [texts(rng, 2) for _ in one]])
        metric.add(one, other)
        metric.result()
    elif kind == 2:
        tags = ["O", "B-PER", "I-PER", "B-", "", "b-per", "E-X", "S-X", text(rng, 2)]
        score = metrics.SpanF1()
        rows = [[rng.choice(tags) for _ in range(rng.randint(0, 5))] for _ in range(3)]
        score.add(rows, rng.choice([rows, rows[:2], [row[::-1] for row in rows]]))
        score.result()
    elif kind == 3:
        count, classes = rng.randint(0, 6), rng.randint(0, 4)
        labels = np.array([rng.choice([0, 1, -1, 7, classes]) for _ in range(count)])
        values = np.array([[rng.choice([0.0, 1.0, np.nan, np.inf, -1e38]) for _ in range(classes)]
                           for _ in range(count)])  # fmt: skip
        metrics.classification_report(labels, values.reshape(count, classes))
    else:
        keys = ["a", "b", "val_loss"]
        runs = [{rng.choice(keys): rng.choice(NUMBERS[:16])} for _ in range(rng.randint(0, 3))]
        metrics.mean_and_deviation(runs)


def builders(rng: random.Random, *, warm_up: bool = False) -> None:
    """A builder is called with its tiny sizes, some of them hostile."""
    names = sorted(lmzoo.list_models())
    name = "gru_lm" if warm_up else rng.choice(names)
    arguments = tiny_arguments(name)
    for key in [] if warm_up else rng.sample(sorted(arguments), min(len(arguments), 2)):
        arguments[key] = rng.choice(NUMBERS)
    builder_of(name)(**arguments)
    keras.utils.clear_session()


@functools.cache
def trained() -> tuple[Any, Any]:
    """A tiny model and its tokenizer."""
    tokenizer = lmzoo.data.train_tokenizer(["a b c d e"], kind="word")
    return lmzoo.build_gru_lm(tokenizer.vocab_size, embed_dim=4, hidden_dim=4), tokenizer


def generation(rng: random.Random, *, warm_up: bool = False) -> None:
    """A tiny model continues hostile prompts under hostile settings."""
    model, tokenizer = trained()
    prompts: Any = rng.choice(["a", text(rng, 6), texts(rng, 3), [[1, 2], [5]], [[]], [[99]], None])
    count = 4 if warm_up or rng.random() < 0.8 else rng.choice(NUMBERS)
    settings: dict[str, Any] = {"max_new_tokens": count, "tokenizer": tokenizer}
    names = ["temperature", "top_k", "top_p", "min_p", "repetition_penalty", "no_repeat_ngram",
             "stop", "seed"]  # fmt: skip
    for name in [] if warm_up else rng.sample(names, rng.randint(0, 2)):
        settings[name] = rng.choice(NUMBERS)
    if warm_up:
        prompts = "a"
    kind = rng.randrange(4)
    if kind == 0 and not warm_up:
        beams = rng.choice([1, 2, *NUMBERS])
        count = settings["max_new_tokens"]
        lmzoo.beam_search(
            model, prompts, tokenizer=tokenizer, num_beams=beams, max_new_tokens=count
        )
    elif kind == 1 and not warm_up:
        lmzoo.score(model, prompts, tokenizer=tokenizer)
    else:
        lmzoo.generate(model, prompts, **settings)


@functools.cache
def good_run() -> Path:
    """The folder of a tiny training."""
    data = lmzoo.data.prepare_lm(["a b c", "b c a"] * 20, tokenizer="word", deduplicate=False,
                                 sequence_length=8, batch_size=2)  # fmt: skip
    model = lmzoo.build_gru_lm(data.vocab_size, embed_dim=4, hidden_dim=4)
    model.compile("adam")
    run = callbacks.Checkpoint("good")
    run.start(model, data)
    shutil.copy("good/last.keras", "good/model.keras")
    Path("good/log.jsonl").write_text('{"step": 1, "loss": 2.0}\n', "utf-8")
    return Path("good")


def run_files(rng: random.Random, *, warm_up: bool = False) -> None:
    """A training's folder with one damaged file is loaded and resumed."""
    folder = Path(shutil.copytree(good_run(), tempfile.mkdtemp(dir="."), dirs_exist_ok=True))
    names = ["model.keras", "last.keras", "task.json", "tokenizer.json", "log.jsonl"]
    path = folder / rng.choice(names)
    try:
        if warm_up:
            pass
        elif path.suffix == ".keras" and rng.random() < 0.7:
            edit_archive(rng, path)
        elif path.suffix == ".json" and rng.random() < 0.7:
            record = json.loads(path.read_text("utf-8"))
            record[rng.choice(sorted(record))] = rng.choice([*NUMBERS[:18], [], {}, text(rng, 2)])
            path.write_text(json.dumps(record, default=str), "utf-8")
        else:
            path.write_bytes(damaged(rng, path.read_bytes()))
        callbacks.LearningCurve(folder, state={"step": 5})
        model, saved = lmzoo.load_run(folder)
        lmzoo.data.prepare_lm(["a b c", "b c a"] * 90, tokenizer=saved.tokenizer, deduplicate=False)
        model.compile("adam")
        callbacks.Checkpoint(folder, resume=True).start(model)
    finally:
        shutil.rmtree(folder)
        keras.utils.clear_session()


def edit_archive(rng: random.Random, path: Path) -> None:
    """Changes one member of a Keras file: its recipe, the training's state, or any bytes."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(sorted(members))
    if name.endswith(".json") and rng.random() < 0.8:
        record = json.loads(members[name])
        inner = record.get("config", record)
        inner[rng.choice(sorted(inner))] = rng.choice([*NUMBERS[:18], 55_000_000, text(rng, 2)])
        members[name] = json.dumps(record, default=str).encode()
    else:
        members[name] = damaged(rng, members[name])
    with zipfile.ZipFile(path, "w") as archive:
        for key, value in members.items():
            archive.writestr(key, value)


ROOMS: dict[str, Callable[..., None]] = {
    "readers": readers,
    "tokenizers": tokenizers,
    "metrics": scores,
    "builders": builders,
    "generation": generation,
    "run_files": run_files,
}
