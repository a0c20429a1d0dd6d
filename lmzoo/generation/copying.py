"""Unknown words in an answer are replaced by words of the source."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.generation.continuation import Continuation
from lmzoo.generation.prompts import bucket, pad_rows
from lmzoo.generation.steppers import compiled
from lmzoo.special_ids import BOS_ID, UNK_ID
from lmzoo.typing import Tensor

# Rows are padded to at least this length, so that few shapes are compiled.
MIN_LENGTH = 32


def answer_text(
    model: keras.Model, tokenizer: Any, source: str, ids: Iterable[int], *, settled: bool = False
) -> str:
    """The text of an answer, without an unfinished character at its end.

    Where a model that copies, with a tokenizer of words, generates an unknown word, the word of the
    source with the largest attention weight takes its place.

    Args:
        model: a Seq2SeqModel.
        tokenizer: that of both sides, or a pair: that of the source and that of the answer.
        source, ids: the source text, and the generated ids.
        settled: whether to leave out what further ids would change, such as an open quotation.

    Returns:
        A string.

    Source: Luong et al. 2015 (unknown words by alignment), https://arxiv.org/abs/1410.8206

    Example:
        >>> import lmzoo
        >>> words = lmzoo.data.train_tokenizer(["a dog"], kind="word")
        >>> model = lmzoo.build_gru_seq2seq(words.vocab_size, embed_dim=8, hidden_dim=8, copy=True)
        >>> text = lmzoo.generation.answer_text(model, words, "cat", words.encode("a bird"))
    """
    reader, writer = tokenizer if isinstance(tokenizer, tuple) else (tokenizer, tokenizer)
    ids = [int(token) for token in ids]
    copies = getattr(model, "copies", False) and reader is writer and hasattr(writer, "words")
    if not copies or UNK_ID not in ids:
        text = Continuation([], writer)
        return text.stable(ids) if settled else text.decode(ids)
    words = reader.words(source)
    weights = _attention_weights(model, reader.encode(source), ids)
    texts = [
        words[int(row.argmax())] if token == UNK_ID else writer.decode([token])
        for token, row in zip(ids, weights, strict=True)
    ]
    return str(writer.join(texts, settled=settled))


def _attention_weights(model: keras.Model, source: list[int], ids: list[int]) -> np.ndarray:
    """The attention weights when each id was predicted: (ids, source tokens)."""
    rows = [
        pad_rows([np.array(row, "int32")], bucket(len(row), MIN_LENGTH, None))
        for row in (source, [BOS_ID, *ids[:-1]])
    ]
    weights = ops.convert_to_numpy(compiled.run(model, _attention, *rows))
    return np.asarray(weights[0, : len(ids), : len(source)])


def _attention(model: keras.Model, source: Tensor, target: Tensor) -> Tensor:
    return model.attention(source, target)
