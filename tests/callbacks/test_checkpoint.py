"""Checkpoints: exact resumption, whole files, no bad weights."""

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import lmzoo
from lmzoo.callbacks import Checkpoint, restore
from lmzoo.errors import ArgumentError, DataError

VOCAB, TIME, ROWS, BATCH = 7, 3, 24, 4


def make_model(width=5, optimizer=None):
    model = keras.Sequential(
        [
            keras.Input((TIME,), dtype="int32"),
            keras.layers.Embedding(VOCAB, width),
            keras.layers.Dropout(0.4, seed=11),
            keras.layers.Dense(VOCAB),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer or keras.optimizers.Adam(0.02), loss)
    return model


def make_data():
    rng = np.random.default_rng(0)
    ids, following = rng.integers(0, VOCAB, (2, ROWS, TIME))
    return tf.data.Dataset.from_tensor_slices((ids, following)).batch(BATCH)


def assert_same_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_two_epochs_equal_one_and_a_resumed_one(tmp_path):
    keras.utils.set_random_seed(1)
    straight = make_model()
    start = straight.get_weights()
    straight.fit(make_data(), epochs=2, verbose=0)

    first = make_model()
    first.set_weights(start)
    checkpoint = Checkpoint(tmp_path)
    assert checkpoint.start(first) == {
        "epoch": 0, "step": 0, "step_in_epoch": 0, "seconds": 0.0,
        "learning_rate": pytest.approx(0.02),
    }  # fmt: skip
    first.fit(make_data(), epochs=1, verbose=0, callbacks=[checkpoint])
    first.optimizer.learning_rate = 0.007
    checkpoint.save_now()

    resumed = make_model()
    checkpoint = Checkpoint(tmp_path, resume=True)
    state = checkpoint.start(resumed)
    assert (state["epoch"], state["step"], state["step_in_epoch"]) == (1, ROWS // BATCH, 0)
    assert state["learning_rate"] == pytest.approx(0.02)  # what compile was given
    assert float(resumed.optimizer.learning_rate) == pytest.approx(0.007)
    assert state["seconds"] > 0
    resumed.optimizer.learning_rate = 0.02
    assert_same_weights(first, resumed)
    resumed.fit(
        make_data(), initial_epoch=state["epoch"], epochs=2, verbose=0, callbacks=[checkpoint]
    )
    assert_same_weights(straight, resumed)
    assert int(resumed.optimizer.iterations) == checkpoint.step == 2 * ROWS // BATCH
    assert restore(tmp_path, make_model())["epoch"] == 2


def test_resumes_in_the_middle_of_an_epoch(tmp_path):
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 3:
                raise KeyboardInterrupt

    keras.utils.set_random_seed(1)
    straight = make_model()
    start = straight.get_weights()
    straight.fit(make_data(), verbose=0)

    broken = make_model()
    broken.set_weights(start)
    checkpoint = Checkpoint(tmp_path, every_seconds=None)
    with pytest.raises(KeyboardInterrupt):
        broken.fit(make_data(), verbose=0, callbacks=[checkpoint, Interrupt()])
    assert restore(tmp_path, make_model()) is None
    checkpoint.save_now()

    resumed = make_model()
    state = restore(tmp_path, resumed)
    assert (state["epoch"], state["step"], state["step_in_epoch"]) == (0, 4, 4)
    resumed.fit(make_data().skip(state["step_in_epoch"]), verbose=0)
    assert_same_weights(straight, resumed)


def test_writes_by_the_clock_inside_an_epoch(tmp_path):
    seconds = iter(range(1000))
    checkpoint = Checkpoint(tmp_path, every_seconds=0, clock=lambda: float(next(seconds)))
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(restore(tmp_path, make_model())["step"])

    make_model().fit(make_data(), verbose=0, callbacks=[checkpoint, Look()])
    assert seen == [1, 2, 3, 4, 5, 6]


def test_keeps_the_best_by_what_it_monitors(tmp_path):
    losses = iter([3.0, 1.0, 2.0, float("nan")])

    class Logs(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = next(losses)

    model, kept = make_model(), []
    keep = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(model.get_weights())
    )
    model.fit(make_data(), epochs=4, verbose=0, callbacks=[keep, Logs(), Checkpoint(tmp_path)])
    best, last = make_model(), make_model()
    assert restore(tmp_path, best, best=True)["epoch"] == 2
    state = restore(tmp_path, last)
    assert (state["epoch"], state["best"]) == (4, {"step": 12, "value": 1.0})
    assert_same_weights(model, best)  # restored when the training ended
    for wanted, got in zip(kept[1] + kept[3], best.get_weights() + last.get_weights(), strict=True):
        np.testing.assert_array_equal(wanted, got)
    plain = keras.saving.load_model(tmp_path / "model.keras")
    assert_same_weights(plain, best)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["last.keras", "model.keras"]


@pytest.mark.parametrize("at", [None, 2])
def test_patience_is_counted_over_a_resumed_training(tmp_path, at):
    class Logs(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = [3.0, 1.0, 2.0, 4.0, 5.0, 0.0][epoch]

    model, run = make_model(), Checkpoint(tmp_path, patience=3)
    if at is not None:
        model.fit(make_data(), epochs=at, verbose=0, callbacks=[Logs(), run])
        model, run = make_model(), Checkpoint(tmp_path, patience=3, resume=True)
    begun = run.start(model)["epoch"]
    model.fit(make_data(), epochs=6, initial_epoch=begun, verbose=0, callbacks=[Logs(), run])
    assert (run.epoch, run.best["step"]) == (5, 2 * ROWS // BATCH)
    over = Checkpoint(tmp_path, patience=3, resume=True)
    again = make_model()
    begun = over.start(again)["epoch"]
    last = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(val_loss=9))
    again.fit(make_data(), epochs=6, initial_epoch=begun, verbose=0, callbacks=[last, over])
    assert over.step == 5 * ROWS // BATCH  # nothing more was trained


def test_bad_weights_never_replace_good_ones(tmp_path):
    model = make_model()
    checkpoint = Checkpoint(tmp_path)
    checkpoint.set_model(model)
    assert checkpoint.save_now() == tmp_path / "last.keras"
    before = (tmp_path / "last.keras").read_bytes()
    model.layers[0].embeddings.assign(np.full((VOCAB, 5), np.nan))
    assert checkpoint.save_now() is None
    checkpoint.on_epoch_end(0, {"val_loss": 0.1})
    assert (tmp_path / "last.keras").read_bytes() == before
    assert not (tmp_path / "model.keras").exists()


def test_a_failure_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    model = make_model()
    checkpoint = Checkpoint(tmp_path)
    checkpoint.set_model(model)
    checkpoint.save_now()
    before = (tmp_path / "last.keras").read_bytes()

    def broken(path, *_):
        path.write_bytes(b"half a file")
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "save", broken)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save_now()
    assert (tmp_path / "last.keras").read_bytes() == before
    assert restore(tmp_path, make_model())["step"] == 0


def test_a_checkpoint_that_does_not_fit_says_so(tmp_path):
    checkpoint = Checkpoint(tmp_path)
    checkpoint.set_model(make_model())
    checkpoint.save_now()
    with pytest.raises(DataError, match="arguments it was trained with"):
        restore(tmp_path, make_model(width=6))
    with pytest.raises(DataError, match="arguments it was trained with"):
        restore(tmp_path, make_model(optimizer=keras.optimizers.SGD(0.1)))
    (tmp_path / "last.keras").write_bytes(b"no archive")
    with pytest.raises(DataError, match="cannot be loaded"):
        restore(tmp_path, make_model())


def test_monitoring_what_is_not_there(tmp_path):
    data = make_data()
    model = make_model()
    model.fit(data, verbose=0, callbacks=[Checkpoint(tmp_path)])
    plain = keras.saving.load_model(tmp_path / "model.keras")  # without validation: the last model
    assert_same_weights(plain, model)
    with pytest.raises(ArgumentError, match=r"'val_perplexity'.*'val_loss'"):
        make_model().fit(
            data,
            validation_data=data,
            verbose=0,
            callbacks=[Checkpoint(tmp_path / "other", monitor="val_perplexity")],
        )
    for wrong in ({"mode": "auto"}, {"every_seconds": -1}):
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            Checkpoint(tmp_path, **wrong)


class Data:
    """The least that `start` asks of prepared data."""

    def __init__(self, tokens=100):
        self.steps_per_epoch, self.tokens, self.started_at = ROWS // BATCH, tokens, 0
        self.vocab_size = VOCAB

    def fingerprint(self):
        return {"tokens": self.tokens}

    def start_at(self, step):
        self.started_at = step

    def save(self, folder):
        (folder / "tokenizer.json").write_text("{}")


def test_data_begin_where_the_training_stood_and_must_be_the_same(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = self.params["steps"] == 6 and batch == 3

    checkpoint, model, data = Checkpoint(tmp_path / "run"), make_model(), Data()
    checkpoint.start(model, data)
    assert (tmp_path / "run" / "tokenizer.json").exists()
    model.fit(make_data(), epochs=2, verbose=0, callbacks=[Stop(), checkpoint])
    assert (checkpoint.step, checkpoint.epoch, checkpoint.step_in_epoch) == (4, 0, 4)
    summary = checkpoint.summary()
    assert summary["epochs"] == pytest.approx(4 / 6, abs=1e-3)
    assert (summary["steps"], summary["vocab_size"]) == (4, VOCAB)

    later = Checkpoint(tmp_path / "run", resume=True)
    assert later.start(make_model(), data)["step_in_epoch"] == data.started_at == 4
    with pytest.raises(DataError, match=r"tokens is 99 \(was 100\)"):
        Checkpoint(tmp_path / "run", resume=True).start(make_model(), Data(tokens=99))


def test_a_folder_with_a_training_is_left_alone(tmp_path, capsys):
    out = tmp_path / "run"
    assert Checkpoint(out).folder == out
    assert Checkpoint(out).folder == out  # nothing was trained yet
    (out / "last.keras").touch()
    second = Checkpoint(out).folder
    assert second.name == "run-2"
    (second / "model.keras").touch()
    assert Checkpoint(out).folder.name == "run-3"
    assert "holds a training already" in capsys.readouterr().out
    with pytest.raises(ArgumentError, match="no training to resume"):
        Checkpoint(tmp_path / "nothing", resume=True)
    assert not (tmp_path / "nothing").exists()
    (tmp_path / "file").touch()
    with pytest.raises(ArgumentError, match="is a file"):
        Checkpoint(tmp_path / "file")


def test_a_folder_where_another_program_trains_is_left_alone(tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    code = (
        "import sys, time; from pathlib import Path; from lmzoo.files import lock_folder\n"
        "lock = lock_folder(Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, out], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        assert Checkpoint(out).folder.name == "run-2"
        (out / "last.keras").touch()
        with pytest.raises(ArgumentError, match="in use by process"):
            Checkpoint(out, resume=True)
    finally:
        other.kill()
        other.wait()
        other.stdout.close()


def test_a_start_is_a_checkpoint_and_the_best_alone_can_be_resumed(tmp_path):
    model, run = make_model(), Checkpoint(tmp_path)
    run.start(model)
    assert restore(tmp_path, make_model())["step"] == 0
    assert Checkpoint(tmp_path).folder == tmp_path  # nothing was trained yet
    model.fit(make_data(), verbose=0, callbacks=[run])
    (tmp_path / "last.keras").unlink()
    again, resumed = Checkpoint(tmp_path, resume=True), make_model()
    assert again.start(resumed)["step"] == ROWS // BATCH
    assert_same_weights(model, resumed)


def test_another_models_folder_is_not_resumed(tmp_path):
    def make(build):
        model = build(VOCAB, embed_dim=4, hidden_dim=4)
        model.compile("sgd")
        return model

    Checkpoint(tmp_path).start(make(lmzoo.build_gru_lm))
    before = (tmp_path / "last.keras").read_bytes()
    with pytest.raises(DataError, match="training of a gru_lm, which a rnn_lm cannot resume"):
        Checkpoint(tmp_path, resume=True).start(make(lmzoo.build_rnn_lm))
    assert (tmp_path / "last.keras").read_bytes() == before


@pytest.mark.parametrize(
    "state",
    [{}, [], {"step": "x"}, {"step": -1}, {"best": 3}, {"busy": [1]}, {"seconds": None},
     {"generators": 3}],
    ids=str,
)  # fmt: skip
def test_a_damaged_state_is_an_error_of_ours(tmp_path, state):
    Checkpoint(tmp_path).start(make_model())
    path = tmp_path / "last.keras"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = "lmzoo_training_state.json"
    whole = {**json.loads(members[name]), **state} if state else state
    with zipfile.ZipFile(path, "w") as archive:
        for key, content in {**members, name: json.dumps(whole)}.items():
            archive.writestr(key, content)
    with pytest.raises(DataError, match=r"last\.keras"):
        restore(tmp_path, make_model())
