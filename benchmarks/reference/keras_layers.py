"""Keras's own layers, in the setting that `ours.py` gives lmzoo's."""

import keras
from ours import layer_job, startup_job
from runner import Job


def lstm_layer(units: int, batch: int, time: int = 35, xla: bool = False) -> Job:
    """`keras.layers.LSTM` forward and backward, with XLA or as Keras's "auto" runs it on a CPU."""
    layer = keras.layers.LSTM(units, return_sequences=True)
    job = layer_job(layer, units, batch, time, xla=xla)
    job.note = "XLA" if xla else "without XLA, as jit_compile='auto' has it on a CPU"
    return job


def startup() -> Job:
    """A fresh process that imports Keras with its backend."""
    return startup_job("import keras")
