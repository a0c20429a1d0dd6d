"""KerasHub's side: GPT2CausalLM of a given shape, random weights."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from typing import Any

import keras
import keras_hub
import numpy as np
from runner import Job, fit_job


def _model(vocab_size: int, embed_dim: int, num_layers: int, num_heads: int, length: int) -> Any:
    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=vocab_size,
        num_layers=num_layers,
        num_heads=num_heads,
        hidden_dim=embed_dim,
        intermediate_dim=4 * embed_dim,
        dropout=0.0,
        max_sequence_length=length,
    )
    return keras_hub.models.GPT2CausalLM(backbone=backbone, preprocessor=None)


def gpt(
    embed_dim: int, num_layers: int, num_heads: int, batch: int, time: int, vocab_size: int = 65,
    steps: int = 20, xla: bool = False,
) -> Job:  # fmt: skip
    """Training through `fit`; XLA, or KerasHub's own compilation."""
    model = _model(vocab_size, embed_dim, num_layers, num_heads, time)
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-3, weight_decay=0.1),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=10,
        jit_compile=xla or "auto",
    )
    ids = np.random.default_rng(0).integers(0, vocab_size, (steps * batch, time + 1))
    ids = ids.astype("int32")
    x = {"token_ids": ids[:, :-1], "padding_mask": np.ones((steps * batch, time), "int32")}
    note = "jit_compile=True" if xla else "jit_compile='auto'"
    return fit_job(model, x, ids[:, 1:], batch, note=note)


def generate_gpt2(batch: int, prompt: int = 32, new: int = 128, xla: bool = False) -> Job:
    """Greedy generation from a GPT-2 of 124 M parameters."""
    model = _model(50257, 768, 12, 12, 1024)
    model.compile(sampler="greedy", jit_compile=xla or "auto")
    length = prompt + new
    ids = np.zeros((batch, length), "int32")
    ids[:, :prompt] = np.random.default_rng(0).integers(0, 50257, (batch, prompt))
    mask = np.zeros((batch, length), "int32")
    mask[:, :prompt] = 1
    inputs = {"token_ids": ids, "padding_mask": mask}
    note = "jit_compile=True" if xla else "jit_compile='auto'"
    return Job(lambda: model.generate(inputs, stop_token_ids=None), batch * new, note=note, warm=1)
