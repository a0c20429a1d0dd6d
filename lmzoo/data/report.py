"""Says what happened to the texts on their way into batches."""

from collections.abc import Mapping
from typing import Any

from lmzoo.data.batch import Batches
from lmzoo.data.lm_corpus import Corpus
from lmzoo.data.encode import Encoded

KIND_NAMES = {
    "stream": "one text without document borders",
    "document": "each text is a document",
    "line": "each line is a document",
    "paragraph": "blank lines part documents",
}


def make_report(
    corpus: Corpus, tokenizer: Any, parts: Mapping[str, Encoded], batches: Mapping[str, Batches]
) -> dict[str, Any]:
    """Collects the counts of a corpus and its batches.

    Args:
        corpus: the texts, split.
        tokenizer: their tokenizer.
        parts: the tokens by part.
        batches: the batches by part.

    Returns:
        A dictionary of JSON values: `source`, `documents`, `cleaning` (changes by rule), `reading`
        (what was mended or
        dropped besides),
        `tokenizer`, a dictionary for each part, `notes`.
    """
    counts = {name: count for name, count in corpus.counts.items() if count}
    report: dict[str, Any] = {
        "source": corpus.texts.name,
        "documents": corpus.kind,
        "cleaning": {name: counts.get(name, 0) for name in corpus.rules},
        "reading": {name: count for name, count in counts.items() if name not in corpus.rules},
        "tokenizer": {"kind": tokenizer.kind, "vocab_size": int(tokenizer.vocab_size)},
    }
    report["notes"] = list(corpus.texts.notes)
    if note := getattr(tokenizer, "report", {}).get("note"):
        report["notes"].append(note)
    for part, encoded in parts.items():
        report[part] = _count_part(corpus, part, encoded, batches[part])
    report["notes"] += _notes(corpus, parts)
    return report


def _count_part(corpus: Corpus, part: str, encoded: Encoded, batches: Batches) -> dict[str, Any]:
    """Counts one part."""
    counts = encoded.counts
    rows = batches.rows(0).count
    found: dict[str, Any] = {"characters": counts["characters"], "tokens": counts["tokens"]}
    if corpus.kind != "stream":
        found = {"documents": counts["texts"]} | found
        found["cut_documents"] = counts["cut_documents"]
    found |= {name: counts[name] for name in ("words", "bytes") if name in counts}
    found["unknown_tokens"] = counts["unknown_tokens"]
    found["unknown_rate"] = counts["unknown_tokens"] / max(counts["tokens"], 1)
    found |= {"rows": rows, "batches": batches.steps}
    places = batches.steps * batches.batch_size * batches.sequence_length
    found["filled"] = round((encoded.store.size - 1) / places, 4)
    return found


def _notes(corpus: Corpus, parts: Mapping[str, Encoded]) -> list[str]:
    """Says in words what a reader of the counts should know."""
    notes = []
    if corpus.texts.grammar:
        notes.append("a sample of the grammar: repetitions are part of its distribution and stay")
    if any(encoded.counts["unknown_tokens"] for part, encoded in parts.items() if part != "train"):
        notes.append(
            "there are unknown tokens in validation or test: a model need not tell them apart, so "
            "that perplexity and bits per byte come out lower than for a tokenizer without them"
        )
    for part, encoded in parts.items():
        if encoded.changed is None:
            continue
        before, after = encoded.changed
        place = next(
            (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b),
            min(len(before), len(after)),
        )
        cut = slice(max(0, place - 20), place + 20)
        notes.append(
            f"the tokenizer does not give back all text of {part}: {before[cut]!r} came back as "
            f"{after[cut]!r}"
        )
    return notes


def describe_report(report: Mapping[str, Any]) -> str:
    """Prints a report as lines of text.

    Args:
        report: the answer of `make_report`.

    Returns:
        The lines.

    Example:
        >>> print(describe_report({"source": "a.txt", "documents": "stream", "notes": ["as is"],
        ...                        "cleaning": {"bom": 1, "nul": 0}, "reading": {},
        ...                        "tokenizer": {"kind": "char", "vocab_size": 9}}))
        source     a.txt
        documents  stream (one text without document borders)
        cleaning   bom 1, nul 0
        tokenizer  kind char, vocab_size 9
        note       as is
    """
    kind = report["documents"]
    lines = [("source", report["source"]), ("documents", f"{kind} ({KIND_NAMES[kind]})")]
    for name in ("cleaning", "reading", "tokenizer", "train", "valid", "test"):
        if report.get(name):
            pairs = (f"{key} {_show(value)}" for key, value in report[name].items())
            lines.append((name, ", ".join(pairs)))
    lines += [("note", note) for note in report["notes"]]
    return "\n".join(f"{name:9}  {text}" for name, text in lines)


def _show(value: Any) -> str:
    """Writes a number for reading."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
