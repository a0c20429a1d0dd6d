"""Runs the code of the pages on each part of the package."""

import json

from tests.docs.pages import install_trackers, run_page


def test_models(folder):
    names = run_page("docs/models.md")
    assert names["hidden"].shape == (1, 4, names["encoder"].dim)
    assert names["mask"].numpy().tolist() == [[True, True, True, False]]
    assert names["awd"].recipe["num_layers"] == 3


def test_data(folder, capsys):
    names = run_page("docs/data.md")
    printed = capsys.readouterr().out
    steps = names["data"].steps_per_epoch
    assert f"{steps - 3} of {steps}" in printed  # after start_at
    assert "A DOG" in printed  # Corpus.map
    assert "[([5, 6], 7), ([6, 7], 8)]" in printed


def test_tokenizers(folder, capsys):
    run_page("docs/tokenizers.md")
    assert "sold 14\n" in capsys.readouterr().out


def test_training(folder, capsys):
    """The second part resumes; the loss of probabilities is refused."""
    names = run_page("docs/training.md")
    assert names["start"]["epoch"] == 1
    assert "logits" in capsys.readouterr().out
    files = {path.name for path in (folder / "runs" / "mine").iterdir()}
    assert {"model.keras", "last.keras", "tokenizer.json", "log.jsonl", "curve.png"} <= files


def test_generation(folder, capsys):
    run_page("docs/generation.md")
    assert capsys.readouterr().out.count("The old") >= 3


def test_evaluation(folder):
    names = run_page("docs/evaluation.md")
    found = json.loads((folder / "runs" / "sentiment" / "metrics.json").read_text())
    assert found == json.loads(names["report"].json())
    assert found["seed"] == 0


def test_saving(folder):
    names = run_page("docs/saving.md")
    assert names["model"].recipe["hidden_dim"] == names["copy"].recipe["hidden_dim"] == 16
    assert names["classifier"].recipe["encoder"]["builder"] == "gru_encoder"
    assert [transform["name"] for transform in names["copy"].recipe["transforms"]] == ["quantized"]
    assert {path.name for path in (folder / "runs" / "mine").iterdir()} == {
        "task.json",
        "tokenizer.json",
    }


def test_backends(folder):
    assert run_page("docs/backends.md")["model"].recipe["dtype"] == "mixed_bfloat16"


def test_with_other_tools(folder, monkeypatch, capsys):
    trackers = install_trackers(monkeypatch)
    names = run_page("docs/with_other_tools.md")
    for tracker in trackers.values():
        (logged,) = tracker.logged
        assert {"loss", "val_loss"} <= logged.keys()
    assert set(names["search"].get_best_hyperparameters()[0].values) == {"embed_dim", "ngrams"}
    assert "±" in capsys.readouterr().out
