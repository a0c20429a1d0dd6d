"""lmzoo.experiment: flags, folders, exact resuming, the report, the comparison's arithmetic."""

import argparse
import itertools
import json
import math
import signal
import types

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmzoo import experiment
from lmzoo.data import prepare_lm
from lmzoo.errors import ArgumentError, DataError, TrainingDiverged
from lmzoo.experiment import arguments, comparison, folder, report, samples
from lmzoo.experiment.families import FAMILIES, build_family, solve_width
from lmzoo.experiment.loop import Plan, StepSchedule, TrainingLoop, clock
from lmzoo.experiment.run import plan_for
from lmzoo.metrics import Perplexity

TEXT = "the sun went down and the wind went round the old grey house on the hill. " * 60


def parsed(*argv, out="runs/test"):
    parser = argparse.ArgumentParser()
    experiment.add_arguments(parser, out=str(out), defaults={"tokenizer": "char", "minutes": 2.5})
    return experiment.parse(parser, argv)


# --- flags ---------------------------------------------------------------------------------------


def test_defaults_are_the_examples_own():
    args = parsed()
    assert (args.tokenizer, args.minutes, args.epochs, args.given) == ("char", 2.5, None, [])


def test_epochs_replace_the_default_minutes():
    args = parsed("--epochs", "3")
    assert (args.minutes, args.epochs) == (None, 3.0)


def test_smoke_changes_defaults_only():
    args = parsed("--smoke", "--batch-size", "5")
    assert args.batch_size == 5
    assert args.minutes is None
    assert args.epochs == arguments.SMOKE_DEFAULTS["epochs"]
    args = parsed("--smoke", "--minutes", "7")
    assert (args.minutes, args.epochs) == (7.0, None)


@pytest.mark.parametrize(
    "argv", [["--minutes", "1", "--epochs", "1"], ["--minutes", "0"], ["--batch-size", "0"]]
)
def test_flags_that_make_no_sense_are_refused(argv, capsys):
    with pytest.raises(SystemExit, match="2"):
        parsed(*argv)
    assert argv[0] in capsys.readouterr().err


def test_a_default_for_no_flag_is_an_error():
    with pytest.raises(ArgumentError, match="minuts"):
        experiment.add_arguments(argparse.ArgumentParser(), out="x", defaults={"minuts": 1})


def test_a_resumed_training_gets_its_flags_back(tmp_path):
    arguments.remember(parsed("--batch-size", "7", "--seed", "3"), tmp_path / "a.json")
    args = parsed("--resume", "--seed", "3")
    assert arguments.recall(args, tmp_path / "a.json") == []
    assert (args.batch_size, args.seed, args.minutes) == (7, 3, 2.5)


def test_a_flag_that_differs_is_named(tmp_path):
    arguments.remember(parsed("--batch-size", "7"), tmp_path / "a.json")
    with pytest.raises(ArgumentError, match=r"--batch-size is 8 \(was 7\)"):
        arguments.recall(parsed("--resume", "--batch-size", "8"), tmp_path / "a.json")


def test_the_length_may_change_and_is_told(tmp_path):
    arguments.remember(parsed(), tmp_path / "a.json")
    args = parsed("--resume", "--minutes", "9")
    (sentence,) = arguments.recall(args, tmp_path / "a.json")
    assert "--minutes is now 9.0 (was 2.5)" in sentence
    assert args.minutes == 9


# --- folders -------------------------------------------------------------------------------------


def test_a_used_folder_is_left_alone(tmp_path):
    out = tmp_path / "run"
    assert folder.open_folder(out, resume=False) == out
    assert folder.open_folder(out, resume=False) == out  # nothing was trained yet
    (out / "last.keras").touch()
    second = folder.open_folder(out, resume=False)
    assert second.name == "run-2"
    (second / "model.keras").touch()
    assert folder.open_folder(out, resume=False).name == "run-3"


def test_resume_needs_a_training(tmp_path):
    with pytest.raises(ArgumentError, match="holds no training"):
        folder.open_folder(tmp_path, resume=True)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ArgumentError, match="is a file"):
        folder.open_folder(tmp_path / "file", resume=False)


def test_loading_from_a_folder_without_model_says_so(tmp_path):
    with pytest.raises(ArgumentError, match=r"holds no model\.keras"):
        folder.load_training(tmp_path)


# --- length and learning rate --------------------------------------------------------------------


@given(st.floats(0.01, 20), st.integers(1, 500), st.integers(1, 30))
def test_a_plan_in_epochs_is_whole_executions_and_not_shorter(epochs, steps, execution):
    plan = plan_for(argparse.Namespace(epochs=epochs, minutes=None, warmup=0.05), steps, execution)
    assert plan.steps % execution == 0
    assert plan.steps >= epochs * steps - 1e-6
    assert plan.steps - execution < epochs * steps or plan.steps == execution


def test_the_rate_follows_steps_or_time():
    (by_steps,) = Plan(steps=200).callbacks(0.1, 0, 0.0)
    assert isinstance(by_steps, StepSchedule)
    rates = [float(by_steps.schedule(step)) for step in range(201)]
    assert max(rates) == pytest.approx(0.1)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[-1] == pytest.approx(0, abs=1e-6)
    (by_time,) = Plan(seconds=60).callbacks(0.1, 5, 30.0)
    assert (by_time.budget, by_time.peak, by_time.elapsed, by_time.steps) == (60, 0.1, 30.0, 5)
    assert Plan(seconds=60).progress(5, 30.0) == 0.5


def test_clock():
    assert [clock(s) for s in (0, 59.9, 125)] == ["0:00", "0:59", "2:05"]


# --- one training in a folder --------------------------------------------------------------------


def model_with_dropout(vocab_size, optimizer=None):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(vocab_size, 8),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(vocab_size),
        ]
    )
    model.compile(
        optimizer=optimizer or keras.optimizers.Adam(0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[Perplexity()],
        steps_per_execution=2,
        jit_compile=False,
    )
    return model


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, "utf-8")
    return path


def start(text, out, *more):
    flags = ["--data", str(text), "--sequence-length", "16", "--batch-size", "4"]
    run = experiment.Experiment("test", parsed(*flags, *more, "--out", str(out)))
    return run, run.prepare_lm()


def test_an_interrupted_training_ends_as_if_it_had_not_been(text, tmp_path, monkeypatch, capsys):
    length = ("--epochs", "0.6")
    run, data = start(text, tmp_path / "whole", *length)
    whole = model_with_dropout(data.vocab_size)
    run.fit(whole, data)

    moved = TrainingLoop.on_train_batch_end

    def press_ctrl_c(self, batch, logs=None):
        if self.step == 20:
            signal.raise_signal(signal.SIGINT)
        moved(self, batch, logs)

    out = tmp_path / "parts"
    with monkeypatch.context() as patch:
        patch.setattr(TrainingLoop, "on_train_batch_end", press_ctrl_c)
        run, data = start(text, out, *length)
        with pytest.raises(KeyboardInterrupt):
            run.fit(model_with_dropout(data.vocab_size), data)
    assert run.loop.step == 22
    assert "--resume --out" in capsys.readouterr().out
    model, tokenizer, is_stream = folder.load_training(out)
    assert is_stream
    assert tokenizer.vocab_size == model.output_shape[-1]

    run = experiment.Experiment("test", parsed("--resume", "--out", str(out)))
    data = run.prepare_lm()
    model = model_with_dropout(data.vocab_size)
    run.fit(model, data)
    assert run.loop.step == run.loop.plan.steps > 22
    for resumed, uninterrupted in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(resumed, uninterrupted)

    metrics = run.report(model, data, {"extra": 1})
    written = json.loads((out / "metrics.json").read_text("utf-8"))
    assert metrics == written == json.loads(capsys.readouterr().out.splitlines()[-1])
    assert written["extra"] == 1
    assert written["steps"] == run.loop.step
    assert (out / "curve.png").read_bytes()[:4] == b"\x89PNG"
    steps = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))
    assert steps[-1] == run.loop.step


def test_changed_data_cannot_be_resumed(text, tmp_path):
    start(text, tmp_path / "run")
    text.write_text(TEXT * 2, "utf-8")
    run = experiment.Experiment("test", parsed("--resume", "--out", str(tmp_path / "run")))
    with pytest.raises(DataError, match="has changed"):
        run.prepare_lm()


def test_divergence_is_told_and_the_last_good_model_kept(text, tmp_path):
    run, data = start(text, tmp_path / "run", "--epochs", "2")
    model = model_with_dropout(data.vocab_size)

    class Break(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if run.loop.step >= 20:
                self.model.layers[-1].bias.assign(np.full(data.vocab_size, np.nan))

    plan_callbacks = Plan.callbacks
    try:
        Plan.callbacks = lambda *a: [Break(), *plan_callbacks(*a)]
        with pytest.raises(TrainingDiverged, match=r"the model of step \d+ is in"):
            run.fit(model, data)
    finally:
        Plan.callbacks = plan_callbacks
    kept, _, _ = folder.load_training(tmp_path / "run")
    assert all(np.isfinite(weights).all() for weights in kept.get_weights())


def test_errors_of_lmzoo_become_one_line(capsys):
    with pytest.raises(SystemExit, match="1"), experiment.errors_in_one_line("example"):
        raise DataError("empty\nfile")
    assert capsys.readouterr().err == "example: empty file\n"
    with pytest.raises(SystemExit, match="130"), experiment.errors_in_one_line("example"):
        raise KeyboardInterrupt
    with pytest.raises(ZeroDivisionError), experiment.errors_in_one_line("example"):
        _ = 1 / 0


# --- the report ----------------------------------------------------------------------------------


def numpy_nats(model, ids):
    """Nats of each id after the first, in float64."""
    logits = model(np.array([ids[:-1]], "int32"), training=False)[0].numpy().astype("float64")
    logits -= logits.max(axis=-1, keepdims=True)
    logp = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -logp[np.arange(len(ids) - 1), ids[1:]]


@pytest.fixture
def documents():
    texts = ["a b c", "c c a b", "b", "a a b a c a", "b c a", "c a b"] * 4
    data = prepare_lm(texts, tokenizer="word", sequence_length=8, batch_size=2, valid_fraction=0.5,
                      deduplicate=False)  # fmt: skip
    return data, model_with_dropout(data.vocab_size)


def test_evaluate_adds_up_nats(documents):
    data, model = documents
    ids = data.ids("valid")
    nats = numpy_nats(model, ids)  # this model sees one token only, so rows do not matter
    data.floor_nats = 1.5 * len(nats)
    found = report.evaluate(model, data)
    assert found["val_tokens"] == len(nats)
    assert found["val_loss"] == pytest.approx(nats.mean(), abs=1e-5)
    assert found["val_perplexity"] == pytest.approx(math.exp(nats.mean()), rel=1e-5)
    words = data.valid_counts["words"]
    assert found["excess_per_word"] == pytest.approx((nats - 1.5).sum() / words, abs=1e-4)
    bits = nats.sum() / data.valid_counts["bytes"] / math.log(2)
    assert found["val_bits_per_byte"] == pytest.approx(bits, rel=1e-5)


def test_a_text_without_words_has_no_perplexity_per_word(documents):
    data, model = documents
    data.valid_counts["words"], data.floor_nats = 0, None
    found = report.evaluate(model, data)
    assert found["val_perplexity_per_word"] is None
    assert found["val_bits_per_byte"] > 0


def test_the_standard_error_is_that_of_a_ratio_over_documents(documents):
    data, model = documents
    ids = data.ids("valid").tolist()
    ends = [i for i, token in enumerate(ids) if token == data.tokenizer.eos_id]
    rows = [ids[a : b + 1] for a, b in itertools.pairwise(ends)]
    data.floor_per_document = np.linspace(0.5, 2.0, len(rows)) * [len(row) for row in rows]
    excess = np.array([numpy_nats(model, r).sum() for r in rows]) - data.floor_per_document
    words = np.array([len(row) - 2 for row in rows])
    rng = np.random.default_rng(0)
    draws = rng.integers(len(rows), size=(4000, len(rows)))
    bootstrap = np.std(excess[draws].sum(1) / words[draws].sum(1))
    assert samples.excess_error(model, data) == pytest.approx(bootstrap, rel=0.25)


def test_table_and_json_line():
    metrics = {
        "val_perplexity": 7.414,
        "floor_perplexity": 7.231,
        "val_loss": 2.0034,
        "excess_per_word": 0.04,
        "excess_per_word_error": 0.01,
        "parsed": 0.97,
        "sampled": 1000,
        "val_perplexity_per_word": 9.0,
        "val_bits_per_byte": 0.5,
        "val_bits_per_character": 0.5,
        "tokens_per_second": 12345.6,
        "steps": 1000,
        "training_seconds": 61.0,
        "parameters": 1234567,
    }
    lines = report.table(metrics).splitlines()
    assert lines[0].split(maxsplit=1)[1] == "7.41 (floor 7.23)"
    assert any("4.1% per word (0.0400 nats, standard error 0.0100)" in line for line in lines)
    assert any("97.0% of 1,000 samples" in line for line in lines)
    endless = report.table({**metrics, "val_perplexity_per_word": None})
    assert any(line.split(maxsplit=2)[2] == "not finite" for line in endless.splitlines()[2:])
    assert json.loads(report.json_line({"a": float("nan"), "b": float("inf"), "c": 1.5})) == {
        "a": None,
        "b": None,
        "c": 1.5,
    }


# --- text ----------------------------------------------------------------------------------------


def test_a_writer_goes_on_beyond_the_longest_sequence(text, tmp_path):
    run, data = start(text, tmp_path / "run")
    model = model_with_dropout(data.vocab_size)
    model.max_length = 16
    bias = model.layers[-1].bias
    bias.assign(np.where(np.arange(data.vocab_size) < 4, -1e9, 0))  # no end of the text
    settings = {"max_new_tokens": 45, "seed": 3}
    writer = experiment.Writer(model, data.tokenizer, is_stream=True, settings=settings)
    pieces = list(writer.pieces("the sun"))
    assert len("".join(pieces)) == 45
    assert pieces == list(writer.pieces("the sun"))
    with pytest.raises(ValueError, match="shorten"):
        list(writer.pieces("the sun went down and"))
    assert run.folder.name == "run"


def test_documents_begin_after_an_end_token(documents):
    data, model = documents
    eos = data.tokenizer.eos_id
    writer = experiment.Writer(model, data.tokenizer)
    assert writer.prompt_ids("") == [eos]
    assert writer.prompt_ids("a b") == [eos, *data.tokenizer.encode("a b")]
    stream = experiment.Writer(model, data.tokenizer, is_stream=True)
    assert stream.prompt_ids("a b") == data.tokenizer.encode("a b")


# --- comparing families --------------------------------------------------------------------------


@given(st.integers(0, 20), st.integers(0, 500), st.integers(1, 10**6), st.sampled_from([1, 4, 8]))
def test_the_width_is_the_nearest(square, linear, target, multiple):
    def count(width):
        return (square + 1) * width * width + linear * width

    width = solve_width(count, target, multiple)
    assert width % multiple == 0
    for other in (width - multiple, width + multiple):
        if other > 0:
            assert abs(count(width) - target) <= abs(count(other) - target)


@pytest.mark.parametrize("name", FAMILIES)
def test_families_are_about_equally_large(name):
    model = build_family(name, 250_000, vocab_size=500, max_length=32, num_layers=1)
    assert model.count_params() == pytest.approx(250_000, rel=0.05)


def test_a_leaderboard_row_has_means_and_half_the_range():
    runs = [
        {"val_loss": 2.0, "val_perplexity": 8.0, "val_perplexity_per_word": 10.0,
         "val_bits_per_byte": 1.0, "excess_per_word": None, "tokens_per_second": 100.0,
         "epochs": 1.0},
        {"val_loss": 3.0, "val_perplexity": 9.0, "val_perplexity_per_word": 12.0,
         "val_bits_per_byte": 1.5, "excess_per_word": None, "tokens_per_second": 300.0,
         "epochs": 2.0},
    ]  # fmt: skip
    result = {"family": "gru", "parameters": 1000, "peak_memory_mb": None, "learning_rate": 0.003,
              "search": {}, "seconds": 1.0, "runs": runs}  # fmt: skip
    row = comparison.leaderboard_row(result)
    assert (row["val_loss"], row["val_perplexity"], row["val_perplexity_spread"]) == (2.5, 8.5, 0.5)
    assert (row["tokens_per_second"], row["excess_per_word"]) == (200.0, None)
    shown = dict(zip(comparison.COLUMNS, comparison.cells(row), strict=True))
    assert (shown["family"], shown["val_perplexity"], shown["peak_memory_mb"]) == (
        "gru",
        "8.50",
        "-",
    )
    assert shown["learning_rate"] == "0.003"


def test_an_unknown_family_is_named(tmp_path):
    args = types.SimpleNamespace(families=["lstm", "mamba"], out=tmp_path / "c", resume=False)
    with pytest.raises(ArgumentError, match="mamba"):
        experiment.Comparison(args)


def test_the_judge_chooses_in_the_second_half(text, tmp_path):
    figures = iter([3.0, 9.0, 5.0] + [1.0] * 20)
    asked = []

    def judge():
        asked.append(loop.done)
        return {"val_bleu": next(figures)}

    _, data = start(text, tmp_path / "out", "--epochs", "1")
    model = model_with_dropout(data.vocab_size)
    plan = Plan(steps=10)
    loop = TrainingLoop(
        tmp_path, data, plan, evaluations=10, keep_best=False, judge=judge, watched="val_bleu"
    )
    model.fit(data.train_from(0), shuffle=False, verbose=0, callbacks=[loop])
    loop.measure({})
    assert asked[0] >= 0.5
    assert all("val_bleu" not in entry for entry in loop.history if entry["step"] < 5)
    assert loop.best["val_bleu"] == 9.0
    losses = [entry["val_loss"] for entry in loop.history]
    assert losses[-1] < loop.best["val_loss"]


def test_noise_goes_on_where_a_training_stopped(tmp_path):
    rows = [f"a{n} b{n % 7} c\tx{n} y{n % 7}" for n in range(300)]
    (tmp_path / "train.tsv").write_text("\n".join(rows), "utf-8")
    parser = argparse.ArgumentParser()
    experiment.Seq2SeqExperiment.add_flags(parser)
    experiment.add_arguments(parser, out=str(tmp_path / "out"), defaults={"tokenizer": "word"})
    flags = ["--data", str(tmp_path / "train.tsv"), "--tokens-per-batch", "64"]
    args = experiment.parse(parser, [*flags, "--word-dropout", "0.3"])
    run = experiment.Seq2SeqExperiment("test", args)
    data = run.prepare_seq2seq()

    def batches(step, count):
        run.loop = types.SimpleNamespace(step=step)
        found = [batch[0] for batch in run._batches(data).take(count).as_numpy_iterator()]
        assert len(found) == count
        return found

    plain = [batch[0] for batch in data.train_from(0).take(9).as_numpy_iterator()]
    noisy = batches(0, 9)
    for part in (0, 1):  # source, target; unknown words stand for blanks
        pairs = zip(plain, noisy, strict=True)
        blanks = np.mean([np.mean(b[part][a[part] > 3] == 1) for a, b in pairs])
        assert 0.2 < blanks < 0.4
    for one, other in zip(noisy[6:], batches(6, 3), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
