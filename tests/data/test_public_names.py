"""The public names of lmzoo.data are imported when they are used."""

import importlib.util
import sys

import pytest

import lmzoo.data


def test_public_names_are_imported_when_they_are_used():
    before = set(sys.modules)
    spec = importlib.util.spec_from_file_location("fresh", lmzoo.data.__file__)
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    assert set(sys.modules) == before
    assert set(vars(fresh)) & set(fresh.__all__) == set()
    assert dir(fresh) == sorted(fresh.__all__)
    for name in lmzoo.data.__all__:
        assert getattr(lmzoo.data, name).__name__.rpartition(".")[2] == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(lmzoo.data, "noth" + "ing")
