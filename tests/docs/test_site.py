"""Builds the site, and checks what README and the pages say of models, names, commands, links."""

import argparse
import functools
import importlib
import os
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
import types
from urllib.parse import unquote

import pytest

import lmzoo
from lmzoo import cli
from tests.docs.pages import BLOCK, DOCS, PAGES, ROOT, TEXTS, blocks

README = TEXTS["README.md"]
REPOSITORY = "https://github.com/lmzoo/lmzoo/"
MODULES = {
    name: module
    for name in lmzoo.__all__
    if isinstance(module := getattr(lmzoo, name), types.ModuleType)
}
# Records hold commands of their own time.
WITH_COMMANDS = [name for name in PAGES if name not in ("docs/results.md", "CHANGELOG.md")]


@pytest.fixture(name="site", scope="module")
def built_site(tmp_path_factory):
    """The site, built with warnings as errors."""
    folder = tmp_path_factory.mktemp("site")
    command = ["-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [sys.executable, *command, "-d", folder / "doctrees", DOCS, folder / "html"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_every_page_is_built(site):
    pages = [path.relative_to(DOCS).with_suffix(".html") for path in PAGES.values()
             if path.is_relative_to(DOCS)]  # fmt: skip
    assert len(pages) > 25
    assert not [page for page in pages if not (site / page).exists()]


def test_the_reference_describes_every_public_name_once(site):
    from sphinx.util.inventory import InventoryFile

    objects = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    described = {name for kind, names in objects.data.items() if kind.startswith("py:")
                 for name in names}  # fmt: skip
    names = {f"lmzoo.{name}" for name in lmzoo.__all__ if name not in MODULES}
    for module_name, module in MODULES.items():
        for name in module.__all__ if hasattr(module, "__all__") else ():
            places = {f"lmzoo.{module_name}.{name}", f"lmzoo.{name}"}
            home = getattr(getattr(module, name), "__module__", "").split(".")[1:2]
            places |= {f"lmzoo.{package}.{name}" for package in home}
            names |= places & described or {f"lmzoo.{module_name}.{name}"}
    assert len(names) > 200
    assert not names - described


def test_links_to_the_repository_are_made_from_relative_ones(site):
    page = (site / "results.html").read_text("utf-8")
    assert f"{REPOSITORY}blob/main/benchmarks/records/2026-11-24_lstm_grammar/README.md" in page
    assert 'href="../benchmarks' not in page
    page = (site / "contributing.html").read_text("utf-8")
    assert f"{REPOSITORY}blob/main/benchmarks/README.md" in page


def test_the_readme_is_short_and_has_both_commands():
    lines = README.splitlines()
    assert len(lines) <= 200
    assert "python -m pip install -e . && python examples/train_lstm_lm.py" in lines
    assert 'python -m pip install -e ".[test]" && python -m pytest' in lines
    (quick_start,) = blocks(README, "python")
    assert len(quick_start.splitlines()) <= 15


def test_every_module_has_a_page_of_the_reference(site):
    pages = {path.stem for path in (site / "api").glob("*.html")}
    assert pages == {"index", "lmzoo", "grammar", *MODULES}
    assert "errors" in MODULES


def test_every_model_and_preset_stands_in_the_table():
    rows = re.findall(r"^\| `build_(\w+)` \|.*\| (.*?) ?\|$", TEXTS["docs/models.md"], re.MULTILINE)
    assert sorted(name for name, _ in rows) == lmzoo.list_models()
    for name, presets in rows:
        said = [f"{name}/{preset}" for preset in re.findall(r"`(\w+)`", presets)]
        assert sorted(said) == lmzoo.list_models(f"{name}/*")


def test_every_language_model_and_task_model_stands_in_the_readme():
    named = set(re.findall(r"`build_(\w+)`", README))
    assert named <= set(lmzoo.list_models())
    assert {name for name in lmzoo.list_models() if not name.endswith("_decoder")} <= named


def test_every_tokenizer_stands_in_the_table():
    first = re.findall(r"^\| (`.*?) \|", TEXTS["docs/tokenizers.md"], re.MULTILINE)
    said = sorted(re.findall(r"`(\w+)`", " ".join(first)))
    assert said == ["bpe", "byte", "char", "unigram", "whitespace", "word", "wordpiece"]
    texts = ["a small boat is a boat", "an old boat"]
    for kind in said:
        assert lmzoo.data.train_tokenizer(texts, kind=kind).kind == kind


def test_every_callback_schedule_and_training_method_stands_in_a_table():
    table = "".join(re.findall(r"^\|.*\|$", TEXTS["docs/training.md"], re.MULTILINE))
    for module in (lmzoo.callbacks, lmzoo.schedules, lmzoo.training):
        for name, value in vars(module).items():
            is_own = isinstance(value, type) and value.__module__.startswith(module.__name__)
            if is_own and not name.startswith("_") and name not in ("RateSearch", "TrainingMethod"):
                assert name in table, name


@functools.cache
def resolves(name):
    """Whether a dotted name leads to something."""
    *parts, last = name.split(".")
    try:
        return hasattr(importlib.import_module(".".join(parts)), last)
    except ModuleNotFoundError:
        return resolves(".".join(parts)) and hasattr(
            functools.reduce(getattr, parts[1:], lmzoo), last
        )


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_names_of_the_package_exist(page):
    code = "\n".join([*re.findall(r"`[^`\n]+`", TEXTS[page]), *blocks(TEXTS[page], "python")])
    names = set(re.findall(r"(?<![\w/.])lmzoo(?:\.[A-Za-z_]\w*)+(?![\w/])", code))
    files = (".toml", ".py", ".json")
    assert not {name for name in names if not name.endswith(files) and not resolves(name)}
    own = set(re.findall(r"^def (build_\w+)", code, re.MULTILINE))
    builders = set(re.findall(r"\b(build_[a-z]\w*)\b", code)) - own
    builders -= {"build_model", "build_x_lm"}
    assert not {name for name in builders if not hasattr(lmzoo, name)}


class Parsed(Exception):
    """The command line was understood."""


@pytest.fixture(name="parse_only")
def parsing_stops_the_program(monkeypatch):
    """Lets a program parse its arguments and do nothing else."""
    parse_args = argparse.ArgumentParser.parse_args

    def stop(self, args=None, namespace=None):
        parse_args(self, args, namespace)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)


def commands(page):
    """The commands of a page, as lists of words, without what is set before them."""
    lines = [line for block in blocks(TEXTS[page], "") for line in block.splitlines()]
    for command in (part for line in lines for part in line.split("&&")):
        words = shlex.split(command)
        yield words[1:] if words and re.fullmatch(r"\w+=\w+", words[0]) else words


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_commands_are_understood(page, parse_only, monkeypatch):
    """Scripts, commands, arguments and extras exist."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for program, *words in filter(None, commands(page)):
        if program == "lmzoo" and words != ["--version"]:
            with pytest.raises(Parsed):
                cli.main(words)
        elif program == "python" and words[0].startswith("examples/"):
            monkeypatch.setattr(sys, "argv", words)
            with pytest.raises(Parsed):
                runpy.run_path(str(ROOT / words[0]), run_name="__main__")
        for extra in re.findall(r"\.\[(\w+)\]", " ".join(words)):
            assert extra in extras["optional-dependencies"]


def test_the_pages_show_commands():
    shown = [command for page in WITH_COMMANDS for command in commands(page) if command]
    programs = {"lmzoo", "python"}
    assert sum(command[0] in programs for command in shown) >= 30


def test_every_command_and_example_stands_in_a_table(parse_only, capsys):
    text = TEXTS["docs/command_line.md"]
    told = set(re.findall(r"^\| `lmzoo ([a-z]\w*)", text, re.MULTILINE))
    with pytest.raises(SystemExit):
        cli.main(["no such command"])
    known = capsys.readouterr().err.split("choose from ")[1]
    assert told == set(re.findall(r"\w+", known))
    examples = {path.name for path in (ROOT / "examples").glob("*.py")}
    table = re.findall(r"^\| \[(\w+\.py)\]", TEXTS["docs/quickstart.md"], re.MULTILINE)
    assert examples == set(table)


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_links_are_relative_and_lead_somewhere(page):
    text = BLOCK.sub("", TEXTS[page])
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path = unquote(target.split("#")[0])
        if target.startswith(REPOSITORY):
            kind, _, inside = path.removeprefix(REPOSITORY).partition("/main/")
            assert kind in ("blob", "tree")
            assert (ROOT / inside).exists(), target
        elif not target.startswith(("https://", "#")):
            assert not os.path.isabs(path)
            assert (PAGES[page].parent / path).exists(), target
