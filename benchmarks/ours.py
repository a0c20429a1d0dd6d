"""lmzoo's side of each comparison; the backend is Keras's, TensorFlow or JAX."""

import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops
from runner import Job, fit_job

import lmzoo

GPT2_124M: dict[str, Any] = {
    "vocab_size": 50257,
    "embed_dim": 768,
    "num_layers": 12,
    "num_heads": 12,
}


def matmul(size: int = 2048) -> Job:
    """The rate of square float32 matrix products, which bounds training and prefill."""
    rng = np.random.default_rng(0)
    a, b = (ops.convert_to_tensor(rng.random((size, size), "float32")) for _ in range(2))
    product = compiled(ops.matmul)
    return Job(lambda: wait(product(a, b)), 1, flops=2 * size**3)


def memory_read(megabytes: int = 1024) -> Job:
    """The rate at which large matrices are read by one-row products, which bounds decoding."""
    size = 4096
    matrices = [ops.ones((size, size)) for _ in range(megabytes * 2**20 // (4 * size * size))]
    row = ops.ones((1, size))

    def products(row: Any, *matrices: Any) -> list:  # XLA computes some of them at the same time
        return [ops.matmul(row, matrix) for matrix in matrices]

    read = compiled(products)
    return Job(lambda: wait(read(row, *matrices)), 1, bytes=megabytes * 2**20)


def lstm_layer(units: int, batch: int, time: int = 35) -> Job:
    """`lmzoo.layers.LSTM` forward and backward, gradients of weights and inputs."""
    return layer_job(lmzoo.layers.LSTM(units, return_sequences=True), units, batch, time)


def layer_job(
    layer: keras.layers.Layer, units: int, batch: int, time: int, *, xla: bool = True
) -> Job:
    """A recurrent layer of Keras's interface, forward and backward."""
    rng = np.random.default_rng(0)
    x = ops.convert_to_tensor(rng.standard_normal((batch, time, units)).astype("float32"))
    layer.build(x.shape)
    step = gradients_of(layer, xla)
    flops = 3 * 2 * time * batch * 2 * units * 4 * units
    return Job(lambda: wait(step(x)), batch * time, flops=flops)


def gradients_of(layer: keras.layers.Layer, xla: bool) -> Callable[[Any], Any]:
    """x -> gradients of sum(layer(x)) in x and the weights, as a training step computes them."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        @tf.function(jit_compile=xla)
        def step(x: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(layer(x, training=True))
            return tape.gradient(loss, [x, *(v.value for v in layer.trainable_variables)])

        return step
    import jax

    def loss(weights: Any, x: Any) -> Any:
        return ops.sum(layer.stateless_call(weights, [], x, training=True)[0])

    jitted = jax.jit(jax.grad(loss, argnums=(0, 1)))
    return lambda x: jitted([v.value for v in layer.trainable_variables], x)


def lstm_lm(
    vocab_size: int = 33278, units: int = 200, batch: int = 20, time: int = 35, steps: int = 5
) -> Job:
    """Training of a word LSTM through `fit` after a plain `compile`."""
    model = lmzoo.build_lstm_lm(
        vocab_size, embed_dim=units, hidden_dim=units, num_layers=2, dropout=0.0
    )
    model.compile("adam")
    recurrent = 2 * 2 * units * 4 * units
    flops = 3 * 2 * (recurrent + units * vocab_size) * batch * time * steps
    ids = random_ids(vocab_size, steps * batch, time)
    return fit_job(model, ids[:, :-1], ids[:, 1:], batch, flops=flops)


def gpt(
    embed_dim: int, num_layers: int, num_heads: int, batch: int, time: int, steps: int = 50,
    vocab_size: int = 65,
) -> Job:  # fmt: skip
    """Training of a GPT-2 through `fit`: AdamW, no dropout.

    Of the attention only what a position may see is counted as work.
    """
    model = lmzoo.build_gpt2_lm(
        vocab_size, embed_dim=embed_dim, num_layers=num_layers, num_heads=num_heads,
        max_length=time, dropout=0.0,
    )  # fmt: skip
    model.compile(keras.optimizers.AdamW(1e-3, weight_decay=0.1), steps_per_execution=10)
    weights = 12 * num_layers * embed_dim**2 + vocab_size * embed_dim
    attention = num_layers * (time + 1) * embed_dim
    flops = 3 * 2 * (weights + attention) * batch * time * steps
    ids = random_ids(vocab_size, steps * batch, time)
    return fit_job(model, ids[:, :-1], ids[:, 1:], batch, flops=flops)


def random_ids(vocab_size: int, rows: int, time: int) -> np.ndarray:
    """Rows of time + 1 ids, the same at each call."""
    ids = np.random.default_rng(0).integers(0, vocab_size, (rows, time + 1))
    return ids.astype("int32")


def generate_gpt2(batch: int, prompt: int = 32, new: int = 128) -> Job:
    """Greedy generation from a GPT-2 of 124 M parameters, random weights."""
    model = lmzoo.build_gpt2_lm(**GPT2_124M, max_length=1024, dropout=0.0)
    rows = np.random.default_rng(0).integers(0, 50257, (batch, prompt)).tolist()
    read = new * (4 * model.count_params() + 2 * 4 * batch * 12 * 768 * (prompt + new // 2))
    return Job(
        lambda: lmzoo.generate(model, rows, max_new_tokens=new, temperature=0),
        batch * new,
        bytes=read,
        warm=1,
    )


def generate_lstm(batch: int, prompt: int = 32, new: int = 128, vocab_size: int = 10000) -> Job:
    """Greedy generation from an LSTM of 2 x 650 units, random weights."""
    model = lmzoo.build_lstm_lm(vocab_size, embed_dim=650, hidden_dim=650, num_layers=2)
    rows = np.random.default_rng(0).integers(0, vocab_size, (batch, prompt)).tolist()
    read = new * 4 * (model.count_params() - vocab_size * 650)
    return Job(
        lambda: lmzoo.generate(model, rows, max_new_tokens=new, temperature=0),
        batch * new,
        bytes=read,
    )


def pipeline(vocab_size: int = 8000, sequence_length: int = 128, batch: int = 32) -> Job:
    """Tokenize, pack and batch a text with a unigram tokenizer; then a pass over the batches."""
    from lmzoo import grammar
    from lmzoo.data import prepare_lm, train_tokenizer

    texts = [" ".join(grammar.documents(400, seed=i)) for i in range(100)]
    rng = np.random.default_rng(0)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    words = ["".join(rng.choice(letters, rng.integers(3, 9))) for _ in range(20_000)]
    texts += [" ".join(rng.choice(words, 4000)) for _ in range(100)]
    tokenizer = train_tokenizer(texts, kind="unigram", vocab_size=vocab_size)
    settings = {"sequence_length": sequence_length, "batch_size": batch, "deduplicate": False}

    def run() -> int:
        data = prepare_lm(texts, tokenizer=tokenizer, valid_fraction=0.0, **settings)
        return sum(1 for _ in data.train)

    tokens = prepare_lm(texts, tokenizer=tokenizer, valid_fraction=0.0, **settings)
    return Job(run, float(tokens.report["train"]["tokens"]))


def startup() -> Job:
    """A fresh process that imports what a user's first line imports."""
    return startup_job("from lmzoo import build_lstm_lm")


def startup_job(line: str) -> Job:
    """A fresh process that runs one line."""
    return Job(lambda: subprocess.run([sys.executable, "-c", line], check=True), 1, warm=1)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function under XLA."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)
    import jax

    return jax.jit(function)


def wait(values: Any) -> None:
    """Returns when the values are there: one number of the last of them is read."""
    last = next(reversed(list(leaves(values))))
    ops.convert_to_numpy(ops.ravel(last)[:1])


def leaves(values: Any) -> Iterator[Any]:
    """The tensors of a nest."""
    yield from keras.tree.flatten(values)
