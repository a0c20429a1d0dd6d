"""What the tests of all registered models share."""

import keras
import numpy as np
from keras import ops

import lmzoo
from lmzoo.registry import tiny_arguments


def perturbed(name, seed=0, **arguments):
    """The tiny model with every weight moved, so that none can hide behind zeros or ones."""
    keras.utils.set_random_seed(seed)
    model = lmzoo.build_model(name, **{**tiny_arguments(name), **arguments})
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "float" in weight.dtype:
            weight.assign(ops.add(weight, 0.2 * rng.standard_normal(weight.shape)))
    return model


def as_array(x):
    """A float32 NumPy array."""
    return ops.convert_to_numpy(ops.cast(x, "float32"))


def unmoved(model, before):
    """The paths of the trainable weights that still are as before, which is a list of arrays."""
    pairs = zip(before, model.trainable_weights, strict=True)
    return [weight.path for old, weight in pairs if np.abs(as_array(weight) - old).max() == 0]


def weights_of(model):
    """The trainable weights, as arrays."""
    return [as_array(weight) for weight in model.trainable_weights]


def stepped(model, ids, cuts, source=None):
    """Logits by a prefill up to the first cut and a step for each further piece."""
    first = ids[:, : cuts[0]]
    start = (first, ids.shape[1]) if source is None else (source, ids.shape[1], first)
    logits, state, position = model.start(*start)
    pieces = [logits]
    for begin, end in zip(cuts, [*cuts[1:], ids.shape[1]], strict=True):
        logits, state = model.step(ops.convert_to_tensor(ids[:, begin:end]), state, position)
        position = position + (end - begin)
        pieces.append(logits)
    return np.concatenate([as_array(piece) for piece in pieces], axis=1)


def compiled_step(model, ids):
    """The XLA program of a training step on ids, as text; TensorFlow only."""
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def step(x, y):
        return model.train_step((x, y, None))

    return step.experimental_get_compiler_ir(tf.constant(ids), tf.constant(ids))(stage="hlo")
