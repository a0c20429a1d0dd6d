"""Lower case, character by character, identical in Python and in TensorFlow graphs.

tf.strings.lower ends at NUL and has another Unicode; str.lower depends on the context for sigma.
"""

import functools

import numpy as np
import tensorflow as tf

from lmzoo.typing import Tensor


@functools.cache
def _forms() -> dict[int, int]:
    """Code points that change -> lower case; of a longer form, the first character."""
    lowered = ((code, ord(chr(code).lower()[0])) for code in range(0x110000))
    return {code: form for code, form in lowered if code != form}


@functools.cache
def lower_table() -> np.ndarray:
    """The lower-case form of each code point, int32, up to one beyond the last that changes."""
    forms = _forms()
    table = np.arange(max(forms) + 2, dtype=np.int32)
    table[list(forms)] = list(forms.values())
    return table


def lower(text: str) -> str:
    """The text in lower case, with the same number of characters."""
    return text.lower() if text.isascii() else text.translate(_forms())


def graph_lower(texts: Tensor) -> Tensor:
    """The same as `lower`, for strings (batch,)."""
    table = lower_table()
    codes = tf.strings.unicode_decode(texts, "UTF-8", errors="replace")
    flat = codes.flat_values
    known = tf.gather(table, tf.minimum(flat, len(table) - 1))
    codes = codes.with_flat_values(tf.where(flat < len(table), known, flat))
    return tf.strings.unicode_encode(codes, "UTF-8")
