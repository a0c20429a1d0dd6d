"""The examples run from any folder, leave what they promise, stop at a signal, and go on."""

import json
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import keras
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = {"curve.png", "last.keras", "log.jsonl", "metrics.json", "model.keras", "report.txt",
         "task.json", "tokenizer.json"}  # fmt: skip
FIGURES = {"val_loss", "val_perplexity", "floor_perplexity", "floor_loss", "excess_per_word",
           "val_perplexity_per_word", "val_bits_per_byte", "val_bits_per_character",
           "tokens_per_second", "seconds", "parameters", "steps"}  # fmt: skip

# In this process Keras and TensorFlow are loaded already; their warnings are not the examples'.
pytestmark = [
    pytest.mark.filterwarnings("default"),
    # h5py under NumPy 2, when the best weights are loaded; see pyproject.toml.
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


def call(monkeypatch, name, *flags):
    """Runs an example in this process, which saves loading TensorFlow again."""
    monkeypatch.setattr(sys, "argv", [name, *map(str, flags)])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")


def metrics_of(output):
    return json.loads(output.splitlines()[-1])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """train_lstm_lm, stopped by SIGTERM once it trains, and resumed."""
    cwd = tmp_path_factory.mktemp("lstm")
    process = start("train_lstm_lm", "--smoke", "--epochs", "1000", cwd=cwd)
    before = []
    for line in iter(process.stdout.readline, ""):
        before.append(line)
        if line.startswith("Epoch 2/1000"):
            break
    else:
        pytest.fail("".join(before) + process.stderr.read())
    process.send_signal(signal.SIGTERM)
    rest, errors = process.communicate(timeout=540)
    assert process.returncode == 128 + signal.SIGTERM, rest + errors
    stopped = {path.name for path in (cwd / "runs" / "train_lstm_lm").iterdir()}
    resumed = start("train_lstm_lm", "--smoke", "--epochs", "2", "--resume", cwd=cwd)
    output, errors = resumed.communicate(timeout=540)
    assert resumed.returncode == 0, output + errors
    return cwd / "runs" / "train_lstm_lm", stopped, rest, output


def test_a_signal_leaves_a_checkpoint_and_says_how_to_go_on(trained):
    _, stopped, output, _ = trained
    assert {"last.keras", "model.keras", "tokenizer.json", "task.json"} <= stopped
    assert "metrics.json" not in stopped
    assert "stopped at step" in output
    assert "--resume continues" in output


def test_a_resumed_training_ends_with_everything(trained):
    folder, _, _, output = trained
    assert {path.name for path in folder.iterdir()} == FILES
    metrics = metrics_of(output)
    assert metrics.keys() >= FIGURES
    assert metrics == json.loads((folder / "metrics.json").read_text("utf-8"))
    assert 1 < metrics["floor_perplexity"] < metrics["val_perplexity"] < metrics["vocab_size"]
    assert 0 <= metrics["parsed"] <= 1
    assert metrics["excess_per_word"] > 3 * metrics["excess_per_word_error"] > 0
    assert metrics["epochs"] == 2
    for words in ("resuming at step", "/step - loss: ", "perplexity", "(floor ", "written to"):
        assert words in output
    # Not a terminal: a line for each epoch, and no bar that overwrites itself.
    assert not set("\b\r\x1b") & set(output)
    steps = [json.loads(line)["step"] for line in (folder / "log.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))


def test_a_trained_model_generates(trained, monkeypatch, capsys):
    call(monkeypatch, "generate_text", trained[0], "--prompt", "The old", "--seed", 3)
    first = capsys.readouterr().out
    call(monkeypatch, "generate_text", trained[0], "--prompt", "The old", "--seed", 3)
    assert capsys.readouterr().out == first
    assert first.count("The old") == 3
    scores = [float(line.split()[-2]) for line in first.splitlines() if "log-prob" in line]
    assert scores[1] >= scores[0] - 1e-3  # the search finds nothing worse than greedy


def test_a_folder_without_a_model_is_one_line(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit, match="1"):
        call(monkeypatch, "generate_text", tmp_path)
    assert "name the folder of a training" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["train_llama_lm", "train_gpt2_lm"])
def test_transformers_train(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    call(monkeypatch, name, "--smoke")
    metrics = metrics_of(capsys.readouterr().out)
    assert metrics.keys() >= FIGURES
    assert metrics["val_perplexity"] < metrics["vocab_size"]
    assert {path.name for path in (tmp_path / "runs" / name).iterdir()} == FILES


def test_translate_trains_reports_and_translates_back(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    call(monkeypatch, "translate", "--smoke", "--columns", "zh", "en", "--prompt", "他看书。")
    output = capsys.readouterr().out
    wanted = {"val_bleu", "val_chrf", "val_rougeL", "val_exact", "val_perplexity", "seconds"}
    assert metrics_of(output).keys() >= wanted
    assert metrics_of(output)["bleu_signature"].startswith("nrefs:1|case:mixed")
    assert "\n他看书。\n" in output
    folder = tmp_path / "runs" / "translate"
    assert FILES | {"answers_valid.txt"} == {path.name for path in folder.iterdir()}
    (tmp_path / "texts.txt").write_text("他看书。\n\n她睡觉。\n", "utf-8")
    call(monkeypatch, "back_translate", folder, "--texts", "texts.txt", "--pairs", "more.tsv")
    assert "pairs are in more.tsv" in capsys.readouterr().out
    rows = (tmp_path / "more.tsv").read_text("utf-8").splitlines()
    assert all(row.split("\t")[1] in ("他看书。", "她睡觉。") for row in rows)


def test_summarize_measures_the_first_sentence_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lines = [
        {"source": ["One dog ran.", f"It saw {n} cats."], "target": [f"{n} cats"]}
        for n in range(200)
    ]
    (tmp_path / "texts.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    call(monkeypatch, "summarize", "--smoke", "--data", "texts.jsonl", "--no-copy")
    metrics = metrics_of(capsys.readouterr().out)
    assert metrics["lead_rouge1"] == 0
    assert metrics.keys() >= {"val_rouge1", "lead_rougeL"}


def test_chat_learns_and_talks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    said = [f"1 hi\thello\n2 a red block {n}\there is block {n}\n\n" for n in range(100)]
    (tmp_path / "train.txt").write_text("".join(said), "utf-8")
    (tmp_path / "said.txt").write_text("hello\n\n", "utf-8")
    flags = ["--smoke", "--data", "train.txt", "--interactive", "--persona", "i live in Rome ."]
    with (tmp_path / "said.txt").open(encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdin", file)
        call(monkeypatch, "chat", *flags)
    output = capsys.readouterr().out
    assert "a text, then Enter" in output
    metrics = json.loads(output.splitlines()[-1].split("> ")[-1])
    model = keras.saving.load_model(tmp_path / "runs" / "chat" / "model.keras", compile=False)
    assert model.count_params() == metrics["parameters"]
    assert model.get_config()["copy"] is True


def test_classify_text_learns_and_answers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [f"a {word} film {n}\t{label}" for n in range(60)
            for word, label in (("fine", "good"), ("dull", "bad"))]  # fmt: skip
    (tmp_path / "train.tsv").write_text("\n".join(rows), "utf-8")
    call(monkeypatch, "classify_text", "--data", "train.tsv", "--smoke", "--prompt", "a dull film")
    output = capsys.readouterr().out
    assert metrics_of(output).keys() >= {"accuracy", "f1", "val_loss", "val_mcc", "seconds"}
    for words in ("a dull film\n  ", "precision", "good"):
        assert words in output
    files = {path.name for path in (tmp_path / "runs" / "classify_text").iterdir()}
    assert files == FILES | {"confusion.png"}


def test_tag_entities_tags_the_users_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lines = [f"{name} B-PER\nslept O\nin O\n{place} B-LOC\n"
             for name in ("Ann", "Bob") for place in ("Rome", "Oslo")] * 20  # fmt: skip
    (tmp_path / "train.conll").write_text("\n".join(lines), "utf-8")
    call(monkeypatch, "tag_entities", "--data", "train.conll", "--smoke", "--epochs", 6,
         "--prompt", "Bob slept in Rome")  # fmt: skip
    output = capsys.readouterr().out
    metrics = metrics_of(output)
    assert metrics.keys() >= {"f1", "val_tag_accuracy", "baseline_val_f1", "seconds"}
    assert metrics["baseline_val_f1"] == 1
    assert "micro avg" in output
    files = {path.name for path in (tmp_path / "runs" / "tag_entities").iterdir()}
    assert files == (FILES - {"tokenizer.json"}) | {"vocabulary.json", "spans.txt"}


def test_tag_entities_learns_intents(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [{"tokens": ["play", f"song{n}"], "tags": ["O", "B-song"], "intent": "Play"}
            if n % 2 else {"tokens": ["weather", "in", f"town{n}"], "tags": ["O", "O", "B-town"],
                           "intent": "Weather"} for n in range(80)]  # fmt: skip
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    call(monkeypatch, "tag_entities", "--data", "train.jsonl", "--smoke", "--prompt", "play it")
    output = capsys.readouterr().out
    wanted = {"val_intent_accuracy", "val_sentence_accuracy", "val_f1"}
    assert metrics_of(output).keys() >= wanted
    assert "(Play)" in output or "(Weather)" in output
