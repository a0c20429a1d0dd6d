"""Unknown words in an answer: those of the source that were looked at."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.generation import compiled
from lmzoo.generation.prompts import bucket, pad_rows
from lmzoo.generation.stepper import BOS
from lmzoo.typing import Tensor

# The id of an unknown word, the same in every tokenizer.
UNK = 1
# Shortest padded lengths, so that few shapes are compiled.
SHORTEST = 32


def answer_text(model: keras.Model, tokenizer: Any, source: str, ids: Iterable[int]) -> str:
    """The text of an answer.

    Where a model that copies, with a tokenizer of words, writes an unknown word, the word of the
    source stands that it looked at most.

    Args:
        model: a Seq2SeqModel.
        tokenizer: that of both sides, or a pair: that of the source and that of the answer.
        source: what the model has read.
        ids: what it has written.

    Returns:
        A string.

    Source: Luong et al. 2015 (unknown words by alignment), https://arxiv.org/abs/1410.8206

    Example:
        >>> import lmzoo
        >>> tokenizer = lmzoo.data.train_tokenizer(["a dog"], kind="word")
        >>> size = {"embed_dim": 8, "hidden_dim": 8, "copy": True}
        >>> model = lmzoo.build_gru_seq2seq(tokenizer.vocab_size, **size)
        >>> lmzoo.generation.answer_text(model, tokenizer, "cat", tokenizer.encode("a bird"))
        'a cat'
    """
    reader, writer = tokenizer if isinstance(tokenizer, tuple) else (tokenizer, tokenizer)
    written = [int(token) for token in ids]
    copies = getattr(model, "copies", False) and reader is writer and hasattr(writer, "words")
    if not copies or UNK not in written:
        return str(writer.decode(written))
    words = reader.words(source)
    looks = _looks(model, reader.encode(source), written)
    found = [
        words[int(looks[place].argmax())] if token == UNK else writer.decode([token])
        for place, token in enumerate(written)
    ]
    return str(writer.join(found))


def _looks(model: keras.Model, source: list[int], written: list[int]) -> np.ndarray:
    """What the model looked at when it wrote each id: (ids, source tokens)."""
    target = [BOS, *written[:-1]]
    rows = [
        pad_rows([np.array(row, "int32")], bucket(len(row), SHORTEST, None))
        for row in (source, target)
    ]
    looks = ops.convert_to_numpy(compiled.run(model, _attention, *rows))
    return np.asarray(looks[0, : len(written), : len(source)])


def _attention(model: keras.Model, source: Tensor, target: Tensor) -> Tensor:
    return model.attention(source, target)
