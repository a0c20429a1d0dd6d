"""Turns blocks of text into documents, or into pieces of one text without borders."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

from lmzoo.data.corpus import Record
from lmzoo.errors import ArgumentError

PIECE_CHARACTERS = 1 << 14
KINDS = ("stream", "document", "line", "paragraph")


def split_lines(blocks: Iterable[str]) -> Iterator[str]:
    r"""Takes each line as a document.

    Args:
        blocks: text in strings that end where lines end.

    Yields:
        The lines without their \n; blank ones too.

    Example:
        >>> list(split_lines(["one\ntwo\n", "three"]))
        ['one', 'two', 'three']
    """
    for block in blocks:
        if block:
            yield from block.removesuffix("\n").split("\n")


def split_paragraphs(blocks: Iterable[str]) -> Iterator[str]:
    r"""Takes the lines between blank lines as a document.

    Args:
        blocks: text in strings that end where lines end; an empty string ends a paragraph too.

    Yields:
        The paragraphs, with \n between their lines but not at the end.

    Example:
        >>> list(split_paragraphs(["title\nfirst line\n", "second\n\n\nnext\n"]))
        ['title\nfirst line\nsecond', 'next']
    """
    lines: list[str] = []
    for line in chain.from_iterable(split_lines([block]) if block else [""] for block in blocks):
        if line and not line.isspace():
            lines.append(line)
        elif lines:
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


def split_documents_at(blocks: Iterable[str], kind: str, counts: Counter[str]) -> Iterator[str]:
    """Finds the documents in texts and drops the blank ones.

    Args:
        blocks: texts: documents, or text in strings that end where lines end.
        kind: "document" (each string is one), "line" or "paragraph".
        counts: takes the count `empty_documents`.

    Yields:
        The documents that hold more than white space.

    Example:
        >>> counts = Counter()
        >>> list(split_documents_at(["one\\n\\ntwo\\n"], "line", counts)), dict(counts)
        (['one', 'two'], {'empty_documents': 1})
    """
    if kind == "line":
        texts = split_lines(blocks)
    else:
        texts = split_paragraphs(blocks) if kind == "paragraph" else iter(blocks)
    for text in texts:
        if text and not text.isspace():
            yield text
        else:
            counts["empty_documents"] += 1


def end_lines(texts: Iterable[str]) -> Iterator[str]:
    r"""Ends each text with a line end, if it has none.

    Args:
        texts: any texts.

    Yields:
        The texts with \n at the end.

    Example:
        >>> list(end_lines(["one", "two\n"]))
        ['one\n', 'two\n']
    """
    for text in texts:
        yield text if text.endswith("\n") else text + "\n"


def cut_pieces(blocks: Iterable[str], size: int = PIECE_CHARACTERS) -> Iterator[str]:
    r"""Cuts text into pieces that a tokenizer takes one by one.

    Args:
        blocks: text in strings.
        size: characters in a piece at most; it ends after a line if it can, else after a space.

    Yields:
        The pieces, none empty; joined they are the text.

    Example:
        >>> list(cut_pieces(["one two\nthree four"], 9))
        ['one two\n', 'three ', 'four']
    """
    for block in blocks:
        start = 0
        while len(block) - start > size:
            stop = start + size
            stop = block.rfind("\n", start, stop) + 1 or block.rfind(" ", start, stop) + 1 or stop
            yield block[start:stop]
            start = stop
        if start < len(block):
            yield block[start:]


def slice_characters(blocks: Iterable[str], start: int, stop: int | None) -> Iterator[str]:
    """Takes characters `start` to `stop` of a text, as `text[start:stop]` does.

    Args:
        blocks: text in strings.
        start: index of the first character, at least 0.
        stop: index after the last one; None is the end.

    Yields:
        The text in strings, none empty.

    Example:
        >>> list(slice_characters(["abc", "def", "ghi"], 2, 7))
        ['c', 'def', 'g']
    """
    place = 0
    for block in blocks:
        if stop is not None and place >= stop:
            return
        part = block[max(start - place, 0) : None if stop is None else stop - place]
        place += len(block)
        if part:
            yield part


def join_blocks(records: Iterable[Record], kind: str, counts: Counter[str]) -> Iterator[str]:
    r"""Joins the blocks of text files.

    Args:
        records: {"text", "block"}: the blocks of a file count from 0.
        kind: "stream": a file that does not end its last line is given a line end before the next;
            "line" or "paragraph": no line is cut, and an empty string begins each file.
        counts: takes the count `joined_files`.

    Yields:
        The text in strings.

    Example:
        >>> blocks = [{"text": "one", "block": 0}, {"text": "two\n", "block": 0}]
        >>> list(join_blocks(blocks, "stream", Counter()))
        ['one', '\n', 'two\n']
    """
    pending, last = "", "\n"
    for record in records:
        text = record["text"]
        if kind == "stream":
            if not record["block"] and not last.endswith("\n"):
                counts["joined_files"] += 1
                yield "\n"
            yield text
            last = text
            continue
        if not record["block"]:
            yield from ([pending, ""] if pending else [""])
            pending = ""
        pending += text
        if text.endswith("\n"):
            yield pending
            pending = ""
    if pending:
        yield pending


def check_kind(documents: str | None, are_documents: bool) -> str:
    """Settles where documents begin and end.

    Args:
        documents: None, or one of "stream", "line", "paragraph".
        are_documents: whether each text of the source is a document.

    Returns:
        "stream", "document", "line" or "paragraph".

    Raises:
        ArgumentError: an unknown word.

    Example:
        >>> check_kind(None, are_documents=False)
        'stream'
    """
    if documents is None:
        return "document" if are_documents else "stream"
    if documents not in KINDS or (documents == "document" and not are_documents):
        raise ArgumentError(
            f'documents is {documents!r}; choose "stream" (one text without borders), "line" or '
            '"paragraph", or None'
        )
    return documents
