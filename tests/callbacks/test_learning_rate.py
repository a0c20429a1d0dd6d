"""The search sees what a training by hand sees, and leaves nothing behind."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from lmzoo.callbacks.learning_rate import find_learning_rate
from lmzoo.errors import ArgumentError, DataError, TrainingDiverged

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = (X @ np.array([[1.0], [-2.0], [0.5]])).astype("float32")


def make_model(optimizer="sgd", compiled=True, dropout=0.0, **options):
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dropout(dropout), keras.layers.Dense(1)]
    )
    if compiled:
        model.compile(optimizer, "mse", **options)
    return model


def make_data(batch_size=8):
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(batch_size)


def state_of(model):
    variables = [*model.variables, *model.optimizer.variables]
    return [np.array(ops.convert_to_numpy(variable)) for variable in variables]


def test_losses_are_those_of_gradient_descent_and_the_rate_diverges_where_it_must():
    """Mean squared error under full-batch descent diverges above 2 / (largest curvature)."""
    model = make_model()
    weight, bias = model.get_weights()
    search = find_learning_rate(model, make_data(40), lowest=1e-4, highest=100.0, steps=60)
    wanted = []
    for rate in search.rates:
        error = X @ weight + bias - Y
        wanted.append(np.mean(error**2))
        weight = weight - rate * 2 * X.T @ error / 40
        bias = bias - rate * 2 * error.mean(axis=0)
    np.testing.assert_allclose(search.losses, wanted, rtol=5e-3)
    ones = np.concatenate([X, np.ones((40, 1))], axis=1)
    limit = 2 / np.linalg.eigvalsh(2 * ones.T @ ones / 40).max()
    assert limit < search.diverged < 30 * limit
    assert 0.01 * limit < search.suggestion < limit
    assert search.suggestion < search.turned < search.diverged
    ratios = np.diff(np.log(search.rates))
    np.testing.assert_allclose(ratios, np.log(1e6) / 59, rtol=1e-6)


@pytest.mark.parametrize("trained", [False, True])
def test_weights_optimizer_seeds_and_rate_come_back(trained):
    model = make_model(keras.optimizers.Adam(0.0123), dropout=0.5, steps_per_execution=4)
    if trained:
        model.fit(make_data(), epochs=2, verbose=0)
    else:
        model.optimizer.build(model.trainable_variables)
    before = state_of(model)
    find_learning_rate(model, make_data(), steps=12, highest=10.0)
    for old, new in zip(before, state_of(model), strict=True):
        np.testing.assert_array_equal(old, new)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.0123)


def test_training_goes_on_as_if_nothing_had_been():
    histories = []
    for search in (False, True):
        keras.utils.set_random_seed(1)
        model = make_model("adam", dropout=0.5)
        if search:
            find_learning_rate(model, make_data(), steps=12)
        histories.append(model.fit(make_data(), epochs=3, verbose=0).history["loss"])
    assert histories[0] == histories[1]


def test_all_comes_back_when_the_data_breaks():
    model = make_model("adam")
    before = model.get_weights()

    def batches():
        yield from make_data().take(4)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        find_learning_rate(model, batches(), steps=12, highest=10.0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_draws(tmp_path):
    path = tmp_path / "rates.png"
    find_learning_rate(make_model(), make_data(), highest=100.0, steps=30, path=path)
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_a_loss_that_never_falls_suggests_nothing(tmp_path):
    model = make_model(keras.optimizers.SGD())
    flat = [(np.zeros((4, 3), "float32"), np.zeros((4, 1), "float32"))]
    search = find_learning_rate(model, flat, steps=10)
    assert search.suggestion is search.steepest is search.diverged is None
    assert search.draw(tmp_path / "flat.png")


def test_what_is_wrong_is_told():
    data = make_data()
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 100)
    cases = [
        (
            ArgumentError,
            "schedule of its own",
            make_model(keras.optimizers.SGD(schedule)),
            data,
            {},
        ),
        (ArgumentError, "compile", make_model(compiled=False), data, {}),
        (ArgumentError, "lowest", make_model(), data, {"lowest": 1.0}),
        (ArgumentError, "steps is 9", make_model(), data, {"steps": 9}),
        (DataError, "no batch", make_model(), data.take(0), {}),
        (TrainingDiverged, "at step 1", make_model(), [(X * np.nan, Y)], {}),
    ]
    for kind, told, model, batches, options in cases:
        with pytest.raises(kind, match=told):
            find_learning_rate(model, batches, **options)
