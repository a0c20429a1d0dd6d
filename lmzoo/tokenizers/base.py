"""What every tokenizer shares: ids, decoding, files, and the checks of what comes in."""

import abc
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from lmzoo.errors import PromptError, TokenizerError
from lmzoo.tokenizers.checks import check_text
from lmzoo.tokenizers.lowercase import graph_lower, lower
from lmzoo.typing import Tensor

SPECIAL_TOKENS = ("<pad>", "<unk>", "<s>", "</s>")
REPLACEMENT = "\ufffd"
FORMAT = "lmzoo tokenizer"
VERSION = 1


class Index(dict[str, int]):
    """Ids of words; a word that is not there has the unknown id."""

    def __missing__(self, word: str) -> int:
        return 1


class Content:
    """The plain Python side of a tokenizer; tf.Module would wrap lists and dicts of its own."""

    def __init__(self, tokens: list[str], data: list[bytes], report: dict[str, Any]) -> None:
        self.tokens = tokens
        self.data = data
        self.report = report
        self.constants: dict[str, Tensor] = {}
        self.index = Index()


class Tokenizer(tf.Module):
    """Text to ids and back, in Python and inside TensorFlow graphs.

    Ids 0, 1, 2 and 3 are padding, unknown, begin and end of text in every kind. `encode` never
    gives 0, 2 or 3, whatever the text says. A tokenizer is a `tf.Module`: a module that holds
    one as an attribute can be saved as a SavedModel with the tokenizer inside.

    Make one with `train_tokenizer` or `load_tokenizer`.

    Args:
        tokens: the names of the ids from 4 on.
        data: the bytes that each of these stands for.
        lowercase: lower-case texts before encoding them.
        report: what training noticed.

    Attributes:
        kind: "byte", "char", "word", "whitespace", "bpe", "unigram" or "wordpiece".
        lossless: `decode(encode(text)) == text` for every text without unknown characters
            (after lower-casing, where that was asked for).
        concatenates: the text of a sequence is its `token_bytes` one after the other, as UTF-8.
            Where it is False, spaces depend on the neighbours: decode a growing sequence anew.
    """

    kind: ClassVar[str] = ""
    lossless: ClassVar[bool] = True
    concatenates: ClassVar[bool] = True
    pad_id: ClassVar[int] = 0
    unk_id: ClassVar[int | None] = 1
    bos_id: ClassVar[int] = 2
    eos_id: ClassVar[int] = 3

    def __init__(
        self, tokens: list[str], data: list[bytes], *, lowercase: bool, report: dict[str, Any]
    ) -> None:
        super().__init__(name=f"{self.kind}_tokenizer")
        specials = [b"", REPLACEMENT.encode(), b"", b""]
        if not self.concatenates:
            specials[1] = b"<unk>"
        self._content = Content([*SPECIAL_TOKENS, *tokens], specials + data, report)
        self.lowercase = lowercase

    @property
    def vocab_size(self) -> int:
        """The number of ids, special ones included."""
        return len(self._content.tokens)

    @property
    def report(self) -> dict[str, Any]:
        """What training noticed, for example {"note": ...}."""
        return self._content.report

    def encode(self, text: str) -> list[int]:
        """Ids of one text, without any special id.

        Args:
            text: a string, without lone surrogates.

        Returns:
            A list of ints, each at least 4 or the unknown id.

        Raises:
            TokenizerError: the text is no string, or holds a lone surrogate.
        """
        ids: list[int] = self.encode_batch([text])[0].tolist()
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Ids of many texts; quicker than `encode` one by one.

        Args:
            texts: strings, without lone surrogates.

        Returns:
            One int32 array (time,) for each text.

        Raises:
            TokenizerError: an item is no string, or holds a lone surrogate.
        """
        if isinstance(texts, (str, bytes)):
            raise TokenizerError("encode_batch takes a list of strings; for one use encode(text)")
        for text in texts:
            check_text(text)
        if self.lowercase:
            texts = [lower(text) for text in texts]
        return self._encode_batch(list(texts))

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """The text of one sequence of ids.

        Args:
            ids: ints (time,), each from 0 to vocab_size - 1. Padding, begin and end are dropped.

        Returns:
            The text. Bytes that are no UTF-8 become U+FFFD.

        Raises:
            PromptError: an id is outside the vocabulary, or the ids are no flat list of ints.
        """
        data = self._content.data
        return self._join([data[index] for index in self._check_ids(ids)])

    def id_to_token(self, index: int) -> str:
        """The name of an id; for reading, not for decoding.

        Raises:
            PromptError: the id is outside the vocabulary.
        """
        return self._content.tokens[self._check_ids([index])[0]]

    def token_bytes(self, index: int) -> bytes:
        """The bytes that an id stands for; empty for padding, begin and end.

        Where `concatenates` is False the bytes are those of the word or word piece alone, without
        the spaces that decoding puts between words.

        Raises:
            PromptError: the id is outside the vocabulary.
        """
        return self._content.data[self._check_ids([index])[0]]

    def unknown(self, text: str) -> list[str]:
        """The characters or words of `text` that have no id of their own, each once, in order."""
        check_text(text)
        return self._unknown(lower(text) if self.lowercase else text)

    def __call__(self, texts: Tensor) -> tf.RaggedTensor:
        """Ids of a batch of texts; the same as `encode`, as TensorFlow ops.

        Args:
            texts: strings (batch,), UTF-8. Broken UTF-8 is read as U+FFFD (kind byte: as it is).

        Returns:
            Ragged int32 ids (batch, None), with int64 row splits.

        Raises:
            TokenizerError: the input is no batch of strings.
        """
        texts = tf.convert_to_tensor(texts)
        if texts.dtype != tf.string or texts.shape.rank not in (None, 1):
            found = f"{texts.dtype.name} of shape {texts.shape}"
            raise TokenizerError(f"a tokenizer takes strings of shape (batch,), got {found}")
        if self.lowercase:
            texts = graph_lower(texts)
        return self._graph_ids(texts)

    def detokenize(self, ids: Tensor) -> Tensor:
        """The texts of a batch of ids; the same as `decode`, as TensorFlow ops.

        Args:
            ids: ints, dense or ragged (batch, time). Padding, begin and end are dropped.

        Returns:
            Strings (batch,). An id outside the vocabulary is an InvalidArgumentError.
        """
        table = self._constant("data", lambda: tf.constant(self._content.data, tf.string))
        return self._graph_join(tf.ragged.map_flat_values(tf.gather, table, ids))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the tokenizer to one file, whole or not at all.

        Args:
            path: the file; its folder is made where it is missing.
        """
        record = {"format": FORMAT, "version": VERSION, "fingerprint": self.fingerprint}
        record |= self._record() | {"report": self.report}
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            temporary.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that name the content; equal tokenizers have equal ones."""
        text = json.dumps(self._record(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        """Whether the other gives the same ids: the same kind and content."""
        return isinstance(other, Tokenizer) and self._record() == other._record()

    def __hash__(self) -> int:
        return hash((self.kind, self.vocab_size))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(vocab_size={self.vocab_size}, lowercase={self.lowercase})"

    @classmethod
    @abc.abstractmethod
    def train(
        cls, texts: Any, *, vocab_size: int | None = None, lowercase: bool = False
    ) -> "Tokenizer":
        """Learn the vocabulary from texts; see `train_tokenizer`."""

    @classmethod
    @abc.abstractmethod
    def from_payload(cls, payload: Any, *, lowercase: bool, report: dict[str, Any]) -> "Tokenizer":
        """The tokenizer that `payload` describes; the inverse of `_payload`."""

    @abc.abstractmethod
    def _payload(self) -> Any:
        """What the file holds besides kind and lowercase, as JSON values."""

    @abc.abstractmethod
    def _encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        """Ids of checked, lower-cased texts."""

    @abc.abstractmethod
    def _graph_ids(self, texts: Tensor) -> tf.RaggedTensor:
        """Ragged int32 ids of strings (batch,), already lower-cased."""

    def _unknown(self, text: str) -> list[str]:
        """Nothing, where bytes stand in for whatever is missing."""
        return []

    def _join(self, pieces: list[bytes]) -> str:
        """The text of the tokens' bytes."""
        return b"".join(pieces).decode("utf-8", "replace")

    def _graph_join(self, pieces: Tensor) -> Tensor:
        """The same as `_join`, for strings (batch, time), dense or ragged."""
        text = tf.strings.reduce_join(pieces, axis=-1)
        return tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")

    def _constant(self, name: str, make: Callable[[], Tensor]) -> Tensor:
        """A tensor made once, outside whatever graph is being traced."""
        constants = self._content.constants
        if name not in constants:
            with tf.init_scope():
                constants[name] = make()
        return constants[name]

    def _record(self) -> dict[str, Any]:
        """All that decides the ids."""
        return {"kind": self.kind, "lowercase": self.lowercase, "content": self._payload()}

    def _check_ids(self, ids: Any) -> list[int]:
        """The ids as a list of ints, each inside the vocabulary."""
        array = np.asarray(ids)
        if array.size == 0:
            return []
        if array.ndim != 1 or array.dtype.kind not in "iu":
            found = f"{array.dtype} of shape {array.shape}"
            raise PromptError(f"decode takes one flat list of int ids, got {found}")
        wrong = np.flatnonzero((array < 0) | (array >= self.vocab_size))
        if wrong.size:
            position = int(wrong[0])
            raise PromptError(
                f"id {array[position]} at position {position} is outside the vocabulary of this "
                f"{self.kind} tokenizer, whose ids go from 0 to {self.vocab_size - 1}; use the "
                "tokenizer that the ids were made with"
            )
        checked: list[int] = array.tolist()
        return checked
