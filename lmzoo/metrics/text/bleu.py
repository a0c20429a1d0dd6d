"""Metrics of sacreBLEU: BLEU, chrF and TER, and the tokenizer of BLEU for a script."""

from typing import Any

from lmzoo.errors import ArgumentError
from lmzoo.metrics.text.metric import TextMetric, Texts
from lmzoo.metrics.text.scripts import is_chinese, is_spaceless, split_words


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
            `choose_bleu_tokenizer`.
        lowercase: whether case is ignored.

    Raises:
        ArgumentError: sacreBLEU has no such tokenizer, or lacks what it needs.

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

        if tokenize not in BLEU.TOKENIZERS:
            raise ArgumentError(
                f"tokenize is {tokenize!r}; sacreBLEU has {', '.join(map(str, BLEU.TOKENIZERS))}"
            )
        try:
            self._metric = BLEU(tokenize=tokenize, lowercase=lowercase, force=True)
        except Exception as error:  # what a tokenizer needs beside sacreBLEU is missing
            raise ArgumentError(f"sacreBLEU's tokenizer {tokenize!r}: {error}") from error


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


class Ter(_SacreBleuMetric):
    """Translation edit rate of sacreBLEU: edits and shifts per 100 words; less is better.

    Args:
        normalized: whether the text is tokenized first.
        no_punct: whether punctuation is left out.
        asian_support: whether characters of Chinese and Japanese count as words, too.
        case_sensitive: whether case counts.

    Source: Snover et al. 2006, https://aclanthology.org/2006.amta-papers.25

    Example:
        >>> ter = Ter()
        >>> ter.add(["a dog sleeps here"], ["a dog is here"])
        >>> ter.result()
        25.0
    """

    name = "ter"

    def __init__(
        self,
        *,
        normalized: bool = False,
        no_punct: bool = False,
        asian_support: bool = False,
        case_sensitive: bool = False,
    ) -> None:
        super().__init__()
        from sacrebleu.metrics import TER

        self._metric = TER(
            normalized=normalized,
            no_punct=no_punct,
            asian_support=asian_support,
            case_sensitive=case_sensitive,
        )


def choose_bleu_tokenizer(references: Texts, *, is_tokenized: bool = False) -> str:
    """sacreBLEU's tokenizer for texts.

    Args:
        references: the texts.
        is_tokenized: whether their tokens are separated by spaces already.

    Returns:
        "none" for tokenized texts; if most words are of scripts without spaces, "zh" for Chinese
        and "char" for others (Japanese, Thai, Lao, Burmese, Khmer, ...); else "13a".

    Example:
        >>> texts = ["他看书。"], ["これはとてもきれいです"], ["He reads."]
        >>> [choose_bleu_tokenizer(references) for references in texts]
        ['zh', 'char', '13a']
    """
    if is_tokenized:
        return "none"
    words = [word for text in references for word in split_words(text)]
    spaceless = [word for word in words if is_spaceless(word)]
    if 2 * len(spaceless) <= len(words):
        return "13a"
    # A text of Chinese may quote some kana; Japanese has them in each sentence.
    return "zh" if 10 * sum(map(is_chinese, spaceless)) > 9 * len(spaceless) else "char"
