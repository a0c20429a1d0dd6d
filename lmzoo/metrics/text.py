"""Metrics of generated texts: BLEU, chrF, ROUGE, distinct n-grams; 0 to 100, as sacreBLEU."""

import collections
import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

from lmzoo.errors import ArgumentError

Texts = Sequence[str]
# Characters of Chinese and Japanese, in which words are not separated; words of other scripts.
_CJK = (
    "\u2e80-\u2fff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORDS = re.compile(rf"([{_CJK}])|(?:(?![{_CJK}])\w)+")


class TextMetric:
    """Abstract base class of scores of texts, `hypotheses` with one or more `references` each."""

    name = "score"

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets all texts."""
        self.hypotheses: list[str] = []
        self.references: list[list[str]] = []

    def add(self, hypotheses: Texts, references: Sequence[str | Sequence[str]]) -> None:
        """Adds generated texts, and for each of them a reference, or several."""
        if isinstance(hypotheses, str) or isinstance(references, str):
            raise ArgumentError("add takes lists of texts: write [hypothesis], [reference]")
        if len(hypotheses) != len(references):
            two = f"{len(hypotheses)} hypotheses and {len(references)} references"
            raise ArgumentError(f"{two}: each hypothesis needs its reference")
        given = [[text] if isinstance(text, str) else list(text) for text in references]
        missing = [number for number, texts in enumerate(given) if not texts]
        if missing:
            raise ArgumentError(f"hypothesis {missing[0]} has no reference: give at least one")
        self.hypotheses += list(hypotheses)
        self.references += given

    def result(self) -> Any:
        """The score of all texts so far."""
        raise AttributeError("TextMetric is abstract: use Bleu, ChrF, Rouge or DistinctN.")

    def _streams(self) -> list[list[Any]]:
        """References as sacreBLEU takes them: first ones, second ones, ... None where none is."""
        if not self.references:
            raise ArgumentError("there is no text to score: call add first")
        return list(map(list, itertools.zip_longest(*self.references)))


class _SacreBleuMetric(TextMetric):
    """A metric of sacreBLEU, which is imported at first use."""

    _metric: Any

    def result(self) -> float:
        """The score of all texts so far, 0 to 100."""
        return float(self._metric.corpus_score(self.hypotheses, self._streams()).score)

    @property
    def signature(self) -> str:
        """sacreBLEU's signature, which reports show; known once there is a result."""
        return str(self._metric.get_signature())


class Bleu(_SacreBleuMetric):
    """Corpus BLEU of sacreBLEU, 0 to 100.

    Args:
        tokenize: "13a" (raw text), "zh", "char", "intl", or "none" for tokenized texts; see
            `choose_bleu_tokenizer`. An ArgumentError names them all.
        lowercase: whether case is ignored.

    Source: Papineni et al. 2002, https://aclanthology.org/P02-1040; Post 2018,
    https://aclanthology.org/W18-6319

    Example:
        >>> bleu = Bleu()
        >>> bleu.add(["a dog runs in the park"], ["a dog runs in the park"])
        >>> round(bleu.result(), 1)
        100.0
    """

    name = "bleu"

    def __init__(self, tokenize: str = "13a", lowercase: bool = False) -> None:
        super().__init__()
        from sacrebleu.metrics import BLEU

        known = sorted(BLEU.TOKENIZERS)
        if tokenize not in known:
            raise ArgumentError(f"no tokenizer {tokenize!r} for BLEU; choose {', '.join(known)}")
        self._metric = BLEU(tokenize=tokenize, lowercase=lowercase, force=True)


class ChrF(_SacreBleuMetric):
    """Corpus chrF of sacreBLEU, 0 to 100.

    Args:
        word_order: 0 for chrF, 2 for chrF++.

    Source: Popović 2015, https://aclanthology.org/W15-3049

    Example:
        >>> chrf = ChrF()
        >>> chrf.add(["a dog"], ["a dog"])
        >>> round(chrf.result(), 1)
        100.0
    """

    name = "chrf"

    def __init__(self, word_order: int = 0) -> None:
        super().__init__()
        from sacrebleu.metrics import CHRF

        self._metric = CHRF(word_order=word_order)


def choose_bleu_tokenizer(references: Texts, *, is_tokenized: bool = False) -> str:
    """sacreBLEU's tokenizer for texts.

    Args:
        references: the texts.
        is_tokenized: whether their tokens are separated by spaces already.

    Returns:
        "none" for tokenized texts, "zh" if most words are Chinese characters, or "13a".

    Example:
        >>> choose_bleu_tokenizer(["他看书。"]), choose_bleu_tokenizer(["He reads."])
        ('zh', '13a')
    """
    if is_tokenized:
        return "none"
    is_chinese = [bool(word) for text in references for word in _WORDS.findall(text)]
    return "zh" if 2 * sum(is_chinese) > len(is_chinese) else "13a"


def split_words(text: str) -> list[str]:
    """The tokens of ROUGE in English.

    Args:
        text: any text.

    Returns:
        Runs of the letters a to z and digits, lowercased.

    Example:
        >>> split_words("Don't panic!")
        ['don', 't', 'panic']
    """
    return re.findall(r"[a-z0-9]+", text.lower())


def split_characters(text: str) -> list[str]:
    """The tokens of ROUGE in Chinese.

    Args:
        text: any text.

    Returns:
        The characters, white space left out.

    Example:
        >>> split_characters("好 书")
        ['好', '书']
    """
    return [character for character in text if not character.isspace()]


class Rouge(TextMetric):
    """ROUGE-1, ROUGE-2 and ROUGE-L (of sentences, no stemming): mean F1 of the best reference.

    Args:
        split: text -> tokens: `split_words`, `split_characters`, or your own function.

    Source: Lin 2004, https://aclanthology.org/W04-1013

    Example:
        >>> rouge = Rouge()
        >>> rouge.add(["the cat sat"], ["the cat slept"])
        >>> {name: round(value, 1) for name, value in rouge.result().items()}
        {'rouge1': 66.7, 'rouge2': 50.0, 'rougeL': 66.7}
    """

    name = "rouge"

    def __init__(self, split: Callable[[str], list[str]] = split_words) -> None:
        super().__init__()
        self.split = split

    def result(self) -> dict[str, float]:
        """The three means."""
        self._streams()  # raises if there is no text
        totals: dict[str, float] = dict.fromkeys(("rouge1", "rouge2", "rougeL"), 0.0)
        for hypothesis, references in zip(self.hypotheses, self.references, strict=True):
            words = self.split(hypothesis)
            scores = [_rouge(words, self.split(reference)) for reference in references]
            for place, name in enumerate(totals):
                totals[name] += max(score[place] for score in scores)
        return {name: 100.0 * total / len(self.hypotheses) for name, total in totals.items()}


def _rouge(words: list[str], reference: list[str]) -> list[float]:
    """F1 of single words, of pairs, and of the longest common subsequence."""
    counts = [(_common_length(words, reference), len(words) + len(reference))]
    for n in (2, 1):
        own, other = _ngrams(words, n), _ngrams(reference, n)
        counts.insert(0, ((own & other).total(), own.total() + other.total()))
    return [2.0 * common / total if common else 0.0 for common, total in counts]


def _ngrams(words: list[str], n: int) -> collections.Counter[tuple[str, ...]]:
    return collections.Counter(zip(*(words[i:] for i in range(n)), strict=False))


def _common_length(first: list[str], second: list[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for place, other in enumerate(second, 1):
            diagonal, above = row[place], diagonal
            row[place] = above + 1 if word == other else max(row[place], row[place - 1])
    return row[-1]


class DistinctN(TextMetric):
    """Percentage of distinct n-grams among all of the texts: their diversity.

    Args:
        n: length of the n-grams, 1 or more.

    Source: Li et al. 2016, https://aclanthology.org/N16-1014

    Example:
        >>> distinct = DistinctN(1)
        >>> distinct.add(["no no no yes"], [""])
        >>> distinct.result()
        50.0
    """

    def __init__(self, n: int = 2) -> None:
        super().__init__()
        if n < 1:
            raise ArgumentError(f"n is {n}; it must be at least 1")
        self.n, self.name = n, f"distinct_{n}"

    def result(self) -> float:
        """The percentage, 0 where there are no n-grams."""
        counts: collections.Counter[tuple[str, ...]] = collections.Counter()
        for text in self.hypotheses:
            counts.update(_ngrams(text.split(), self.n))
        return 100.0 * len(counts) / max(counts.total(), 1)
