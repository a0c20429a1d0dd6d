"""Turns blocks of text into documents, or into pieces of one text without borders."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

from lmzoo.data.corpus import Record
from lmzoo.errors import ArgumentError

PIECE_CHARACTERS = 1 << 14
KINDS = ("stream", "document", "line", "paragraph")


def split_lines(blocks: Iterable[str]) -> Iterator[str]:
    r"""Takes each line as a document, blank ones too; blocks end where lines end.

    >>> list(split_lines(["one\ntwo\n", "three"]))
    ['one', 'two', 'three']
    """
    for block in blocks:
        if block:
            yield from block.removesuffix("\n").split("\n")


def split_paragraphs(blocks: Iterable[str]) -> Iterator[str]:
    r"""Takes the lines between blank lines, or between empty blocks, as a document.

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
    """Finds the documents in texts; drops the blank ones and counts them as `empty_documents`.

    `kind` is "document" (each string is one), "line" or "paragraph".
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
    """Ends each text with a line end, if it has none."""
    for text in texts:
        yield text if text.endswith("\n") else text + "\n"


def cut_pieces(blocks: Iterable[str], size: int = PIECE_CHARACTERS) -> Iterator[str]:
    r"""Cuts text into pieces of at most `size` characters that a tokenizer takes one by one.

    A piece ends after a line if it can, else after a space; joined they are the text.

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
    r"""Joins the blocks of text files, {"text", "block"}, where blocks of a file count from 0.

    In a stream, a file that does not end its last line is given a line end before the next, which
    is counted as `joined_files`. For lines and paragraphs, no line is cut, and an empty string
    begins each file.

    >>> blocks = [{"text": "one", "block": 0}, {"text": "two\n", "block": 0}]
    >>> list(join_blocks(blocks, "stream", Counter()))
    ['one', '\n', 'two\n']
    """
    pending, last = "", "\n"
    for record in records:
        text, begins = record["text"], not record.get("block")
        if kind == "stream":
            if begins and not last.endswith("\n"):
                counts["joined_files"] += 1
                yield "\n"
            yield text
            last = text
            continue
        if begins:
            yield from ([pending, ""] if pending else [""])
            pending = ""
        pending += text
        if text.endswith("\n"):
            yield pending
            pending = ""
    if pending:
        yield pending


def check_kind(documents: str | None, are_documents: bool) -> str:
    """Settles where documents begin and end: "stream", "document", "line" or "paragraph".

    `documents` is one of them or None; `are_documents`: whether each text of the source is one.
    """
    if documents is None:
        return "document" if are_documents else "stream"
    if documents not in KINDS or (documents == "document" and not are_documents):
        raise ArgumentError(
            f'documents is {documents!r}; choose "stream" (one text without borders), "line" or '
            '"paragraph", or None'
        )
    return documents
