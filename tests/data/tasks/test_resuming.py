"""Whatever the task, a resumed training sees exactly the batches that it would have seen."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmzoo.data import (
    SavedTask,
    blank_words,
    class_weights,
    drop_words,
    forget_rare_words,
    load_task,
    prepare_classification,
    prepare_lm,
    prepare_seq2seq,
    prepare_tagging,
    swap_words,
    weigh_classes,
)
from lmzoo.errors import ArgumentError, DataError

WORDS = [f"{letter}{number}" for letter in "abcdef" for number in range(9)]


def text(seed):
    rng = np.random.default_rng(seed)
    return " ".join(rng.choice(WORDS, rng.integers(1, 20)))


TEXTS = [text(seed) for seed in range(60)]
LABELED = [(words, "xy"[number % 3 == 0]) for number, words in enumerate(TEXTS)]
TAGGED = [(words.split(), ["O"] * len(words.split())) for words in TEXTS]
INTENTS = [(*item, "PQ"[number % 2]) for number, item in enumerate(TAGGED)]
SMALL = {"sequence_length": 16, "batch_size": 4, "tokenizer": "word", "valid_fraction": 0.2}
MAKERS = {
    "stream": lambda seed: prepare_lm([" ".join(TEXTS)], documents="stream", seed=seed, **SMALL),
    "packed": lambda seed: prepare_lm(TEXTS, seed=seed, **SMALL),
    "padded": lambda seed: prepare_lm(TEXTS, layout="padded", seed=seed, **SMALL),
    "contiguous": lambda seed: prepare_lm(TEXTS, layout="contiguous", seed=seed, **SMALL),
    "seq2seq": lambda seed: prepare_seq2seq(
        list(zip(TEXTS, reversed(TEXTS), strict=True)),
        tokens_per_batch=100,
        tokenizer="word",
        seed=seed,
    ),
    "classification": lambda seed: prepare_classification(LABELED, batch_size=6, seed=seed),
    "tagging": lambda seed: prepare_tagging(TAGGED, batch_size=6, seed=seed),
    "intents": lambda seed: prepare_tagging(INTENTS, batch_size=6, characters=False, seed=seed),
}
NOISE = {
    "seq2seq": [swap_words(2, seed=5), drop_words(0.3, seed=5)],
    "classification": [blank_words(0.3, seed=5), weigh_classes(class_weights({"x": 2, "y": 1}))],
    "tagging": [forget_rare_words(range(5, 30), seed=5)],
}


def prepare(task, *, seed=3, noisy=False):
    data = MAKERS[task](seed)
    for function in NOISE.get(task, [blank_words(0.3, seed=5)]) if noisy else ():
        data.transform_train(function)
    return data


def passes(dataset, count):
    """The batches of some passes, each as a list of lists."""
    return [
        [part.tolist() for part in tf.nest.flatten(batch)]
        for _ in range(count)
        for batch in dataset.as_numpy_iterator()
    ]


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("task", MAKERS)
def test_batches_from_a_step_on_are_those_of_an_unbroken_run(task, noisy):
    data = prepare(task, noisy=noisy)
    steps = data.steps_per_epoch
    assert steps > 2
    assert int(data.train.cardinality()) == steps
    whole = passes(data.train, 4)
    assert len(whole) == 4 * steps
    assert whole[:steps] != whole[steps : 2 * steps] or (task == "contiguous" and not noisy)
    if noisy:
        assert whole[:steps] == passes(prepare(task, noisy=True).train, 1)
        assert whole[:steps] != passes(prepare(task).train, 1)
    for step in (1, steps - 1, 2 * steps, 2 * steps + 2):
        data.start_at(step)
        train = data.train
        assert int(train.cardinality()) == steps
        next(train.as_numpy_iterator())  # a look at the first batch is no pass
        assert passes(train, 4 - step // steps) == whole[step:]
    train = data.train
    next(train.as_numpy_iterator())
    data.start_at(steps + 1)  # moves the Dataset that is in use, too
    assert passes(train, 2) == whole[steps + 1 : 3 * steps]
    with pytest.raises(ArgumentError, match="step is -1"):
        data.start_at(-1)


def test_a_seed_of_noise_decides_it_in_any_process_and_none_does_not():
    def first(seed):
        data = prepare("classification")
        data.transform_train(blank_words(0.5, seed=seed))
        return passes(data.train, 1)

    assert first(1) == first(1) != first(2)
    assert first(None) != first(None)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # Checkpoint ends such a pass
def test_fit_goes_on_as_if_nothing_had_happened():
    def model():
        keras.utils.set_random_seed(1)
        layers = [keras.layers.Embedding(80, 4), keras.layers.GlobalAveragePooling1D()]
        net = keras.Sequential([*layers, keras.layers.Dense(1)])
        net.compile(keras.optimizers.SGD(0.5), keras.losses.BinaryCrossentropy(from_logits=True))
        return net

    unbroken = model()
    unbroken.fit(prepare("classification", noisy=True).train, epochs=3, verbose=0)
    data = prepare("classification", noisy=True)
    broken = model()
    train = data.train
    broken.fit(train, epochs=1, verbose=0)
    for batch in train.take(2).as_numpy_iterator():
        broken.train_on_batch(*batch)
    data.start_at(data.steps_per_epoch + 2)
    broken.fit(data.train, epochs=3, initial_epoch=1, verbose=0)
    for mine, theirs in zip(broken.get_weights(), unbroken.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("task", MAKERS)
def test_fingerprints_are_json_and_tell_data_apart(task):
    data = prepare(task)
    print_ = data.fingerprint()
    assert json.loads(json.dumps(print_)) == print_ == prepare(task).fingerprint()
    assert print_ != prepare(task, seed=4).fingerprint()
    assert print_["source"] == data.corpus.name
    assert print_["steps_per_epoch"] == data.steps_per_epoch == print_["train"]["batches"]


@pytest.mark.parametrize("task", MAKERS)
def test_what_prediction_needs_comes_back_from_its_folder(task, tmp_path):
    data = prepare(task)
    data.save(tmp_path / "new")
    loaded = load_task(tmp_path / "new")
    assert loaded == data.saved_task
    names = {path.name for path in (tmp_path / "new").iterdir()}
    vocabulary = task in ("tagging", "intents")
    assert names == {"task.json", "vocabulary.json" if vocabulary else "tokenizer.json"}
    record = json.loads((tmp_path / "new" / "task.json").read_text())
    assert record == {"task": loaded.task, **loaded.settings}
    kinds = {"seq2seq": "seq2seq", "classification": "classifier", "tagging": "tagger",
             "intents": "tagger"}  # fmt: skip
    assert loaded.task == kinds.get(task, "lm")


def test_two_tokenizers_come_back_and_what_is_no_task_is_named(tmp_path):
    pairs = [("a b", "cd")] * 4
    data = prepare_seq2seq(pairs, tokenizer="char", source_tokenizer="word", valid_fraction=0.0)
    data.save(tmp_path)
    loaded = load_task(tmp_path)
    assert loaded.tokenizers == data.tokenizers == (data.source_tokenizer, data.tokenizer)
    assert isinstance(loaded, SavedTask)
    with pytest.raises(DataError, match=r"holds no task\.json"):
        load_task(tmp_path / "nowhere")
    for wrong in ("{}", "[]", "not JSON", '{"task": "chess"}'):
        (tmp_path / "task.json").write_text(wrong)
        with pytest.raises(DataError, match=r"task\.json"):
            load_task(tmp_path)
