"""Where pages run: an empty folder with a text of one's own, without XLA."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmzoo import grammar
from lmzoo.data.batching import widths


@pytest.fixture(name="folder")
def folder_with_text(tmp_path, monkeypatch):
    """The working directory of a page's code.

    Most of the time would go into compilation: steps run without XLA, and batches have one padded
    width, since recurrent layers compile one kernel a width.
    """
    compile_as_said = keras.Model.compile

    def compile_plainly(self, *args, **kwargs):
        compile_as_said(self, *args, **{**kwargs, "jit_compile": False})

    monkeypatch.setattr(keras.Model, "compile", compile_plainly)
    monkeypatch.setattr(
        widths, "choose_widths", lambda lengths, most=1: np.array([widths.round_up(max(lengths))])
    )
    monkeypatch.chdir(tmp_path)
    # Optimizing such small graphs takes longer than it saves.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    text = "\n".join(grammar.documents(300))
    (tmp_path / "my_text.txt").write_text(text, encoding="utf-8")
    yield tmp_path
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
