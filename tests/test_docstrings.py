"""Runs the examples in lmzoo's docstrings, and asks for one where there is none."""

import doctest
import importlib
import inspect
import types
from pathlib import Path

import pytest

import lmzoo

PACKAGE = Path(lmzoo.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("name", MODULES)
def test_examples_run_and_show_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # an example may write files
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    report = []
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        runner.run(test, out=report.append)
    assert not runner.summarize(verbose=False).failed, "".join(report)


def test_public_functions_show_an_example():
    modules = [lmzoo, *(getattr(lmzoo, name) for name in lmzoo.__all__)]
    modules = [m for m in modules if isinstance(m, types.ModuleType) and hasattr(m, "__all__")]
    without = {
        f"{module.__name__}.{name}"
        for module in modules
        for name in module.__all__
        if inspect.isfunction(function := inspect.unwrap(getattr(module, name)))
        and ">>> " not in (inspect.getdoc(function) or "")
    }
    assert not without
