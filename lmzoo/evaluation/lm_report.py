"""Perplexities of a language model, beside the grammar's floor where it is known."""

import itertools
import math
from typing import Any

import keras
import numpy as np

from lmzoo import grammar
from lmzoo.data.batching.encoding import count_words
from lmzoo.evaluation.report import DIVERGED, Report, as_text, loss_and_perplexity
from lmzoo.generation import generate, score
from lmzoo.metrics import bits_per_byte, perplexity_per_word

LONGEST_SAMPLE = 127  # tokens; with the end token in front they fill a power of two


def language_model(
    model: keras.Model, data: Any, *, split: str = "valid", samples: int = 1000, seed: int = 0
) -> Report:
    """Measures a language model on a whole split.

    For a sample of the embedded grammar, whose entropy is known, the report also says how far the
    model is from a perfect one, and how many documents that it generates are grammatical.

    Args:
        model: compiled, with a perplexity metric, as every language model of the zoo.
        data: an LMData.
        split: "valid" or "test".
        samples: how many documents are generated to be parsed; 0 for none.
        seed: of the sample.

    Returns:
        A report of `val_loss` (nats per token), `val_perplexity`, `val_perplexity_per_word`,
        `val_bits_per_byte`, `val_bits_per_character`, `val_tokens` (or `test_...`); with a floor
        `floor_loss`, `floor_perplexity`, `excess_per_word` (nats), its standard error, `parsed`.

    Example:
        >>> import lmzoo
        >>> data = lmzoo.data.prepare_lm(["a b c", "b c a"] * 20, tokenizer="word",
        ...                              deduplicate=False, sequence_length=8, batch_size=2)
        >>> model = lmzoo.build_gru_lm(data.vocab_size, embed_dim=4, hidden_dim=4)
        >>> model.compile("adam")
        >>> report = lmzoo.evaluation.language_model(model, data)
        >>> report.metrics["val_perplexity"] > 1
        True
    """
    prefix = "val" if split == "valid" else split
    batches, counts = getattr(data, split), getattr(data, f"{split}_counts")
    loss, perplexity = loss_and_perplexity(model, batches)
    nats = loss * counts["tokens"]
    metrics: dict[str, Any] = {
        f"{prefix}_loss": loss,
        f"{prefix}_perplexity": perplexity,
        f"{prefix}_perplexity_per_word": (
            perplexity_per_word(nats, counts["words"]) if counts["words"] else None
        ),
        f"{prefix}_bits_per_byte": bits_per_byte(nats, counts["bytes"]),
        f"{prefix}_bits_per_character": nats / counts["characters"] / math.log(2),
        f"{prefix}_tokens": counts["tokens"],
    }
    if split == "valid" and data.floor_nats is not None:
        metrics["floor_loss"] = data.floor_nats / counts["tokens"]
        metrics["floor_perplexity"] = math.exp(metrics["floor_loss"])
        metrics["excess_per_word"] = (nats - data.floor_nats) / counts["words"]
        is_number = math.isfinite(loss)
        metrics["excess_per_word_error"] = excess_error(model, data) if is_number else None
        if samples and is_number:
            texts = sample_documents(model, data.tokenizer, samples, seed=seed)
            parsed = sum(grammar.parses(text, language=data.corpus.grammar) for text in texts)
            metrics |= {"parsed": parsed / len(texts), "sampled": len(texts)}
    return Report(metrics, _rows(metrics, prefix))


def _rows(metrics: dict[str, Any], prefix: str) -> list[tuple[str, str]]:
    """The figures that a reader wants."""
    floor = metrics.get("floor_perplexity")
    known = "" if floor is None else f" (floor {floor:.2f})"
    words = metrics[f"{prefix}_perplexity_per_word"]
    per_word = "not finite" if words is None or not math.isfinite(words) else f"{words:,.2f}"
    rows = [] if math.isfinite(metrics[f"{prefix}_loss"]) else [DIVERGED]
    rows += [
        ("perplexity", f"{metrics[f'{prefix}_perplexity']:,.2f}{known}"),
        ("loss", f"{metrics[f'{prefix}_loss']:.4f} nats per token"),
        ("per word", per_word),
        ("bits per byte", f"{metrics[f'{prefix}_bits_per_byte']:.4f}"),
        ("bits per character", f"{metrics[f'{prefix}_bits_per_character']:.4f}"),
    ]
    if floor is not None:
        excess, error = metrics["excess_per_word"], metrics["excess_per_word_error"]
        spread = "" if error is None else f", standard error {error:.4f}"
        more = math.expm1(min(excess, 700.0))
        text = f"{as_text(more, ',.1%')} per word ({as_text(excess)} nats{spread})"
        rows.append(("above the floor", text))
    if "parsed" in metrics:
        rows.append(("grammatical", f"{metrics['parsed']:.1%} of {metrics['sampled']:,} samples"))
    return rows


def sample_documents(
    model: keras.Model, tokenizer: Any, count: int, *, seed: int, batch_size: int = 250
) -> list[str]:
    """Generates documents from their beginning to their end, at temperature 1."""
    longest = min(LONGEST_SAMPLE, (getattr(model, "max_length", None) or 1 << 30) - 1)
    prompts = [[tokenizer.eos_id]] * min(batch_size, count)
    texts: list[str] = []
    while len(texts) < count:
        settings: dict[str, Any] = {"max_new_tokens": longest, "seed": seed + len(texts)}
        rows = generate(model, prompts, tokenizer=tokenizer, **settings)
        texts += [tokenizer.decode(row[1:]) for row in rows]
    return texts[:count]


def excess_error(model: keras.Model, data: Any) -> float | None:
    """The standard error of the nats per word by which a model misses the grammar's floor."""
    eos, ids = data.tokenizer.eos_id, data.ids("valid")
    ends = np.flatnonzero(ids == eos)  # `eos document eos ... eos`
    rows = [ids[start : end + 1] for start, end in itertools.pairwise(ends)]
    longest = getattr(model, "max_length", None) or math.inf
    if len(rows) < 2 or max(map(len, rows)) > longest:
        return None
    nats = [-float(np.sum(values, dtype=np.float64)) for values in score(model, rows)]
    excess = np.array(nats) - data.floor_per_document
    words = np.array([count_words(data.tokenizer.decode(row)) for row in rows])
    ratio = excess.sum() / words.sum()
    return float(np.std(excess - ratio * words, ddof=1) / words.mean() / math.sqrt(len(rows)))
