"""Every public layer passes the check that Keras's own layers pass."""

import inspect

import pytest
from keras.src.testing.test_case import TestCase

from lmzoo import layers
from tests.layers.test_plain_keras import BATCH, CASES, SHAPES


# The copying head needs the ids of its source, to which `build` gives no shape.
@pytest.mark.parametrize("name", sorted(set(CASES) - {"CopyHead"}))
def test_run_layer_test(name):
    layer, (inputs, arguments) = getattr(layers, name), CASES[name]
    shapes = [(BATCH, *SHAPES[one]) for one in inputs.split()]
    names = list(inspect.signature(layer.build).parameters)[1:]
    check = TestCase()
    check.setUp()
    check.run_layer_test(
        layer,
        init_kwargs=arguments,
        input_shape=dict(zip(names, shapes, strict=False)) if len(shapes) > 1 else shapes[0],
        **({"input_dtype": "int32"} if inputs in ("ids", "characters") else {}),
        run_training_check=False,
        run_mixed_precision_check=False,
    )
