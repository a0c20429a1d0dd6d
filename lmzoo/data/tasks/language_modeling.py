"""Language modeling: from texts to batches of (ids, next ids, weights)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np

from lmzoo.data.batching import packing
from lmzoo.data.batching.batches import Batches
from lmzoo.data.batching.checks import check_sizes
from lmzoo.data.batching.encoding import Encoded, Encoder, predicted_counts
from lmzoo.data.batching.orders import length_pools, row_order
from lmzoo.data.batching.token_store import TokenStore
from lmzoo.data.batching.tokenizer import choose_tokenizer, remember, tokenizer_report
from lmzoo.data.prepared import PreparedData
from lmzoo.data.saved_task import SavedTask
from lmzoo.data.sources import read_texts
from lmzoo.data.text.partition import CleanTexts, clean_and_split
from lmzoo.errors import ArgumentError, DataError
from lmzoo.tokenizers.cleaning import Rule, choose_rules

LAYOUTS = ("packed", "padded", "contiguous")


@dataclass
class LMData(PreparedData):
    """Batches for language modeling, and what was counted on the way to them.

    `train`, `valid` and `test` are Datasets of (ids, next ids, weights): int32, int32 and float32
    (batch_size, sequence_length), the last batch filled up with padding. Weights are 1 at the
    positions that count in loss and perplexity, else 0.

    Args:
        report, batches, saved_task, settings: see `PreparedData`.
        corpus: {"text"} by split, cleaned: documents, or pieces of a stream.
        encoded: the tokens by split.
        valid_counts, test_counts: tokens (with end tokens), words, characters and bytes to predict.
        floor_nats, floor_per_document: nats that a perfect model needs for the validation split,
            and for each of its documents, (documents,); None: unknown.
    """

    encoded: dict[str, Encoded] = field(repr=False)
    valid_counts: dict[str, int] | None = None
    test_counts: dict[str, int] | None = None
    floor_nats: float | None = None
    floor_per_document: np.ndarray | None = field(default=None, repr=False)

    def ids(self, split: str = "train") -> np.ndarray:
        """The ids of a split, (n,); documents as `eos document eos ... eos`."""
        return self.encoded[split].store.ids


def prepare_lm(
    source: Any,
    *,
    columns: Sequence[str | int] | None = None,
    tokenizer: Any = "unigram",
    vocab_size: int | None = None,
    sequence_length: int = 64,
    batch_size: int = 32,
    documents: str | None = None,
    layout: str = "packed",
    valid_fraction: float = 0.1,
    valid_overlap: int = 0,
    clean: bool | str | Iterable[str | Rule] = True,
    deduplicate: bool = True,
    grammar_size: int = 20_000,
    seed: int = 0,
) -> LMData:
    """Reads, cleans, splits, tokenizes and batches texts for language modeling.

    A text without document borders is a stream: training rows are windows of it whose grid moves
    by a seeded shift in each epoch; validation is its last part. Documents (`ids + [eos]`) fill
    rows whole; `eos` is the input that predicts their first token. Texts are never held in memory;
    tokens beyond 128 MB go to a temporary file.

    Args:
        source, columns, grammar_size: see `read_texts`.
        tokenizer: a kind for `train_tokenizer`, which then sees the training texts only; the path
            of a saved tokenizer; or a tokenizer.
        vocab_size: of the tokenizer to train; None: its kind's own.
        sequence_length, batch_size: positions in a row and rows in a batch, at least 1.
        documents: "stream", "line" (each line is a document) or "paragraph" (blank lines separate
            them). None: files are streams, other texts documents.
        layout: "packed": several documents share a row. "padded": each has its own rows, those of
            similar length make a training batch. "contiguous": row i of a batch continues in row
            i of the next one, for models that carry their state; nothing is shuffled.
        valid_fraction: of a stream (its end) or of documents (by hash) if there is no validation.
        valid_overlap: tokens that each validation row of a stream repeats as context, with weight
            0; 0 to `sequence_length - 1`.
        clean: True: the harmless rules, which the tokenizer then applies to every later text too;
            False: none; or rules by name: see `choose_rules`.
        deduplicate: whether repeated documents are dropped (never from a stream or the grammar).
        seed: of split, order, shifts, and the grammar's sample.

    Returns:
        The batches, the tokenizer (which remembers what a text begins with: see its `start_id`)
        and the counts.

    Raises:
        DataError: texts that cannot be used: missing, empty, binary, or shorter than a row.

    Example:
        >>> texts = ["to be or not to be " * 5, "that is the question " * 5]
        >>> data = prepare_lm(texts, tokenizer="char", sequence_length=16, batch_size=2)
        >>> [(part.shape.as_list(), part.dtype.name) for part in next(iter(data.train))]
        [([2, 16], 'int32'), ([2, 16], 'int32'), ([2, 16], 'float32')]
    """
    check_sizes({"sequence_length": sequence_length, "batch_size": batch_size})
    if layout not in LAYOUTS:
        raise ArgumentError(f"layout is {layout!r}; choose one of {', '.join(LAYOUTS)}")
    rules = choose_rules(clean)
    corpus = read_texts(source, columns=columns, grammar_size=grammar_size, seed=seed)
    texts = clean_and_split(
        corpus,
        documents=documents,
        rules=rules,
        valid_fraction=valid_fraction,
        deduplicate=deduplicate,
        seed=seed,
    )
    if valid_overlap and (texts.kind != "stream" or layout == "contiguous"):
        raise ArgumentError(
            f"valid_overlap={valid_overlap} is for streams that are not contiguous, where a row "
            "begins anywhere; use 0 here"
        )
    # What is typed later gets the rules that these texts got.
    trained = choose_tokenizer(
        tokenizer, vocab_size, texts.read("train"), normalize="unicode" in rules
    )
    # A stream's rows begin anywhere, a document's behind an end token.
    trained = remember(trained, "start_id", None if texts.kind == "stream" else trained.eos_id)
    rows = _Layout(texts.kind, layout, sequence_length, batch_size, valid_overlap, seed)
    encoded = {split: rows.encode(texts, split, trained) for split in texts.sizes}
    batches = {split: rows.batches(encoded[split], split, trained.pad_id) for split in encoded}
    sizes = {"sequence_length": sequence_length, "layout": layout}
    task = {"documents": texts.kind, "lowercase": trained.lowercase, **sizes}
    counts = {name: count for name, count in texts.counts.items() if count}
    report = {
        "source": texts.corpus.name,
        "documents": texts.kind,
        "cleaning": {name: counts.get(name, 0) for name in rules},
        "reading": {name: count for name, count in counts.items() if name not in rules},
        "tokenizer": tokenizer_report(trained),
        **{split: rows.count(each, batches[split]) for split, each in encoded.items()},
        "notes": [*texts.corpus.notes, *_notes(trained, encoded)],
    }
    settings = {"seed": seed, "batch_size": batch_size, **sizes}
    saved = SavedTask("lm", task, trained)
    data = LMData(report, texts.corpus, batches, saved, settings, encoded)
    predicted = {split: predicted_counts(encoded[split]) for split in encoded if split != "train"}
    data.valid_counts, data.test_counts = predicted.get("valid"), predicted.get("test")
    if "valid" in encoded and (language := corpus.grammar) is not None:
        _find_floor(data, language, sequence_length, is_cut_allowed=layout == "contiguous")
    return data


@dataclass(frozen=True)
class NextTokens:
    """Collates the rows of an epoch, of a token store, into (ids, next ids, weights)."""

    store: TokenStore
    rows: Callable[[int], packing.Rows]
    pad_id: int

    def __call__(self, numbers: np.ndarray, widths: tuple[int, ...], epoch: int) -> Any:
        """Reads rows by their numbers, -1 an empty one; arrays (n, width)."""
        located = self.rows(epoch).locate(np.maximum(numbers, 0))
        start, length, skip = (part[:, None] for part in located)
        place = np.arange(widths[0] + 1)
        tokens = self.store.take(np.minimum(start - 1 + place, self.store.size - 1))
        real = (place[:-1] < length) & (numbers >= 0)[:, None]
        weights = (real & (place[:-1] >= skip)).astype(np.float32)
        ids, next_ids = tokens[:, :-1], tokens[:, 1:]
        if not real.all():
            ids, next_ids = (np.where(real, part, self.pad_id) for part in (ids, next_ids))
        return ids, next_ids, weights


@dataclass(frozen=True)
class _Layout:
    """How rows are laid over the tokens; the arguments are those of `prepare_lm`."""

    kind: str
    layout: str
    sequence_length: int
    batch_size: int
    valid_overlap: int
    seed: int

    def encode(self, texts: CleanTexts, split: str, tokenizer: Any) -> Encoded:
        """Tokenizes one split and checks that it is long enough."""
        train = split == "train"
        check_all = texts.corpus.grammar is not None and not train
        encoder = Encoder(tokenizer, count_text=not train, check_all=check_all)
        if self.kind == "stream":
            encoded = encoder.encode_stream(texts.read(split))
        else:
            packer = packing.DocumentPacker(self.sequence_length, pack=self.layout != "padded")
            encoded = encoder.encode_documents(
                texts.read(split), packer, reorder=train and self.layout == "packed"
            )
        targets = encoded.store.size - 1
        if train and targets < self.sequence_length:
            raise DataError(
                f"the training text gives {max(targets, 0)} tokens to predict, fewer than one "
                f"sequence of {self.sequence_length}; give more text or a sequence_length of "
                f"{max(targets, 1)} or less"
            )
        return encoded

    def batches(self, encoded: Encoded, split: str, pad_id: int) -> Batches:
        """Lays rows over the tokens of one split."""
        length, size, train = self.sequence_length, self.batch_size, split == "train"
        rows = self._rows(encoded, train)
        collate = NextTokens(encoded.store, rows, pad_id)
        count = rows(0).count
        if train and self.layout == "padded" and self.kind != "stream":
            lengths = rows(0).locate(np.arange(count))[1]
            order = length_pools(lengths, size, length, self.seed)
            return Batches(order, collate, (size, None))
        seed = self.seed if train and self.layout != "contiguous" else None
        return Batches(row_order(count, size, length, seed), collate, (size, length))

    def _rows(self, encoded: Encoded, train: bool) -> Callable[[int], packing.Rows]:
        """The rows of each epoch; always as many."""
        tokens, length, packer = encoded.store.size, self.sequence_length, encoded.packer
        if self.layout == "contiguous":
            borders = None if packer is None else np.frombuffer(packer.documents, np.int64)
            fixed = packing.lane_rows(tokens, length, self.batch_size, borders)
        elif packer is not None:
            fixed = packer.rows()
        elif not train:
            fixed = packing.window_rows(tokens, length, overlap=self.valid_overlap)
        else:
            shifts = packing.possible_shifts(tokens, length)

            def shifted(epoch: int) -> packing.Rows:
                choose = np.random.default_rng([self.seed % 2**32, epoch, 1])
                return packing.window_rows(tokens, length, shift=int(choose.choice(shifts)))

            return shifted
        return lambda epoch: fixed

    def count(self, encoded: Encoded, batches: Batches) -> dict[str, Any]:
        """The counts of one split for the report."""
        documents = {} if self.kind == "stream" else {"documents": encoded.counts["texts"]}
        counts = documents | encoded.counts
        names = ("documents", "characters", "tokens", "cut_documents", "words", "bytes")
        positions = batches.steps * self.batch_size * self.sequence_length
        return {
            **{name: counts[name] for name in names if name in counts},
            "unknown_tokens": counts["unknown_tokens"],
            "unknown_rate": counts["unknown_tokens"] / max(counts["tokens"], 1),
            "rows": batches.order.rows,
            "batches": batches.steps,
            "filled": round((encoded.store.size - 1) / positions, 4),
        }


def _find_floor(data: LMData, language: str, sequence_length: int, *, is_cut_allowed: bool) -> None:
    """Computes the nats that a perfect model of the grammar needs, where they are known."""
    from lmzoo import grammar

    encoded, notes = data.encoded["valid"], data.report["notes"]
    cut = encoded.counts["cut_documents"]
    if encoded.changed is not None:
        notes.append("no floor: the tokenizer does not give back every document")
    elif cut and not is_cut_allowed:
        notes.append(
            f"no floor: {cut} validation documents are longer than sequence_length="
            f"{sequence_length}, and a cut document is harder to predict"
        )
    else:
        texts = (record["text"] for record in data.corpus.read("valid"))
        floors = -np.array([grammar.log_probability(text, language=language) for text in texts])
        if np.isfinite(floors).all():
            data.floor_per_document, data.floor_nats = floors, float(floors.sum())
        else:
            notes.append("no floor: cleaning changed documents of the grammar")


def _notes(tokenizer: Any, encoded: Mapping[str, Encoded]) -> list[str]:
    """What a reader of the counts should know."""
    note = getattr(tokenizer, "report", {}).get("note")
    notes = [note] if note else []
    if any(each.counts["unknown_tokens"] for split, each in encoded.items() if split != "train"):
        notes.append(
            "there are unknown tokens in validation or test: a model need not tell them apart, so "
            "that perplexity and bits per byte are lower than for a tokenizer without them"
        )
    for split, each in encoded.items():
        if each.changed is None:
            continue
        before, after = each.changed
        pairs = enumerate(zip_longest(before, after))
        place = next(number for number, (old, new) in pairs if old != new)
        cut = slice(max(0, place - 20), place + 20)
        notes.append(
            f"the tokenizer does not give back all text of {split}: {before[cut]!r} came back as "
            f"{after[cut]!r}"
        )
    return notes
