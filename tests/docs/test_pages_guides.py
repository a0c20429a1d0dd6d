"""Runs the code of README, of the quick start and of the guides."""

import re

import pytest

from tests.docs.pages import TEXTS, run_page


@pytest.mark.parametrize("name", ["README.md", "docs/quickstart.md"])
def test_the_first_model_is_measured_beside_the_floor(folder, name, capsys):
    names = run_page(name)
    printed = capsys.readouterr().out
    assert re.search(r"^perplexity +\d+\.\d\d \(floor \d\.\d\d\)$", printed, re.MULTILINE)
    assert names["model"].recipe["builder"] == "lstm_lm"


def test_language_modeling(folder, capsys):
    names = run_page("docs/guides/language_modeling.md")
    assert len(names["carrying"].blocks[0].carried) == 1
    columns = (folder / "log.csv").read_text().splitlines()[0].split(",")
    said = re.search(r"^# (val_.*)$", TEXTS["docs/guides/language_modeling.md"], re.MULTILINE)[1]
    assert set(said.split(", ")) <= set(columns)
    assert "\nFalse\n" in capsys.readouterr().out  # the grammar does not make "The the the."


def test_translation(folder):
    names = run_page("docs/guides/translation.md")
    assert (folder / "runs" / "zh" / "model.keras").exists()
    assert {"bleu", "chrf"} <= {name.partition("_")[2] for name in names["report"].metrics}


def test_summarization(folder):
    names = run_page("docs/guides/summarization.md")
    assert names["model"].copies
    assert len(names["summaries"]) == len(names["references"])
    assert 0 <= names["rouge"].result()["rouge1"] <= 100


def test_dialogue(folder):
    names = run_page("docs/guides/dialogue.md")
    assert len(names["replies"]) == 4
    assert len(names["equal"]) == 4


def test_classification(folder):
    names = run_page("docs/guides/classification.md")
    assert len(names["folds"]) == 10
    assert (folder / "rates.png").exists()


def test_tagging(folder):
    names = run_page("docs/guides/tagging.md")
    assert len(names["words"]) == len(names["tags"]) == 6
    assert set(names["tags"]) <= set(names["data"].tags)
