"""SentencePiece models with byte fallback: BPE and unigram, lossless on every text."""

import base64
import functools
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any, Self

import numpy as np
import tensorflow as tf

from lmzoo.errors import TokenizerError
from lmzoo.special_ids import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from lmzoo.tokenizers.base import FIRST, REPLACEMENT, Tokenizer
from lmzoo.tokenizers.texts import (
    check_vocab_size,
    even_sample,
    import_package,
    ranked,
    too_large,
)
from lmzoo.tokenizers.ties import Repetitions, find_repetitions, graph_settle, settle_batch
from lmzoo.typing import Tensor

DEFAULT_SIZE = 8000
SMALLEST = FIRST + 256 + 1
LONG = 1 << 16  # characters of a text that is encoded at once
SPACE = "\u2581"  # how sentencepiece writes a space
SAMPLE = 5_000_000  # characters that the trainer gets
LONGEST_LINE = 1000  # characters of one training sentence
COVERAGE = 0.9995  # of the characters are pieces themselves
# sentencepiece never learns a piece that is always followed by the same character, so words that
# always precede a space would be missing. Lines that end after random words avoid this.
WORDS_PER_SENTENCE = 4
# Tabs, NUL and sentencepiece's own symbols would make it skip a sentence: they remain bytes.
SEPARATORS = "\0\t\n\r\u2581\u2585\u2047"


class SentencePieceTokenizer(Tokenizer):
    """Abstract base class of `bpe` and `unigram`: a sentencepiece model with byte fallback.

    Lossless on every text: newlines, tabs and rare characters are one id for each UTF-8 byte, and
    so is U+2581, which sentencepiece itself uses for spaces. Text such as "<s>" or "<0x41>" is
    ordinary text.

    Source: Kudo and Richardson 2018, https://arxiv.org/abs/1808.06226.
    """

    def __init__(
        self, model: bytes, *, lowercase: bool = False, normalize: bool = False,
        report: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        processor = _import_sentencepiece().SentencePieceProcessor(model_proto=model)
        ids = range(FIRST, processor.get_piece_size())
        tokens = [processor.id_to_piece(index) for index in ids]
        data = [
            bytes([int(token[3:5], 16)])
            if processor.is_byte(index)
            else token.replace(SPACE, " ").encode()
            for index, token in zip(ids, tokens, strict=True)
        ]
        super().__init__(tokens, data, lowercase=lowercase, normalize=normalize, report=report)
        self._model = model
        self._processor = processor
        self._space_ids = np.array(self.byte_ids(SPACE), np.int32)

    @classmethod
    def _learn(cls, texts: Iterator[str], vocab_size: int | None) -> tuple[str, dict[str, Any]]:
        """Learn `vocab_size` pieces (default 8000, or as many as the texts can fill)."""
        check_vocab_size(vocab_size, kind=cls.kind, smallest=SMALLEST)
        wanted = vocab_size or DEFAULT_SIZE
        lines = even_sample(_lines(texts), SAMPLE)
        counts = Counter(itertools.chain.from_iterable(lines))
        if not counts:
            raise TokenizerError("nothing to train on: the texts have nothing but line breaks")
        room = wanted - FIRST - 256
        # Where the texts cannot fill the rest with longer pieces, characters may take all of it.
        for most in (max(1, room * 3 // 4), room):
            alphabet = _alphabet(counts, most)
            sentences = list(_sentences(lines, counts.keys() - alphabet))
            model, largest = cls._train_model(sentences, wanted)
            if model:
                break
        if not model and vocab_size is not None:
            raise too_large(vocab_size, kind=cls.kind, largest=largest)
        if not model:
            model, _ = cls._train_model(sentences, largest)
        report = {"characters_with_pieces": len(alphabet), "sentences": len(sentences)}
        return base64.b64encode(model).decode(), report

    @classmethod
    def _train_model(cls, sentences: list[str], vocab_size: int) -> tuple[bytes, int]:
        """A serialized model of that many pieces, or nothing and the largest possible number."""
        model = io.BytesIO()
        settings = {
            "sentence_iterator": iter(sentences),
            "model_writer": model,
            "model_type": cls.kind,
            "vocab_size": vocab_size,
            "byte_fallback": True,
            "normalization_rule_name": "identity",
            "add_dummy_prefix": False,
            "remove_extra_whitespaces": False,
            "allow_whitespace_only_pieces": True,
            "character_coverage": 1.0,
            "max_sentence_length": 8 * LONGEST_LINE,
            "pad_id": PAD_ID,
            "unk_id": UNK_ID,
            "bos_id": BOS_ID,
            "eos_id": EOS_ID,
            "unk_surface": REPLACEMENT,
            "num_threads": 2,
            "minloglevel": 2,
        }
        try:
            _import_sentencepiece().SentencePieceTrainer.train(**settings)
        except RuntimeError as error:
            largest = re.search(r"value <= (\d+)", str(error))
            if not largest:
                raise TokenizerError(f"sentencepiece cannot train on this: {error}") from error
            return b"", int(largest[1])
        return model.getvalue(), vocab_size

    @classmethod
    def from_payload(
        cls, payload: Any, *, lowercase: bool, normalize: bool, report: dict[str, Any]
    ) -> Self:
        model = base64.b64decode(payload)
        return super().from_payload(model, lowercase=lowercase, normalize=normalize, report=report)

    def _payload(self) -> str:
        return base64.b64encode(self._model).decode()

    def scored_pieces(self) -> dict[str, tuple[int, float]]:
        """Id and score of each piece that is no byte, by its text."""
        processor = self._processor
        return {
            token.replace(SPACE, " "): (index, processor.get_score(index))
            for index, token in enumerate(self._content.tokens)
            if index >= FIRST and not processor.is_byte(index)
        }

    def byte_ids(self, text: str) -> tuple[int, ...]:
        """The ids of the UTF-8 bytes of a text."""
        return tuple(self._processor.piece_to_id(f"<0x{byte:02X}>") for byte in text.encode())

    def _encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        parts = [part for text in texts for part in text.split(SPACE)]
        encoded = self._encode_parts(parts)
        if len(parts) == len(texts):
            return encoded
        # The bytes of U+2581 stand between the parts of a text.
        bounds = np.cumsum([0, *(text.count(SPACE) + 1 for text in texts)])
        spaced = [piece for part in encoded for piece in (self._space_ids, part)]
        return [np.concatenate(spaced[2 * i + 1 : 2 * j]) for i, j in itertools.pairwise(bounds)]

    def _encode_parts(self, parts: list[str]) -> list[np.ndarray]:
        """Ids of texts without U+2581; long ones in segments, to bound time and memory."""
        if all(len(part) <= LONG for part in parts):
            return [np.array(ids, np.int32) for ids in self._processor.encode(parts)]
        encode = self._processor.encode
        return [
            np.concatenate([np.array(encode(each), np.int32) for each in _segments(part)])
            for part in parts
        ]

    def _graph_ids(self, texts: Tensor) -> tf.RaggedTensor:
        processor = self._graph_processor()
        any_space = tf.reduce_any(tf.strings.regex_full_match(texts, f"(?s).*{SPACE}.*"))

        def plain() -> tuple[Tensor, Tensor]:
            ids = processor.tokenize(texts)
            return ids.flat_values, ids.row_splits

        def with_spaces() -> tuple[Tensor, Tensor]:
            parts = tf.strings.split(texts, SPACE)
            ids = processor.tokenize(parts.flat_values)
            space = tf.broadcast_to(self._space_ids, [ids.nrows(), 3])
            ids = tf.concat([ids, tf.RaggedTensor.from_tensor(space)], axis=1)
            splits = tf.gather(ids.row_splits, parts.row_splits)
            rows = tf.RaggedTensor.from_row_splits(ids.flat_values, splits)[:, :-3]
            return rows.flat_values, rows.row_splits

        values, splits = tf.cond(any_space, with_spaces, plain)
        return tf.RaggedTensor.from_row_splits(values, splits, validate=False)

    def _graph_processor(self) -> Any:
        """TensorFlow Text's tokenizer of the same model; it lives as long as the traced graph."""
        tensorflow_text = import_package("tensorflow-text", f"{self.kind} in a graph")
        return tensorflow_text.SentencepieceTokenizer(model=self._model, out_type=tf.int32)


class BPETokenizer(SentencePieceTokenizer):
    """Byte-pair encoding: the most frequent pairs of pieces are merged, one after the other.

    Source: Sennrich et al. 2016, https://arxiv.org/abs/1508.07909.
    """

    kind = "bpe"


class UnigramTokenizer(SentencePieceTokenizer):
    """The most probable segmentation under a unigram model of the pieces.

    Source: Kudo 2018, https://arxiv.org/abs/1804.10959.
    """

    kind = "unigram"

    @functools.cached_property
    def _repetitions(self) -> Repetitions:
        return find_repetitions(self._content.tokens)

    def _encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        return settle_batch(super()._encode_batch(texts), self._repetitions)

    def _graph_ids(self, texts: Tensor) -> tf.RaggedTensor:
        return graph_settle(super()._graph_ids(texts), self._repetitions)


def _segments(text: str) -> Iterator[str]:
    """Segments of a text that begin where no piece goes on: with spaces, or a newline."""
    start, border = 0, re.compile("(?<=[^ ]) |\n")
    while start < len(text):
        found = border.search(text, min(start + LONG, len(text)))
        stop = found.start() if found else len(text)
        yield text[start:stop]
        start = stop
    if not text:
        yield text


def _import_sentencepiece() -> Any:
    return import_package("sentencepiece", "kinds 'bpe' and 'unigram'")


def _lines(texts: Iterable[str]) -> Iterator[str]:
    """Segments of lines, none of them long."""
    for text in texts:
        for line in re.split(f"[{SEPARATORS}]+", text):
            for start in range(0, len(line), LONGEST_LINE):
                yield line[start : start + LONGEST_LINE]


def _alphabet(counts: Counter[str], most: int) -> set[str]:
    """The characters that are pieces: the most frequent, until they cover nearly all text."""
    alphabet: set[str] = set()
    covered, enough = 0, COVERAGE * counts.total()
    for character in ranked(counts):
        if len(alphabet) == most or covered >= enough:
            break
        alphabet.add(character)
        covered += counts[character]
    return alphabet


def _sentences(lines: list[str], rare: set[str]) -> Iterator[str]:
    """The trainer's input: some words of a line each, split at rare characters."""
    cut = str.maketrans(dict.fromkeys(rare, "\n"))
    random = Random(0)
    for line in lines:
        for run in line.translate(cut).split("\n"):
            sentence = ""
            for word in re.findall(" *[^ ]+| +", run):
                sentence += word
                if random.random() * WORDS_PER_SENTENCE < 1:
                    yield sentence
                    sentence = ""
            if sentence:
                yield sentence
