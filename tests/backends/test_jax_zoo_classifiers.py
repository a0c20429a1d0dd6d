"""Classifiers and taggers under JAX, their losses and metrics, and a CRF in a plain Keras model."""

from tests.backends.jax_process import run_on_jax, run_zoo_on_jax

LOSSES = """
import numpy as np, lmzoo
from lmzoo.metrics import F1, CalibrationError, ClassAccuracy, classification_report
rng = np.random.default_rng(0)
logits, ids = rng.normal(0, 2, (20, 3)).astype("float32"), rng.integers(0, 3, 20)
weights = rng.choice([0.0, 1.0, 2.0], 20).astype("float32")
report = classification_report(ids, logits, weights=weights).values()
loss = float(lmzoo.losses.ClassCrossEntropy()(ids, logits, weights))
np.testing.assert_allclose(loss, report["loss"], rtol=1e-5)
names = {"accuracy": ClassAccuracy(), "f1_macro": F1(3), "calibration_error": CalibrationError()}
for name, metric in names.items():
    for part in (slice(0, 15), slice(15, 20)):
        metric.update_state(ids[part], logits[part], weights[part])
    np.testing.assert_allclose(float(metric.result()), report[name], atol=1e-5)
"""

CRF = """
import keras, numpy as np, lmzoo
keras.utils.set_random_seed(0)
rng = np.random.default_rng(2)
ids = rng.integers(1, 9, (64, 6))
tags = ids % 2
tags[:, 1:] = np.where(ids[:, :-1] % 2, 2, tags[:, 1:])
words = keras.Input((None,), dtype="int32")
crf = lmzoo.layers.CRF(3, forbidden=[[-1, 2]], name="tag")
emissions = crf(keras.layers.Dense(3)(keras.layers.Embedding(9, 8)(words)))
model = keras.Model(words, emissions)
loss = lmzoo.losses.CRFLoss(crf)
model.compile(keras.optimizers.Adam(0.03), loss)
history = model.fit(ids, tags, epochs=20, batch_size=32, verbose=0).history
assert history["loss"][-1] < 0.7 * history["loss"][0]
assert all(np.abs(keras.ops.convert_to_numpy(w)).max() > 0.01 for w in crf.weights)
wanted = float(loss(tags, model.predict(ids, verbose=0)))
np.testing.assert_allclose(model.evaluate(ids, tags, verbose=0), wanted, rtol=1e-4)
model.compile("adam", loss, weighted_metrics=[lmzoo.metrics.TagAccuracy(crf)])
try:
    model.fit(ids, tags, verbose=0)
except lmzoo.errors.ArgumentError as error:
    assert "use lmzoo.TaggerModel" in str(error)
else:
    raise AssertionError("stale weights were not noticed")
"""


def test_the_zoo_holds():
    only = "a_gradient_reaches or metrics_of_fit"
    run_zoo_on_jax("test_zoo_classifiers.py", "test_zoo_taggers.py", only=only)


def test_losses_metrics_and_a_plain_crf():
    run_on_jax("-c", LOSSES + CRF)
