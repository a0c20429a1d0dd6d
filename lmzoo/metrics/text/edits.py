"""Edit distance, and the error rates that are made of it."""

from collections.abc import Callable, Sequence
from typing import Any

from lmzoo.metrics.text.metric import TextMetric


def edit_distance(first: Sequence[Any], second: Sequence[Any]) -> int:
    """The fewest insertions, deletions and substitutions that turn one sequence into another.

    Args:
        first, second: strings, of which characters are edited, or lists of words.

    Returns:
        The number of edits.

    Source: Levenshtein 1966, https://nymity.ch/sybilhunting/pdf/Levenshtein1966a.pdf

    Example:
        >>> edit_distance("kitten", "sitting"), edit_distance(["a", "dog"], ["a", "cat"])
        (3, 1)
    """
    row = list(range(len(second) + 1))
    for number, item in enumerate(first, 1):
        diagonal, row[0] = row[0], number
        for place, other in enumerate(second, 1):
            edits = min(diagonal + (item != other), row[place] + 1, row[place - 1] + 1)
            diagonal, row[place] = row[place], edits
    return row[-1]


class ErrorRate(TextMetric):
    """Edits from all hypotheses to their references, per 100 tokens of these; less is better.

    Of several references that with the fewest edits counts. Above 100 for texts that are too long.

    Args:
        split: text -> tokens: `str.split` for the word error rate; `list` for that of characters.
        name: the metric's name.

    Example:
        >>> rate = ErrorRate()
        >>> rate.add(["a dog sleeps"], ["the dog sleeps here"])
        >>> rate.result()
        50.0
    """

    def __init__(
        self, split: Callable[[str], Sequence[Any]] = str.split, name: str = "wer"
    ) -> None:
        super().__init__()
        self.split, self.name = split, name

    def result(self) -> float:
        """The rate; without any token in the references 0 if there is no edit, else infinite."""
        self._streams()  # raises if there is no text
        edits = tokens = 0
        for hypothesis, references in zip(self.hypotheses, self.references, strict=True):
            words = self.split(hypothesis)
            wanted = [self.split(reference) for reference in references]
            fewest = min((edit_distance(words, text), len(text)) for text in wanted)
            edits, tokens = edits + fewest[0], tokens + fewest[1]
        if not tokens:
            return float("inf") if edits else 0.0
        return 100.0 * edits / tokens
