"""lmzoo train and the commands that use what it leaves behind."""

import json
import subprocess
import sys

import pytest

import lmzoo
from lmzoo.cli import main

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def metrics_of(output):
    return json.loads(output.splitlines()[-1])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "lm"
    main(["train", "lm", "--model", "gru_lm", "--smoke", "--out", str(out)])
    return str(out)


def test_generate_continues_prompts(run, capsys):
    flags = ["generate", run, "--prompt", "The old", "--max-new-tokens", "8", "--seed", "3"]
    main([*flags, "--num-samples", "2", "--top-k", "50"])
    first = capsys.readouterr().out.splitlines()
    assert len(first) == 2
    assert all(line.startswith("The old") for line in first)
    main([*flags, "--num-samples", "2", "--top-k", "50"])
    assert capsys.readouterr().out.splitlines() == first
    main([*flags, "--num-beams", "2"])
    assert capsys.readouterr().out.startswith("The old")


def test_prompts_can_come_from_a_pipe(run, capsys, monkeypatch, tmp_path):
    (tmp_path / "prompts").write_text("A farmer\nThe sailor\n", "utf-8")
    with (tmp_path / "prompts").open(encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdin", file)
        main(["generate", run, "--max-new-tokens", "3"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["A", "The"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [(["--top-p", "0"], "top_p"), (["--temperature", "-1"], "temperature"),
     (["--num-beams", "0"], "num_beams")],
)  # fmt: skip
def test_wrong_sampling_flags_get_one_line(run, capsys, flags, message):
    with pytest.raises(SystemExit, match="1"):
        main(["generate", run, "--prompt", "The", *flags])
    assert message in capsys.readouterr().err


def test_score_and_evaluate_agree(run, capsys, tmp_path):
    texts = lmzoo.grammar.documents(30, seed=9)
    (tmp_path / "held.txt").write_text("\n".join(texts) + "\n", "utf-8")
    main(["evaluate", run, "--data", str(tmp_path / "held.txt"), "--set", "documents=line"])
    metrics = metrics_of(capsys.readouterr().out)
    nats = 0.0
    for text in texts:
        main(["score", run, "--prompt", text])
        nats -= float(capsys.readouterr().out.split()[0])
    # `score` of a prompt leaves out the end of the text, which evaluation counts.
    assert metrics["val_tokens"] > 0
    assert metrics["val_loss"] * metrics["val_tokens"] > nats > 0


def test_several_seeds_give_mean_and_deviation(tmp_path, capsys):
    rows = [f"a {word} film {n}\t{label}" for n in range(60)
            for word, label in (("fine", "good"), ("dull", "bad"))]  # fmt: skip
    (tmp_path / "train.tsv").write_text("\n".join(rows), "utf-8")
    out = tmp_path / "out"
    flags = ["train", "classifier", "--model", "bow_classifier", "--smoke", "--out", str(out),
             "--data", str(tmp_path / "train.tsv"), "--seeds", "2", "--prompt", "a dull film",
             "--set", "word_dropout=0.1", "class_balance=1", "focal_gamma=1"]  # fmt: skip
    main(flags)
    output = capsys.readouterr().out
    metrics = metrics_of(output)
    assert metrics.keys() >= {"accuracy", "accuracy_deviation", "f1", "val_loss", "seconds"}
    assert {path.name for path in out.iterdir()} == {"metrics.json", "seed_1", "seed_2"}
    for words in ("seed 1 of 2", "a dull film", "mean and deviation of 2", "precision"):
        assert words in output
    (out / "metrics.json").unlink()
    main([*flags, "--resume"])
    again = capsys.readouterr().out
    assert again.count("is complete") == 2
    assert metrics_of(again) == metrics
    main(["classify", str(out / "seed_2"), "--prompt", "a fine film"])
    assert "good" in capsys.readouterr().out


def test_every_fold_is_tested_on_texts_that_it_did_not_see(tmp_path, capsys):
    for label in ("pos", "neg"):
        lines = [f"{label} word {n}" for n in range(40)]
        (tmp_path / f"reviews.{label}").write_text("\n".join(lines), "utf-8")
    main(["train", "classifier", "--model", "bow_classifier", "--smoke", "--folds", "2",
          "--data", str(tmp_path / "reviews.*"), "--out", str(tmp_path / "out"), "--set",
          "format=files", "out_of_scope=neg", "threshold=0.5"])  # fmt: skip
    metrics = metrics_of(capsys.readouterr().out)
    assert metrics.keys() >= {"test_accuracy", "test_out_of_scope_recall"}


def test_the_training_wrappers_and_noise_are_settings(tmp_path, capsys):
    pairs = [f"a{n} b{n % 7} c\tx{n} y{n % 7}" for n in range(300)]
    (tmp_path / "train.tsv").write_text("\n".join(pairs), "utf-8")
    out = str(tmp_path / "out")
    main(["train", "seq2seq", "--model", "gru_seq2seq", "--smoke", "--out", out, "--data",
          str(tmp_path / "train.tsv"), "--set", "r_drop=1", "word_dropout=0.1", "num_beams=1",
          "optimizer=adamw", "optimizer.weight_decay=0.1"])  # fmt: skip
    assert metrics_of(capsys.readouterr().out)["val_bleu"] >= 0
    main(["translate", out, "--prompt", "a1 b1 c", "--num-beams", "1"])
    assert capsys.readouterr().out


def test_a_tagger_is_trained_and_used(tmp_path, capsys):
    out = str(tmp_path / "out")
    main(["train", "tagger", "--smoke", "--out", out, "--set", "rare_word_dropout=0.5",
          "patience=2"])  # fmt: skip
    assert metrics_of(capsys.readouterr().out).keys() >= {"f1", "val_tag_accuracy"}
    main(["tag", out, "--prompt", "The old farmer met Anna ."])
    assert capsys.readouterr().out.split()[0] == "The"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["lm", "--model", "cnn_classifier"], "is not a lm"),
        (["lm", "--set", "hidden=3"], "hidden_dim"),
        (["tagger", "--folds", "2"], "--folds is for classifiers"),
        (["lm", "--set", "optimizer=sgdd"], "no optimizer 'sgdd'"),
        (["seq2seq", "--resume", "--out", "nowhere", "--data", "nowhere.tsv"], "nowhere.tsv"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path, monkeypatch, capsys, flags, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="1"):
        main(["train", *flags])
    assert message in capsys.readouterr().err


def test_catalog_and_version(capsys):
    main(["describe", "lstm_lm"])
    assert capsys.readouterr().out.startswith("lstm_lm: ")
    done = subprocess.run(
        [sys.executable, "-m", "lmzoo", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"lmzoo {lmzoo.__version__}"
