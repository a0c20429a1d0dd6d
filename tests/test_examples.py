"""The examples run from any folder, leave what they promise, stop at Ctrl-C, and go on."""

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = {"arguments.json", "curve.png", "data.json", "last.keras", "log.jsonl", "metrics.json",
         "model.keras", "tokenizer.json"}  # fmt: skip
FIGURES = {"val_loss", "val_perplexity", "floor_perplexity", "floor_loss", "excess_per_word",
           "val_perplexity_per_word", "val_bits_per_byte", "val_bits_per_character",
           "tokens_per_second", "seconds", "parameters", "steps"}  # fmt: skip

# In this process Keras and TensorFlow are loaded already; their warnings are not the examples'.
pytestmark = [
    pytest.mark.filterwarnings("default"),
    # h5py under NumPy 2, when the best weights are loaded; see setup.cfg.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def start(name, *flags, cwd):
    path = os.pathsep.join([str(EXAMPLES.parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / f"{name}.py"), *flags],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    output, errors = process.communicate(timeout=540)
    assert process.returncode == 0, output + errors
    return output


def call(monkeypatch, name, *flags):
    """Runs an example in this process, which saves loading TensorFlow again."""
    monkeypatch.setattr(sys, "argv", [name, *map(str, flags)])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """train_lstm_lm, stopped by Ctrl-C once it trains, and resumed."""
    cwd = tmp_path_factory.mktemp("lstm")
    process = start("train_lstm_lm", "--smoke", "--minutes", "500", cwd=cwd)
    # The header of the first bar is printed when training begins.
    before = []
    for line in process.stdout:
        before.append(line)
        if " of 500:00 minutes" in line:
            break
    else:
        pytest.fail("".join(before) + process.stderr.read())
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=540)
    assert process.returncode == 130, rest + errors
    stopped = {path.name for path in (cwd / "runs" / "train_lstm_lm").iterdir()}
    # Half an epoch in all: what was trained before counts.
    resumed = start("train_lstm_lm", "--resume", "--epochs", "0.5", cwd=cwd)
    return cwd / "runs" / "train_lstm_lm", stopped, rest, finish(resumed)


def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(trained):
    _, stopped, output, _ = trained
    assert {"last.keras", "model.keras", "tokenizer.json"} <= stopped
    assert "metrics.json" not in stopped
    assert "stopped at step" in output
    assert "--resume --out runs/train_lstm_lm" in output


def test_a_resumed_training_ends_with_everything(trained):
    folder, _, _, output = trained
    assert {path.name for path in folder.iterdir()} == FILES
    metrics = json.loads(output.splitlines()[-1])
    assert metrics.keys() >= FIGURES
    assert metrics == json.loads((folder / "metrics.json").read_text("utf-8"))
    assert 1 < metrics["floor_perplexity"] < metrics["val_perplexity"] < metrics["vocab_size"]
    assert 0 <= metrics["parsed"] <= 1
    assert metrics["excess_per_word"] > 3 * metrics["excess_per_word_error"] > 0
    assert metrics["epochs"] >= 0.5
    for words in ("going on from step", "━━━", "perplexity", "(floor ", "sample:", "metrics.json"):
        assert words in output


def test_a_trained_model_writes(trained, monkeypatch, capsys):
    flags = [trained[0], "--prompt", "The old", "--max-new-tokens", 8, "--seed", 3]
    call(monkeypatch, "generate_text", *flags, "--num-samples", 2, "--top-k", 50)
    first = capsys.readouterr().out.splitlines()
    assert len(first) == 2
    assert all(line.strip().startswith("The old") for line in first)
    call(monkeypatch, "generate_text", *flags, "--num-samples", 2, "--top-k", 50)
    assert capsys.readouterr().out.splitlines() == first
    call(monkeypatch, "generate_text", *flags, "--beams", 2)
    assert capsys.readouterr().out.startswith("The old")


def test_prompts_can_be_typed(trained, monkeypatch, capsys, tmp_path):
    prompts = tmp_path / "prompts"
    prompts.write_text("A farmer\nThe sailor\n", "utf-8")
    with prompts.open(encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdin", file)
        call(monkeypatch, "generate_text", trained[0], "--interactive", "--max-new-tokens", 3)
    output = capsys.readouterr().out
    assert "A farmer" in output
    assert "The sailor" in output


@pytest.mark.parametrize(
    ("flags", "told"),
    [(["--top-p", "0"], "top_p"), (["--temperature", "-1"], "temperature"),
     (["--beams", "0"], "num_beams")],
)  # fmt: skip
def test_wrong_sampling_flags_get_one_line(trained, monkeypatch, capsys, flags, told):
    with pytest.raises(SystemExit, match="1"):
        call(monkeypatch, "generate_text", trained[0], "--prompt", "The", *flags)
    assert told in capsys.readouterr().err


def test_llama_trains(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    call(monkeypatch, "train_llama_lm", "--smoke")
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert metrics.keys() >= FIGURES
    assert metrics["val_perplexity"] < metrics["vocab_size"]
    assert {path.name for path in (tmp_path / "runs" / "train_llama_lm").iterdir()} == FILES


def test_gpt2_learns_from_a_text_file(tmp_path):
    (tmp_path / "text.txt").write_text("one two three four five, once I caught a fish. " * 200)
    flags = ["--smoke", "--data", "text.txt", "--tokenizer", "char", "--prompt", "once"]
    output = finish(start("train_gpt2_lm", *flags, "--epochs", "3", "--out", "here", cwd=tmp_path))
    metrics = json.loads(output.splitlines()[-1])
    assert metrics.keys() >= FIGURES
    assert metrics["floor_perplexity"] is None
    assert metrics["val_perplexity"] < metrics["vocab_size"]
    assert "\n  once" in output
    assert {path.name for path in (tmp_path / "here").iterdir()} == FILES


def test_an_empty_file_gets_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "empty.txt").touch()
    monkeypatch.chdir(tmp_path)
    for name in ("train_gpt2_lm", "compare_models"):
        with pytest.raises(SystemExit, match="1"):
            call(monkeypatch, name, "--smoke", "--data", "empty.txt")
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"{name}: ")
        assert "empty.txt" in line
    assert not list(tmp_path.glob("runs/*"))  # nothing is left of a training that never began
    (tmp_path / "text.txt").write_text("abc " * 500)
    flags = ["--smoke", "--data", "text.txt", "--tokenizer", "char", "--prompt", "Zürich"]
    with pytest.raises(SystemExit, match="1"):
        call(monkeypatch, "train_gpt2_lm", *flags)
    assert "'Z'" in capsys.readouterr().err  # before the training, not after it
    with pytest.raises(SystemExit, match="1"):
        call(monkeypatch, "generate_text", "nowhere")
    assert "nowhere" in capsys.readouterr().err


def test_comparing_leaves_a_leaderboard_and_resumes(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))
    flags = ["--smoke", "--tokenizer", "word", "--families", "gru", "--learning-rates", "0.003"]
    call(monkeypatch, "compare_models", *flags)
    first = json.loads(capfd.readouterr().out.splitlines()[-1])
    (row,) = first["leaderboard"]
    assert first["best"] == row["family"] == "gru"
    assert row["learning_rate"] == 0.003
    assert len(row["val_perplexity_seeds"]) == 2
    assert row["parameters"] == pytest.approx(30_000, rel=0.1)
    assert row["peak_memory_mb"] > 100
    out = tmp_path / "runs" / "compare_models"
    made = {"leaderboard.csv", "leaderboard.md", "metrics.json", "curve.png", "tokenizer.json"}
    assert made <= {path.name for path in out.iterdir()}
    assert (out / "leaderboard.md").read_text("utf-8").count("\n") == 3
    before = (out / "gru" / "result.json").stat().st_mtime_ns
    call(monkeypatch, "compare_models", "--resume")
    output = capfd.readouterr().out
    assert "finished before" in output
    assert json.loads(output.splitlines()[-1])["leaderboard"] == first["leaderboard"]
    assert (out / "gru" / "result.json").stat().st_mtime_ns == before


def test_translate_trains_reports_goes_on_and_translates_back(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    call(monkeypatch, "translate", "--smoke", "--fields", "zh", "en", "--prompt", "他看书。")
    output = capsys.readouterr().out
    metrics = json.loads(output.splitlines()[-1])
    wanted = {"val_bleu", "val_chrf", "val_rougeL", "val_exact", "val_perplexity", "seconds"}
    assert metrics.keys() >= wanted
    assert metrics["bleu_signature"].startswith("nrefs:1|case:mixed")
    assert "\n他看书。\n" in output
    folder = tmp_path / "runs" / "translate"
    assert FILES | {"answers_valid.txt"} == {path.name for path in folder.iterdir()}
    (tmp_path / "texts.txt").write_text("他看书。\n\n她睡觉。\n", "utf-8")
    flags = ["--texts", "texts.txt", "--pairs", "more.tsv"]
    call(monkeypatch, "back_translate", folder, *flags)
    assert "pairs are in more.tsv" in capsys.readouterr().out
    rows = (tmp_path / "more.tsv").read_text("utf-8").splitlines()
    assert all(row.split("\t")[1] in ("他看书。", "她睡觉。") for row in rows)
    (tmp_path / "more.tsv").write_text("A dog.\t一只狗。\n" * 300, "utf-8")
    noise = ["--word-dropout", "0.1", "--r-drop", "1", "--warmup", "0.2"]
    call(monkeypatch, "translate", "--smoke", "--model", "gru", "--more-pairs", "more.tsv", *noise)
    assert "more pairs to train on" in capsys.readouterr().out
    saved = json.loads((tmp_path / "runs" / "translate-2" / "data.json").read_text("utf-8"))
    assert saved["train"]["pairs"] == 4300


def test_summarize_measures_the_first_sentence_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lines = [
        {"source": ["One dog ran.", f"It saw {n} cats."], "target": [f"{n} cats"]}
        for n in range(200)
    ]
    (tmp_path / "texts.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    call(monkeypatch, "summarize", "--smoke", "--data", "texts.jsonl", "--no-copy")
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert metrics["lead_rouge1"] == 0
    assert metrics.keys() >= {"val_rouge1", "lead_rougeL"}


def test_chat_learns_and_talks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "said.txt").write_text("hello\n\n", "utf-8")
    with (tmp_path / "said.txt").open(encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdin", file)
        call(monkeypatch, "chat", "--smoke", "--interactive", "--persona", "i live in Rome .")
    output = capsys.readouterr().out
    assert "a text, then Enter" in output
    assert json.loads(output.splitlines()[-1].split("> ")[-1])["val_exact"] >= 0


def test_chat_reads_with_another_model(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    said = [f"1 hi\thello\n2 a red block {n}\there is block {n}\n\n" for n in range(100)]
    (tmp_path / "train.txt").write_text("".join(said), "utf-8")
    call(monkeypatch, "chat", "--smoke", "--data", "train.txt", "--model", "transformer")
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    model = keras.saving.load_model(tmp_path / "runs" / "chat" / "model.keras", compile=False)
    assert model.count_params() == metrics["parameters"]
    assert "num_heads" in model.get_config()


def test_copying_without_a_model_that_copies_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        call(monkeypatch, "chat", "--smoke", "--model", "cnn")
    assert "--model cnn does not copy: add --no-copy" in capsys.readouterr().err
    assert not (tmp_path / "runs" / "chat").exists()


def test_classify_text_sorts_with_several_seeds_and_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [f"a {word} film {n}\t{label}" for n in range(60)
            for word, label in (("fine", "good"), ("dull", "bad"))]  # fmt: skip
    (tmp_path / "train.tsv").write_text("\n".join(rows), "utf-8")
    flags = ["--data", "train.tsv", "--smoke", "--epochs", "4", "--model", "bow"]
    noise = ["--word-dropout", "0.1", "--class-weights", "1", "--focal", "1"]
    call(monkeypatch, "classify_text", *flags, *noise, "--seeds", "2", "--prompt", "a dull film")
    output = capsys.readouterr().out
    metrics = json.loads(output.splitlines()[-1])
    assert metrics.keys() >= {"accuracy", "accuracy_deviation", "f1", "val_loss", "seconds"}
    folder = tmp_path / "runs" / "classify_text"
    assert {path.name for path in folder.iterdir()} == {
        "arguments.json", "metrics.json", "seed_1", "seed_2",
    }  # fmt: skip
    wanted = FILES | {"labels.json", "confusion.png", "report.txt"}
    assert {path.name for path in (folder / "seed_2").iterdir()} == wanted
    for words in ("seed 1 of 2", "a dull film", "mean and deviation of 2", "precision"):
        assert words in output
    (folder / "metrics.json").unlink()
    call(monkeypatch, "classify_text", "--resume")
    again = capsys.readouterr().out
    assert again.count("is complete") == 2
    assert json.loads(again.splitlines()[-1]) == metrics


def test_classify_text_tests_every_fold_on_what_it_did_not_see(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for label in ("pos", "neg"):
        lines = [f"{label} word {n}" for n in range(40)]
        (tmp_path / f"reviews.{label}").write_text("\n".join(lines), "utf-8")
    flags = ["--data", "reviews.*", "--form", "files", "--smoke", "--model", "bow", "--folds", "2"]
    flags += ["--outside", "neg", "--threshold", "0.5"]
    call(monkeypatch, "classify_text", *flags)
    output = capsys.readouterr().out
    metrics = json.loads(output.splitlines()[-1])
    assert metrics.keys() >= {"test_accuracy", "test_outside_recall", "test_inside_accuracy"}
    saved = json.loads((tmp_path / "runs/classify_text/fold_1/data.json").read_text("utf-8"))
    assert saved["test"]["texts"] == 40
    assert saved["train"]["texts"] + saved["valid"]["texts"] == 40


def test_tag_entities_tags_the_users_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lines = [f"{name} B-PER\nslept O\nin O\n{place} B-LOC\n"
             for name in ("Ann", "Bob") for place in ("Rome", "Oslo")] * 20  # fmt: skip
    (tmp_path / "train.conll").write_text("\n".join(lines), "utf-8")
    flags = ["--data", "train.conll", "--smoke", "--epochs", "6", "--characters", "none"]
    call(monkeypatch, "tag_entities", *flags, "--prompt", "Bob slept in Rome")
    output = capsys.readouterr().out
    metrics = json.loads(output.splitlines()[-1])
    assert metrics.keys() >= {"f1", "val_accuracy", "baseline_val_f1", "seconds"}
    assert metrics["baseline_val_f1"] == 100
    assert "micro avg" in output
    folder = tmp_path / "runs" / "tag_entities"
    wanted = (FILES - {"tokenizer.json"}) | {"vocabulary.json", "report.txt"}
    assert {path.name for path in folder.iterdir()} == wanted


def test_tag_entities_learns_intents(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [{"tokens": ["play", f"song{n}"], "tags": ["O", "B-song"], "intent": "Play"}
            if n % 2 else {"tokens": ["weather", "in", f"town{n}"], "tags": ["O", "O", "B-town"],
                           "intent": "Weather"} for n in range(80)]  # fmt: skip
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    call(monkeypatch, "tag_entities", "--data", "train.jsonl", "--intents", "--smoke",
         "--forget-rare", "0.5", "--patience", "2", "--prompt", "play it")  # fmt: skip
    output = capsys.readouterr().out
    metrics = json.loads(output.splitlines()[-1])
    assert metrics.keys() >= {"val_intent_accuracy", "val_sentence_accuracy", "val_f1"}
    assert "(Play)" in output or "(Weather)" in output


@pytest.mark.parametrize(
    ("name", "flags", "told"),
    [
        ("classify_text", ["--outside", "nowhere"], "--outside nowhere: no text has this label"),
        ("classify_text", ["--threshold", "0.5"], "name the label of what reaches none"),
        ("tag_entities", ["--focal", "1"], "add --no-crf"),
    ],
)
def test_flags_that_cannot_be_are_told_before_the_training(
    tmp_path, monkeypatch, capsys, name, flags, told
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="1"):
        call(monkeypatch, name, "--smoke", *flags)
    assert told in capsys.readouterr().err
    assert not list(tmp_path.glob("runs/*"))
