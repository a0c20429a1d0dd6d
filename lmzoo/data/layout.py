"""Tokenizes the parts of a corpus and lays the rows of the batches over the tokens."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmzoo.data.batch import Batches
from lmzoo.data.lm_corpus import Corpus
from lmzoo.data.encode import Encoded, Encoder
from lmzoo.data.rows import DocumentPacker, Rows, lane_rows, possible_shifts, window_rows
from lmzoo.errors import DataError


@dataclass(frozen=True)
class Layout:
    """How the rows of the batches are laid over the tokens; the arguments are `prepare_lm`'s."""

    sequence_length: int
    batch_size: int
    kind: str
    contiguous: bool
    pack: bool
    valid_overlap: int
    seed: int

    def encode(
        self, corpus: Corpus, part: str, tokenizer: Any, cache_dir: str | Path | None
    ) -> Encoded:
        """Tokenizes one part and checks that it is long enough."""
        train = part == "train"
        check_all = corpus.texts.grammar is not None and not train
        encoder = Encoder(tokenizer, cache_dir, count_text=not train, check_all=check_all)
        if self.kind == "stream":
            encoded = encoder.encode_stream(corpus.read(part))
        else:
            packer = DocumentPacker(self.sequence_length, pack=self.pack)
            encoded = encoder.encode_documents(
                corpus.read(part),
                packer,
                reorder=train and self.pack and not self.contiguous,
                keep_starts=self.contiguous,
            )
        targets = encoded.store.size - 1
        if train and targets < self.sequence_length:
            raise DataError(
                f"the training text gives {max(targets, 0)} tokens to predict, fewer than one "
                f"sequence of {self.sequence_length}; give more text or a sequence_length of "
                f"{max(targets, 1)} or less"
            )
        return encoded

    def batches(self, encoded: Encoded, part: str, pad_id: int) -> Batches:
        """Lays rows over the tokens of one part."""
        train, store = part == "train", encoded.store
        shuffled = self.seed if train and not self.contiguous else None
        size, length = store.size, self.sequence_length
        if self.contiguous:
            rows = lane_rows(size, length, self.batch_size, encoded.starts)
        elif self.kind != "stream":
            rows = encoded.rows
            if train and not self.pack:
                return Batches(
                    store, length, self.batch_size, lambda epoch: rows, self.seed, pad_id, True
                )
        elif not train:
            rows = window_rows(size, length, overlap=self.valid_overlap)
        else:
            shifts = possible_shifts(size, length)

            def shifted(epoch: int) -> Rows:
                choose = np.random.default_rng([self.seed % 2**32, epoch, 1])
                return window_rows(size, length, shift=int(choose.choice(shifts)))

            return Batches(store, length, self.batch_size, shifted, shuffled, pad_id)
        return Batches(store, length, self.batch_size, lambda epoch: rows, shuffled, pad_id)
