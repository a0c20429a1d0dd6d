"""Where pages run: an empty folder with a text of one's own, without XLA."""

import keras
import numpy as np
import pytest
from lmzoo.data.batching import widths

from lmzoo import grammar


@pytest.fixture(name="folder")
def folder_with_text(tmp_path, monkeypatch):
    """The working directory of a page's code; it takes the shortest time without XLA, which would
    compile every step, and with one padded width, which spares recurrent layers the others."""
    compile_as_said = keras.Model.compile

    def compile_plainly(self, *args, **kwargs):
        compile_as_said(self, *args, **{**kwargs, "jit_compile": False})

    monkeypatch.setattr(keras.Model, "compile", compile_plainly)
    monkeypatch.setattr(
        widths, "choose_widths", lambda lengths, most=1: np.array([widths.round_up(max(lengths))])
    )
    monkeypatch.chdir(tmp_path)
    text = "\n".join(grammar.documents(300))
    (tmp_path / "my_text.txt").write_text(text, encoding="utf-8")
    return tmp_path
