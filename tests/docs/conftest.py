"""Where pages run: an empty folder with a text of one's own, without XLA."""

import keras
import pytest

from lmzoo import grammar


@pytest.fixture(name="folder")
def folder_with_text(tmp_path, monkeypatch):
    """The working directory of a page's code. Compiling with XLA would take most of the time."""
    compile_as_said = keras.Model.compile

    def compile_plainly(self, *args, **kwargs):
        compile_as_said(self, *args, **{**kwargs, "jit_compile": False})

    monkeypatch.setattr(keras.Model, "compile", compile_plainly)
    monkeypatch.chdir(tmp_path)
    text = "\n".join(grammar.documents(300))
    (tmp_path / "my_text.txt").write_text(text, encoding="utf-8")
    return tmp_path
