"""Parts that the builders of several families share."""

import keras


def penalty(l1: float, l2: float) -> keras.regularizers.Regularizer | None:
    """The regularizer of a builder's `l1` and `l2`; None if both are 0, which costs nothing."""
    return keras.regularizers.L1L2(l1, l2) if l1 or l2 else None
