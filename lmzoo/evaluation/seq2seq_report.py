"""BLEU, chrF and ROUGE of what a model generates for the texts of a split."""

import math
import re
import time
from collections.abc import Callable
from typing import Any

import keras

from lmzoo.evaluation.report import DIVERGED, Report, evaluated_splits, loss_and_perplexity
from lmzoo.generation import answer
from lmzoo.metrics import Bleu, ChrF, Rouge, choose_bleu_tokenizer, split_characters, split_words

# Where a sentence ends: a mark and a space, or one of the marks that no space follows.
SENTENCE_END = re.compile(r"(?<=[.!?؟।။។])\s|(?<=[。！？｡])")


def seq2seq(
    model: keras.Model,
    data: Any,
    *,
    num_beams: int = 5,
    limit: int | None = None,
    joiner: str = "",
    batch_size: int = 64,
) -> Report:
    """Generates the targets of the validation and the test split and scores them.

    Args:
        model: compiled, with a perplexity metric, as every Seq2SeqModel of the zoo.
        data: a Seq2SeqData.
        num_beams: hypotheses of the search; 1 is greedy.
        limit: most texts of a split; None for all.
        joiner: the mark that joins pieces of words where the data are split into such, as "@@ ".
        batch_size: texts that are searched together.

    Returns:
        A report of `val_loss` (nats per token), `val_perplexity`, and for each split (`val_`,
        `test_`) `bleu`, `chrf`, `rouge1`, `rouge2`, `rougeL`, `rougeLsum`, `exact`
        (0 to 1) and `answer_seconds`; the signature of BLEU; the answers as answers_SPLIT.txt.

    Example:
        >>> import lmzoo
        >>> pairs = [(f"{n} dogs", f"{n} cats") for n in range(20)]
        >>> data = lmzoo.data.prepare_seq2seq(pairs, tokenizer="word", valid_fraction=0.2)
        >>> model = lmzoo.build_gru_seq2seq(data.vocab_size, embed_dim=4, hidden_dim=4)
        >>> model.compile("adam")
        >>> report = lmzoo.evaluation.seq2seq(model, data, num_beams=1)
        >>> 0 <= report.metrics["val_bleu"] <= 100
        True
    """
    loss, perplexity = loss_and_perplexity(model, data.valid)
    report = Report({"val_loss": loss, "val_perplexity": perplexity})
    if math.isnan(loss):
        report.rows = [DIVERGED]
        return report
    join = joined(joiner)
    for split, name in evaluated_splits(data):
        sources, references = (texts[:limit] for texts in data.texts(split))
        references = [join(text) for text in references]
        if data.saved_task.settings["lowercase"]:
            references = [text.lower() for text in references]
        start = time.monotonic()
        rows = min(batch_size, len(sources))
        texts = answer(
            model, sources, tokenizer=data.tokenizers, num_beams=num_beams, batch_size=rows
        )
        texts = [join(text) for text in texts]
        report.metrics[f"{name}_answer_seconds"] = time.monotonic() - start
        scores = score_texts(texts, references, is_tokenized=bool(joiner))
        report.metrics["bleu_signature"] = scores.pop("bleu_signature")
        report.metrics |= {f"{name}_{key}": value for key, value in scores.items()}
        report.files[f"answers_{split}.txt"] = "\n".join(texts) + "\n"
        shown = list(zip(map(join, sources), references, texts, strict=True))[:3]
    report.rows = _rows(report.metrics, name)
    for source, reference, text in shown:
        report.rows += [("", ""), ("source", source), ("reference", reference), ("answer", text)]
    return report


def score_texts(
    texts: list[str], references: list[str], *, is_tokenized: bool = False
) -> dict[str, Any]:
    """BLEU with its signature, chrF and ROUGE (0 to 100), and the rate of equal texts."""
    split = choose_bleu_tokenizer(references, is_tokenized=is_tokenized)
    bleu, chrf = Bleu(split), ChrF()
    rouge = Rouge(split_characters if split in ("zh", "char") else split_words)
    for metric in (bleu, chrf, rouge):
        metric.add(texts, references)
    equal = sum(text == reference for text, reference in zip(texts, references, strict=True))
    scores = {"bleu": bleu.result(), "chrf": chrf.result(), **rouge.result()}
    return {**scores, "exact": equal / len(texts), "bleu_signature": bleu.signature}


def lead_baseline(data: Any, *, split: str | None = None) -> dict[str, float]:
    """ROUGE of each source's first sentence: the baseline of every summary.

    Args:
        data: a Seq2SeqData.
        split: None takes the test split where there is one, else validation.

    Returns:
        "lead_rouge1", "lead_rouge2", "lead_rougeL" and "lead_rougeLsum", 0 to 100.

    Example:
        >>> import lmzoo
        >>> pairs = [("One dog ran. It saw cats.", "One dog ran.")] * 4
        >>> data = lmzoo.data.prepare_seq2seq({"train": pairs, "valid": pairs}, tokenizer="word")
        >>> lmzoo.evaluation.lead_baseline(data)["lead_rouge1"]
        100.0
    """
    split = split or ("test" if data.test is not None else "valid")
    sources, references = data.texts(split)
    rouge = Rouge()
    rouge.add([SENTENCE_END.split(text)[0] for text in sources], references)
    return {f"lead_{name}": value for name, value in rouge.result().items()}


def joined(mark: str) -> Callable[[str], str]:
    """A function that joins pieces of words.

    Args:
        mark: what ends a piece, such as "@@ "; an empty one: texts stay as they are.

    Returns:
        From a text to the text with whole words.

    Example:
        >>> joined("@@ ")("a lit@@ tle dog")
        'a little dog'
    """

    def join(text: str) -> str:
        return text.replace(mark, "").removesuffix(mark.rstrip()) if mark else text

    return join


def _rows(metrics: dict[str, Any], name: str) -> list[tuple[str, str]]:
    rouge = ", ".join(f"{metrics[f'{name}_rouge{n}']:.2f}" for n in "12L")
    return [
        ("BLEU", f"{metrics[f'{name}_bleu']:.2f} ({metrics['bleu_signature']})"),
        ("chrF", f"{metrics[f'{name}_chrf']:.2f}"),
        ("ROUGE 1, 2, L", rouge),
        ("exactly right", f"{metrics[f'{name}_exact']:.1%}"),
        ("perplexity", f"{metrics['val_perplexity']:,.2f} (validation)"),
        ("answering", f"{metrics[f'{name}_answer_seconds']:.0f} seconds"),
    ]
