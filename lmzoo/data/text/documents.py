"""Turns blocks of text into documents, or into pieces of one text without borders."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

from lmzoo.data.corpus import Record
from lmzoo.errors import ArgumentError

PIECE_CHARACTERS = 1 << 14
KINDS = ("stream", "document", "line", "paragraph")


def split_lines(blocks: Iterable[str]) -> Iterator[str]:
    """Takes each line as a document, blank ones too; blocks end where lines end."""
    for block in blocks:
        if block:
            yield from block.removesuffix("\n").split("\n")


def split_paragraphs(blocks: Iterable[str]) -> Iterator[str]:
    """Takes the lines between blank lines, or between empty blocks, as a document."""
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
    """Finds the documents: each text, "line" or "paragraph"; drops and counts blank ones."""
    for text in {"line": split_lines, "paragraph": split_paragraphs}.get(kind, iter)(blocks):
        if text and not text.isspace():
            yield text
        else:
            counts["empty_documents"] += 1


def cut_pieces(blocks: Iterable[str], size: int = PIECE_CHARACTERS) -> Iterator[str]:
    """Cuts text into pieces of at most `size` characters: after a line if it can, else a space."""
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
    """Takes characters `start` to `stop` of a text, as `text[start:stop]` does."""
    place = 0
    for block in blocks:
        if stop is not None and place >= stop:
            return
        part = block[max(start - place, 0) : None if stop is None else stop - place]
        place += len(block)
        if part:
            yield part


def join_blocks(records: Iterable[Record], kind: str, counts: Counter[str]) -> Iterator[str]:
    """Joins the blocks of text files, {"text", "block"}; a file ends its last line in a stream.

    Otherwise no line is cut, and an empty string begins each file.
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
    """Settles where documents end; `are_documents`: whether each text of the source is one."""
    if documents is None:
        return "document" if are_documents else "stream"
    if documents not in KINDS or (documents == "document" and not are_documents):
        raise ArgumentError(
            f'documents is {documents!r}; choose "stream" (one text without borders), "line" or '
            '"paragraph", or None'
        )
    return documents
