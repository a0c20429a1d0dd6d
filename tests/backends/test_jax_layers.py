"""What the zoo does not reach: drop-in layers, large vocabularies, LazyAdam under JAX."""

from tests.backends.jax_process import run_on_jax

LAYERS = """
import keras, numpy as np, lmzoo
rng = np.random.default_rng(0)
x = rng.standard_normal((3, 5, 4)).astype("float32")
mask = rng.random((3, 5)) < 0.6
for name in ("SimpleRNN", "GRU", "LSTM"):
    layers = [getattr(m, name)(6, return_sequences=True) for m in (lmzoo.layers, keras.layers)]
    for layer in layers:
        layer.build(x.shape)
    layers[0].set_weights(layers[1].get_weights())
    for m in (None, mask):
        found, wanted = (layer(x, mask=m) for layer in layers)
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    ids, y = rng.integers(0, 9, (8, 5)), rng.integers(0, 9, 8)
    losses = []
    for module in (lmzoo.layers, keras.layers):
        keras.utils.set_random_seed(0)
        recurrent = getattr(module, name)(6)
        embedding = keras.layers.Embedding(9, 4, mask_zero=True)
        model = keras.Sequential([embedding, recurrent, keras.layers.Dense(9, "softmax")])
        model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
        losses.append(model.fit(ids, y, epochs=3, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-4)
"""

LOSSES = """
import keras, numpy as np, lmzoo
from lmzoo.losses import CrossEntropy, FusedCrossEntropy
ids = np.random.default_rng(0).integers(0, 60, (8, 9)).astype("int32")
weights = (np.random.default_rng(1).random((8, 8)) < 0.7).astype("float32")
sizes = {"embed_dim": 16, "hidden_dim": 16, "num_layers": 1, "dropout": 0.0}
for extra in ({}, {"tie_embeddings": True}, {"adaptive_cutoffs": [10, 30]}):
    keras.utils.set_random_seed(0)
    model = lmzoo.build_lstm_lm(60, **sizes, **extra)
    twin = lmzoo.clone(model)
    found = []
    for one, loss in ((model, FusedCrossEntropy(500)), (twin, CrossEntropy())):
        one.compile(keras.optimizers.SGD(0.5), loss=loss)
        kept = one.fit(
            ids[:, :-1], ids[:, 1:], sample_weight=weights, epochs=3, shuffle=False, verbose=0
        )
        found.append([*kept.history["loss"], *kept.history["perplexity"]])
    np.testing.assert_allclose(*found, rtol=2e-5)
"""

OPTIMIZERS = """
import keras, numpy as np, lmzoo
keras.utils.set_random_seed(0)
model = lmzoo.build_lstm_lm(30, embed_dim=4, hidden_dim=4, num_layers=1, dropout=0.0)
model.compile(lmzoo.optimizers.LazyAdam(0.1))
tables = [np.array(model.embedding.embeddings)]
for first in (0, 10):
    ids = np.random.default_rng(0).integers(first, first + 10, (8, 5))
    model.fit(ids, ids, batch_size=8, epochs=2, verbose=0)
    tables.append(np.array(model.embedding.embeddings))
np.testing.assert_array_equal(tables[2][20:], tables[0][20:])
np.testing.assert_array_equal(tables[2][:10], tables[1][:10])
assert (np.abs(tables[2][10:20] - tables[1][10:20]) > 0.01).any()
assert (np.abs(tables[1][:10] - tables[0][:10]) > 0.01).any()
"""


def test_the_numbers_are_those_of_the_plain_path():
    run_on_jax("-c", "\n".join([LAYERS, LOSSES, OPTIMIZERS]))
