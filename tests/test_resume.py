"""A resumed training equals an unbroken one, weight by weight, for every task."""

import json

import keras
import numpy as np
import pytest

import lmzoo
from lmzoo import callbacks

TINY = {"embed_dim": 8, "hidden_dim": 8}


def lm(seed=0):
    data = lmzoo.data.prepare_lm(
        "grammar", tokenizer="word", sequence_length=16, batch_size=8, layout="padded",
        grammar_size=40, seed=seed,
    )  # fmt: skip
    return data, lmzoo.build_gru_lm(data.vocab_size, **TINY, num_layers=1, dropout=0.3)


def seq2seq(seed=0):
    data = lmzoo.data.prepare_seq2seq(
        "grammar", tokenizer="word", tokens_per_batch=128, grammar_size=40, seed=seed
    )
    data.transform_train(lmzoo.data.blank_words(0.3, seed=seed))
    return data, lmzoo.build_gru_seq2seq(data.vocab_size, **TINY, dropout=0.3)


def classifier(seed=0):
    data = lmzoo.data.prepare_classification("grammar", batch_size=8, grammar_size=60, seed=seed)
    data.transform_train(lmzoo.data.blank_words(0.3, seed=seed))
    return data, lmzoo.build_bow_classifier(data.vocab_size, embed_dim=4, buckets=50)


def tagger(seed=0):
    data = lmzoo.data.prepare_tagging(
        "grammar", characters=False, batch_size=8, grammar_size=40, seed=seed
    )
    model = lmzoo.build_bilstm_crf_tagger(
        data.vocab_size, num_tags=data.num_tags, **TINY, dropout=0.3, crf=False
    )
    return data, model


class StopAfter(keras.callbacks.Callback):
    """Ends the training after so many batches, as a kill right after a checkpoint would."""

    def __init__(self, run, steps):
        super().__init__()
        self.run, self.steps = run, steps

    def on_train_batch_end(self, batch, logs=None):
        if self.run.step >= self.steps:
            self.run.save_now()
            raise KeyboardInterrupt


class StopWhileMeasuring(keras.callbacks.Callback):
    """Ends the training at the last batch of the last validation at an epoch's end."""

    def __init__(self, run, epoch):
        super().__init__()
        self.run, self.epoch = run, epoch

    def on_test_batch_end(self, batch, logs=None):
        at_end = self.run.step_in_epoch == self.params["steps"]
        if at_end and self.run.epoch == self.epoch:
            raise KeyboardInterrupt


def train(build, folder, *, resume=False, stop=None, wrap=None):
    keras.utils.set_random_seed(3)
    data, model = build()
    run = callbacks.Checkpoint(folder, resume=resume, every_seconds=None)
    trainer = model if wrap is None else wrap(model)
    rate = lmzoo.schedules.WarmupCosine(1e-2, 3 * data.steps_per_epoch, warmup_steps=2)
    trainer.compile(keras.optimizers.Adam(rate), jit_compile=False)
    start = run.start(trainer, data)
    stopping = [] if stop is None else [stop(run)]
    trainer.fit(
        data.train,
        validation_data=data.valid,
        epochs=3,
        initial_epoch=start["epoch"],
        verbose=0,
        callbacks=[
            callbacks.PeriodicValidation(data.valid, every_steps=3, state=start),
            run,
            callbacks.LearningCurve(run.folder, state=start),
            *stopping,
        ],
    )
    return model, data, run


INSIDE = ((2, -1),)  # the order, noise and dropout of the second epoch must go on
EVERYWHERE = ((0, 1), (1, 0), *INSIDE)  # epochs and steps before the stop
CASES = {
    "lm": (lm, None, EVERYWHERE),
    "seq2seq": (seq2seq, None, INSIDE),
    "r_drop": (lm, lambda model: lmzoo.training.RDrop(model, 1.0), INSIDE),
    "mix_up": (classifier, lambda model: lmzoo.training.MixUp(model, 0.5), INSIDE),
    "tagger": (tagger, None, INSIDE),
}


@pytest.mark.parametrize("case", CASES)
def test_resumed_equals_unbroken(case, tmp_path):
    build, wrap, stops = CASES[case]
    whole, data, run = train(build, tmp_path / "whole", wrap=wrap)
    for epochs, steps in stops:
        stop = epochs * data.steps_per_epoch + steps
        folder = tmp_path / f"stopped_{stop}"
        with pytest.raises(KeyboardInterrupt):
            train(build, folder, stop=lambda run, at=stop: StopAfter(run, at), wrap=wrap)
        resumed, _, again = train(build, folder, resume=True, wrap=wrap)
        assert again.step == run.step == 3 * data.steps_per_epoch
        assert again.best == pytest.approx(run.best)
        for one, other in zip(resumed.get_weights(), whole.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_measurement_that_was_cut_short_is_made_when_resuming(tmp_path, epoch):
    whole, _, run = train(lm, tmp_path / "whole")
    folder = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        train(lm, folder, stop=lambda run: StopWhileMeasuring(run, epoch))
    resumed, _, again = train(lm, folder, resume=True)
    assert (again.best, again.step, again.epoch) == (run.best, run.step, run.epoch)
    for one, other in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    logs = [
        [json.loads(line) for line in (place / "log.jsonl").read_text("utf-8").splitlines()]
        for place in (tmp_path / "whole", folder)
    ]
    for record in (*logs[0], *logs[1]):
        record.pop("seconds")
    assert logs[0] == logs[1]


def test_resuming_for_less_time_than_was_trained_only_measures(tmp_path):
    def fit(minutes, resume, more=()):
        keras.utils.set_random_seed(3)
        data, model = lm()
        run = callbacks.Checkpoint(tmp_path, resume=resume, every_seconds=None)
        model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
        start = run.start(model, data)
        budget = callbacks.TimeBudget(minutes, state=start)
        model.fit(data.train, validation_data=data.valid, epochs=100, verbose=0,
                  initial_epoch=start["epoch"], callbacks=[budget, *more, run])  # fmt: skip
        return run, model

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 2

    before, model = fit(10, False, [Stop()])
    again, other = fit(1e-9, True)
    assert (again.step, again.step_in_epoch, again.best) == (3, 3, before.best)
    for one, two in zip(model.variables, other.variables, strict=True):
        if "metric" not in one.path:
            np.testing.assert_array_equal(one, two)
    assert int(other.optimizer.iterations) == 3
