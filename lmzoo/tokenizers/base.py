"""The abstract base class of tokenizers: ids, decoding, files, and the checks of inputs."""

import abc
import copy
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
import tensorflow as tf

from lmzoo.errors import PromptError, TokenizerError
from lmzoo.files import write_json
from lmzoo.special_ids import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from lmzoo.tokenizers.cleaning import graph_lower, graph_normalize, lower, normalized
from lmzoo.tokenizers.texts import check_text, checked_texts
from lmzoo.typing import Tensor

SPECIAL_TOKENS = ("<pad>", "<unk>", "<s>", "</s>")
UNKNOWN = SPECIAL_TOKENS[UNK_ID]
FIRST = len(SPECIAL_TOKENS)  # the first id that is not special
REPLACEMENT = "\ufffd"
FORMAT = "lmzoo tokenizer"
VERSION = 1
Learned = tuple[Any, dict[str, Any]]  # a payload, and the report


class Index(dict[str, int]):
    """Token -> id; a token that is not in it has the unknown id."""

    def __missing__(self, token: str) -> int:
        return UNK_ID


@dataclass
class Content:
    """The plain Python data of a tokenizer; tf.Module would wrap its own lists and dicts."""

    tokens: list[str]
    data: list[bytes]
    report: dict[str, Any]
    constants: dict[str, Tensor] = field(default_factory=dict)

    @cached_property
    def index(self) -> Index:
        """The ids of the tokens that are not special."""
        return Index({token: i for i, token in enumerate(self.tokens) if i >= FIRST})


def split_rows(values: np.ndarray, lengths: Iterable[int]) -> list[np.ndarray]:
    """Rows of these lengths, one after the other."""
    bounds = np.cumsum([0, *lengths]).tolist()
    return [values[start:stop] for start, stop in pairwise(bounds)]


def prepared(text: str, *, lowercase: bool, normalize: bool) -> str:
    """A text as a tokenizer with these flags encodes it."""
    text = normalized(text) if normalize else text
    return lower(text) if lowercase else text


class Tokenizer(tf.Module):
    """Text to ids and back, in Python and inside TensorFlow graphs.

    Abstract base class: create one with `train_tokenizer` or `load_tokenizer`. It is a `tf.Module`,
    so the SavedModel of a module that has one as an attribute has the tokenizer inside.

    Args:
        tokens: the names of the ids from 4 on.
        data: the bytes of each of these; None for the UTF-8 of the names.
        lowercase, normalize: lower-case texts, or normalize them, before encoding them; see
            `train_tokenizer`.
        report: notes of the training.

    Attributes:
        kind: "byte", "char", "word", "whitespace", "bpe", "unigram" or "wordpiece".
        lossless: `decode(encode(text)) == prepare(text)`, for every text without unknown
            characters.
        concatenates: the text of a sequence is the concatenation of its `token_bytes`; otherwise
            spaces depend on the neighbors, and a growing sequence must be decoded again.
    """

    kind: ClassVar[str] = ""
    lossless: ClassVar[bool] = True
    concatenates: ClassVar[bool] = True
    pad_id: ClassVar[int] = PAD_ID
    unk_id: ClassVar[int | None] = UNK_ID
    bos_id: ClassVar[int] = BOS_ID
    eos_id: ClassVar[int] = EOS_ID

    def __init__(
        self,
        tokens: list[str],
        data: list[bytes] | None = None,
        *,
        lowercase: bool = False,
        normalize: bool = False,
        report: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(name=f"{self.kind}_tokenizer")
        specials = [b""] * FIRST
        specials[UNK_ID] = (REPLACEMENT if self.concatenates else UNKNOWN).encode()
        data = [token.encode() for token in tokens] if data is None else data
        self._content = Content([*SPECIAL_TOKENS, *tokens], specials + data, report or {})
        self.lowercase, self.normalize = lowercase, normalize

    @property
    def vocab_size(self) -> int:
        """The number of ids, special ones included."""
        return len(self._content.tokens)

    @property
    def report(self) -> dict[str, Any]:
        """Notes of the training, for example {"note": ...}."""
        return self._content.report

    @property
    def start_id(self) -> int | None:
        """The id before the first token of each text in training, or None.

        `generate`, `stream`, `beam_search` and `score` put it in front of texts. `prepare_lm` sets
        it to `eos_id` where the texts are documents; set it to None to leave it out.
        """
        start: int | None = self.report.get("start_id")
        return start

    @start_id.setter
    def start_id(self, value: int | None) -> None:
        self.report["start_id"] = value

    def remember(self, name: str, value: Any) -> Self:
        """This tokenizer with a note in its report, or a copy if another value is noted there."""
        if self.report.get(name, value) == value:
            self.report[name] = value
            return self
        other = copy.copy(self)
        other._content = replace(self._content, report={**self.report, name: value})
        return other

    def encode(self, text: str) -> list[int]:
        """Ids of one text, each at least 4 or the unknown id; see `encode_batch`."""
        ids: list[int] = self.encode_batch([text])[0].tolist()
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Ids of many texts, an int32 array (time,) each; faster than `encode` one by one."""
        if isinstance(texts, (str, bytes)):
            raise TokenizerError("encode_batch takes a list of strings; for one use encode(text)")
        for text in texts:
            check_text(text)
        return self._encode_batch([self.prepare(text) for text in texts])

    def prepare(self, text: str) -> str:
        """The text as it is encoded: normalized, in lower case, as the tokenizer has learned."""
        return prepared(text, lowercase=self.lowercase, normalize=self.normalize)

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """The text of ids (time,), without padding, begin and end; broken UTF-8 becomes U+FFFD.

        Raises:
            PromptError: an id is outside the vocabulary, or the ids are not a flat list of ints.
        """
        data = self._content.data
        return self._join([data[index] for index in self._check_ids(ids)])

    def settled(self, ids: Sequence[int] | np.ndarray) -> str:
        """The beginning of `decode(ids)` that further ids do not change, for text as it grows."""
        data = self._content.data
        text = self._join([data[index] for index in self._check_ids(ids)], settled=True)
        return text.rstrip(REPLACEMENT)

    def id_to_token(self, index: int) -> str:
        """The name of an id, for display; PromptError if it is outside the vocabulary."""
        return self._content.tokens[self._check_ids([index])[0]]

    def token_bytes(self, index: int) -> bytes:
        """The bytes of an id without spaces around words; empty for padding, begin and end."""
        return self._content.data[self._check_ids([index])[0]]

    def unknown(self, text: str) -> list[str]:
        """The characters or words of `text` that have no id of their own, each once, in order."""
        check_text(text)
        return self._unknown(self.prepare(text))

    def __call__(self, texts: Tensor) -> tf.RaggedTensor:
        """The same as `encode`, as TensorFlow ops: strings (batch,) -> ragged int32 (batch, None).

        Broken UTF-8 is read as U+FFFD (kind byte: as it is).
        """
        texts = tf.convert_to_tensor(texts)
        if texts.dtype != tf.string or texts.shape.rank not in (None, 1):
            given = f"{texts.dtype.name} of shape {texts.shape}"
            raise TokenizerError(f"a tokenizer takes strings of shape (batch,), got {given}")
        if self.normalize:
            texts = graph_normalize(texts)
        if self.lowercase:
            texts = graph_lower(texts)
        return self._graph_ids(texts)

    def detokenize(self, ids: Tensor) -> Tensor:
        """The same as `decode`, as TensorFlow ops: ids (batch, time) -> strings (batch,).

        An id outside the vocabulary is an InvalidArgumentError.
        """
        table = self._constant("data", lambda: tf.constant(self._content.data, tf.string))
        return self._graph_join(tf.ragged.map_flat_values(tf.gather, table, ids))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the tokenizer to one file, whole or not at all; its folder is made if missing."""
        record = {"format": FORMAT, "version": VERSION, "fingerprint": self.fingerprint}
        write_json(path, record | self._record() | {"report": self.report})

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of the content's hash; equal tokenizers have equal ones."""
        text = json.dumps(self._record(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        """Whether the other gives the same ids: the same kind and content."""
        return isinstance(other, Tokenizer) and self._record() == other._record()

    def __hash__(self) -> int:
        return hash((self.kind, self.vocab_size))

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy: what `save` writes, without the tables and caches of one process."""
        flags = (self.lowercase, self.normalize, self.report)
        return _rebuild, (type(self), self._record()["content"], *flags)

    def __repr__(self) -> str:
        flags = f"lowercase={self.lowercase}, normalize={self.normalize}"
        return f"{type(self).__name__}(vocab_size={self.vocab_size}, {flags})"

    @classmethod
    def train(
        cls, texts: Iterable[str], *, vocab_size: int | None = None, lowercase: bool = False,
        normalize: bool = False,
    ) -> Self:  # fmt: skip
        """Learn the vocabulary from texts; see `train_tokenizer`."""
        prepare = partial(prepared, lowercase=lowercase, normalize=normalize)
        content, report = cls._learn(checked_texts(texts, prepare), vocab_size)
        return cls.from_payload(content, lowercase=lowercase, normalize=normalize, report=report)

    @classmethod
    def from_payload(
        cls, payload: Any, *, lowercase: bool, normalize: bool, report: dict[str, Any]
    ) -> Self:
        """The tokenizer that `payload` describes; the inverse of `_payload`."""
        make: Callable[..., Self] = cls
        return make(payload, lowercase=lowercase, normalize=normalize, report=report)

    @classmethod
    @abc.abstractmethod
    def _learn(cls, texts: Iterator[str], vocab_size: int | None) -> Learned:
        """The payload, learned from checked texts, and the report."""

    @abc.abstractmethod
    def _payload(self) -> Any:
        """The content of the file besides kind and lowercase, as JSON values."""

    @abc.abstractmethod
    def _encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        """Ids of checked texts that `prepare` has returned."""

    @abc.abstractmethod
    def _graph_ids(self, texts: Tensor) -> tf.RaggedTensor:
        """Ragged int32 ids of strings (batch,), already prepared."""

    def _unknown(self, text: str) -> list[str]:
        """Nothing, where bytes represent whatever is missing."""
        return []

    def _join(self, pieces: list[bytes], *, settled: bool = False) -> str:
        """The text of the tokens' bytes; `settled`: what further ones leave as it is."""
        return b"".join(pieces).decode("utf-8", "replace")

    def _graph_join(self, pieces: Tensor) -> Tensor:
        """The same as `_join`, for strings (batch, time), dense or ragged."""
        text = tf.strings.reduce_join(pieces, axis=-1)
        return tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")

    def _constant(self, name: str, make: Callable[[], Tensor]) -> Tensor:
        """A tensor made once, outside the graph that is being traced."""
        constants = self._content.constants
        if name not in constants:
            with tf.init_scope():
                constants[name] = make()
        return constants[name]

    def _record(self) -> dict[str, Any]:
        """Everything that the ids depend on."""
        record = {"kind": self.kind, "lowercase": self.lowercase, "content": self._payload()}
        # Not in the files, and fingerprints, of tokenizers that do not normalize.
        return record | ({"normalize": True} if self.normalize else {})

    def _check_ids(self, ids: Any) -> list[int]:
        """The ids as a list of ints, each inside the vocabulary."""
        array = np.asarray(ids)
        if array.size == 0:
            return []
        if array.ndim != 1 or array.dtype.kind not in "iu":
            given = f"{array.dtype} of shape {array.shape}"
            raise PromptError(f"decode takes one flat list of int ids, got {given}")
        wrong = np.flatnonzero((array < 0) | (array >= self.vocab_size))
        if wrong.size:
            position = int(wrong[0])
            raise PromptError(
                f"id {array[position]} at position {position} is outside the vocabulary of this "
                f"{self.kind} tokenizer, whose ids range from 0 to {self.vocab_size - 1}; use the "
                "tokenizer that made the ids"
            )
        checked: list[int] = array.tolist()
        return checked


def _rebuild(
    family: type[Tokenizer], payload: Any, lowercase: bool, normalize: bool, report: dict[str, Any]
) -> Tokenizer:
    return family.from_payload(payload, lowercase=lowercase, normalize=normalize, report=report)
