"""Runs README's code, and checks what it says of models, flags and files."""

import os
import re
from pathlib import Path

import keras
import pytest

import lmzoo
from lmzoo import grammar

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# The textbook's snippets are run by test_snippets.py.
TEXT = README.split("## The textbook's snippets\n")[0]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHARED_FLAGS = ("arguments", "seq2seq", "deciding", "classify", "tag")
# What is run as it stands but for the amount of text and of training.
SMALLER = {
    'prepare_lm("grammar",': 'prepare_lm(lmzoo.data.read_texts("grammar", grammar_size=4000),',
    "embed_dim=192, hidden_dim=192": "embed_dim=24, hidden_dim=24",
    "epochs=4": "epochs=1",
}


def section(title):
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.fixture(name="folder")
def folder_with_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_text.txt").write_text("\n".join(grammar.documents(300)), encoding="utf-8")
    yield tmp_path
    if "mixed_lm" in lmzoo.list_models():
        lmzoo.unregister("mixed_lm")


def test_the_code_runs_from_top_to_bottom(folder, capsys):
    names = {}
    blocks = BLOCK.findall(TEXT)
    assert len(blocks) >= 10
    for number, block in enumerate(blocks):
        for long, short in SMALLER.items():
            block = block.replace(long, short)
        keras.utils.set_random_seed(number)
        exec(compile(block, f"README, block {number + 1}", "exec"), names)
    printed = capsys.readouterr().out
    assert re.search(r"^perplexity \d+\.\d\d \(a perfect model: \d\.\d\d\)$", printed, re.MULTILINE)
    assert names["model"].recipe["builder"] == "lstm_lm"
    assert names["copy"].count_params() == names["model"].count_params()
    assert len(names["carrying"].blocks[0].carried) == 1
    columns = (folder / "log.csv").read_text().splitlines()[0].split(",")
    said = re.search(r"^# (val_.*)$", TEXT, re.MULTILINE)[1]
    assert set(said.split(", ")) <= set(columns)
    assert "\nFalse\n" in printed  # the grammar does not make "The the the."


def test_every_model_and_preset_stands_in_the_table():
    rows = re.findall(r"^\| `build_(\w+)` \|.*\| (.*?) ?\|$", section("Models"), re.MULTILINE)
    assert sorted(name for name, _ in rows) == lmzoo.list_models()
    for name, presets in rows:
        said = [f"{name}/{preset}" for preset in re.findall(r"`(\w+)`", presets)]
        assert sorted(said) == lmzoo.list_models(f"{name}/*")


def test_every_tokenizer_stands_in_the_table():
    first = re.findall(r"^\| (`.*?) \|", section("Data"), re.MULTILINE)
    said = sorted(re.findall(r"`(\w+)`", " ".join(first)))
    assert said == ["bpe", "byte", "char", "unigram", "whitespace", "word", "wordpiece"]
    texts = ["a small boat is a boat", "an old boat"]
    for kind in said:
        assert lmzoo.data.train_tokenizer(texts, kind=kind).kind == kind


def test_the_commands_name_scripts_and_flags_that_exist():
    folder = ROOT / "lmzoo" / "experiment"
    shared = "".join((folder / f"{n}.py").read_text("utf-8") for n in SHARED_FLAGS)
    commands = re.findall(r"^(?:\w+=\w+ )?python (examples/\S+)(.*)$", README, re.MULTILINE)
    assert len(commands) >= 4
    for script, arguments in commands:
        source = (ROOT / script).read_text(encoding="utf-8")
        for flag in re.findall(r"--[\w-]+", arguments):
            assert f'"{flag}"' in source + shared, (script, flag)
    for flag in re.findall(r"`(--[\w-]+)`", section("Examples")):
        known = flag.replace("--no-", "--")  # argparse makes the one of the other
        assert f'"{known}"' in shared or flag == "--help", flag
    examples = {path.name for path in (ROOT / "examples").glob("*.py")}
    assert examples == set(re.findall(r"^\| \[(\w+\.py)\]", section("Examples"), re.MULTILINE))


def test_links_are_relative_and_lead_somewhere():
    targets = re.findall(r"\]\(([^)]+)\)", README)
    local = [target for target in targets if not target.startswith("https://")]
    assert local
    for target in local:
        assert not os.path.isabs(target)
        assert (ROOT / target).exists(), target


def test_both_commands_stand_on_lines_of_their_own():
    lines = README.splitlines()
    assert "python -m pip install -e . && python examples/train_lstm_lm.py" in lines
    assert 'python -m pip install -e ".[test]" && python -m pytest' in lines
