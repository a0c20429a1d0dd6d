"""Trees whose every phrase is labeled, in the brackets of the Penn Treebank."""

import re
from collections.abc import Iterator
from pathlib import Path

from lmzoo.data.corpus import Record
from lmzoo.data.readers.text import placed_lines
from lmzoo.data.records import BLANKS, LABELED
from lmzoo.errors import DataError

_TOKEN = re.compile(rf"[()]|[^{BLANKS}()]+")
# Five grades of sentiment as two; the middle one is left out.
_TWO = {"0": "negative", "1": "negative", "2": "", "3": "positive", "4": "positive"}


def parse_tree(line: str) -> list[tuple[str, str]]:
    """The phrases of a tree, (text, label), words first, the sentence last; Socher et al. 2013."""
    found: list[tuple[str, str]] = []
    open_: list[tuple[str, list[str]]] = []
    tokens = iter(_TOKEN.findall(line))
    for token in tokens:
        if not open_ and (token != "(" or found):
            raise _broken(line, f"{token!r} stands outside the brackets")
        if token == "(":
            label = next(tokens, ")")
            if label in "()":
                raise _broken(line, "a bracket without label")
            open_.append((label, []))
        elif token != ")":
            open_[-1][1].append(token)
        else:
            label, words = open_.pop()
            if not words:
                raise _broken(line, f"the bracket {label!r} holds no word")
            found.append((" ".join(words), label))
            if open_:
                open_[-1][1].extend(words)
    if open_ or not found:
        raise _broken(line, f"{len(open_)} brackets are not closed" if open_ else "no bracket")
    return found


def _broken(line: str, why: str) -> DataError:
    return DataError(f"{line[:60]!r} is not a tree: {why}; it should read like (3 (2 a) (4 film))")


def read_trees(path: Path, *, phrases: bool, binary: bool, encoding: str) -> Iterator[Record]:
    """Reads a tree in each line: if `phrases`, every phrase once in the file; else sentences."""
    seen: set[tuple[str, str]] = set()
    for place, line in placed_lines(path, encoding):
        try:
            found = parse_tree(line)
        except DataError as error:
            raise DataError(f"{place}: {error}") from error
        for text, label in found if phrases else found[-1:]:
            if binary and label not in _TWO:
                wrong = f"{place}: the label {label!r} is not one of 0 to 4"
                raise DataError(f'{wrong}; read it with format="trees"')
            label = _TWO[label] if binary else label
            if label and not (phrases and (text, label) in seen):
                seen.add((text, label))
                yield LABELED.make([text, label], LABELED.keys, place)
