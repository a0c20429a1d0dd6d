"""`generate` on models with start/step: exact, proven sampling, compiled once per shape."""

import gc
import itertools
import warnings
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import lmzoo
from lmzoo.generation import generate
from lmzoo.generation.steppers.compiled import compilation_count
from tests.generation.standins import (
    AttentionModel,
    ByteTokenizer,
    PieceTokenizer,
    RecurrentModel,
    ScriptedModel,
    greedy,
    log_softmax,
)


@pytest.fixture(scope="module")
def recurrent():
    return RecurrentModel()


@pytest.fixture(scope="module")
def attention():
    return AttentionModel()


@pytest.fixture
def model(request, recurrent, attention):
    return {"recurrent": recurrent, "attention": attention}[request.param]


both = pytest.mark.parametrize("model", ["recurrent", "attention"], indirect=True)


def random_prompts(count, longest, vocab_size=11, seed=0):
    rng = np.random.default_rng(seed)
    return [
        rng.integers(0, vocab_size, rng.integers(1, longest + 1)).tolist() for _ in range(count)
    ]


@both
def test_greedy_equals_full_recomputation_on_unequal_prompts(model):
    prompts = random_prompts(100, 60)
    expected = [greedy(model, prompt, 15) for prompt in prompts]
    assert generate(model, prompts, max_new_tokens=15, temperature=0) == expected


@both
def test_a_long_common_part_is_read_in_chunks(model):
    """49 tokens are three chunks of 16 and one more."""
    prompts = [random_prompts(1, 1)[0] * length for length in (49, 50, 70)]
    prompts = [np.random.default_rng(len(p)).integers(0, 11, len(p)).tolist() for p in prompts]
    expected = [greedy(model, prompt, 9) for prompt in prompts]
    assert generate(model, prompts, max_new_tokens=9, temperature=0) == expected


def test_the_memory_is_capped_at_the_models_length(attention):
    prompt = random_prompts(1, 30)[0]
    count = attention.max_length - len(prompt)
    result = generate(attention, prompt, max_new_tokens=count, temperature=0)
    assert result == greedy(attention, prompt, count)


def test_greedy_rows_are_as_alone(recurrent):
    prompts = random_prompts(7, 40, seed=3)
    alone = [generate(recurrent, p, max_new_tokens=12, temperature=0) for p in prompts]
    assert generate(recurrent, prompts, max_new_tokens=12, temperature=0) == alone


def test_hundred_lengths_cause_at_most_four_compilations():
    model = RecurrentModel(seed=5)
    before = compilation_count()
    for length in range(1, 101):
        generate(model, [1] * length, max_new_tokens=40, top_k=1 + length % 3, seed=length)
    assert 0 < compilation_count() - before <= 4


def test_new_weights_speak(recurrent):
    model = RecurrentModel(seed=1)
    first = generate(model, [1, 2], max_new_tokens=20, temperature=0)
    count = compilation_count()
    model.randomize(2)
    second = generate(model, [1, 2], max_new_tokens=20, temperature=0)
    assert second == greedy(model, [1, 2], 20) != first
    assert compilation_count() == count


def test_training_and_quantizing_are_heard():
    model = lmzoo.build_gru_lm(20, embed_dim=16, hidden_dim=16, num_layers=1, dropout=0.0)
    prompts = random_prompts(8, 5, 20)

    def check():
        result = generate(model, prompts, max_new_tokens=1, temperature=0)
        for prompt, row in zip(prompts, result, strict=True):
            logits = ops.convert_to_numpy(model(np.array([prompt]), training=False))[0, -1]
            assert logits[row[-1]] >= logits.max() - 1e-6
        return result

    model.compile(keras.optimizers.SGD(5.0))
    before = check()
    ids = np.tile([[3, 7, 11, 15]], (8, 5))
    model.fit(ids[:, :-1], ids[:, 1:], epochs=5, verbose=0)
    trained = check()
    assert trained != before
    for variable in model.trainable_variables:  # weights that rounding to int8 changes visibly
        noise = np.random.default_rng(0).normal(size=variable.shape)
        variable.assign(np.where(noise > 2, 300.0, noise))
    check()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras names the layers that have nothing to quantize
        model.quantize("int8")
    check()


def test_compiled_functions_do_not_keep_a_model_alive():
    model = RecurrentModel()
    generate(model, [1], max_new_tokens=2, temperature=0)
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None


def test_a_model_that_xla_cannot_compile_runs_without():
    class Foreign(RecurrentModel):
        def step(self, ids, state, position):
            logits, state = super().step(ids, state, position)
            same = tf.numpy_function(lambda x: x, [logits], tf.float32)
            return tf.ensure_shape(same, logits.shape), state

    model = Foreign(seed=4)
    for prompt in ([1, 2, 3], [4]):
        result = generate(model, prompt, max_new_tokens=6, temperature=0)
        assert result == greedy(model, prompt, 6)


CHOICES = [
    {},
    {"temperature": 0.6},
    {"top_k": 4},
    {"top_p": 0.8},
    {"min_p": 0.2},
    {"temperature": 1.5, "top_k": 8, "top_p": 0.9, "min_p": 0.05},
    {"repetition_penalty": 1.8},
    {"no_repeat_ngram": 1},
]


def filtered(logits, prompt, temperature=1.0, top_k=None, top_p=None, min_p=None, **others):
    """Probabilities by a NumPy oracle."""
    logits = np.array(logits, "float64")
    for token in set(prompt) if "repetition_penalty" in others else ():
        penalty = others["repetition_penalty"]
        logits[token] *= penalty if logits[token] < 0 else 1 / penalty
    if "no_repeat_ngram" in others:
        logits[prompt] = -np.inf
    logits /= temperature
    order = np.argsort(-logits, kind="stable")
    if top_k:
        logits[order[top_k:]] = -np.inf
    if top_p:
        total = np.cumsum(np.exp(log_softmax(logits))[order])
        logits[order[np.argmax(total >= top_p) + 1 :]] = -np.inf
    if min_p:
        p = np.exp(log_softmax(logits))
        logits[p < min_p * p.max()] = -np.inf
    return np.exp(log_softmax(logits))


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_samples_follow_the_filtered_softmax(recurrent, choice):
    prompt, draws = [3, 1, 4], 4000
    rows = generate(recurrent, [prompt] * draws, max_new_tokens=1, seed=11, **choice)
    counts = np.bincount([row[-1] for row in rows], minlength=11)
    expected = filtered(recurrent.numpy_logits(prompt)[-1], prompt, **choice) * draws
    assert counts[expected == 0].sum() == 0
    common = expected > 5
    chi_square = ((counts - expected)[common] ** 2 / expected[common]).sum()
    freedom = max(common.sum() - 1, 1)
    assert chi_square < freedom + 4 * np.sqrt(2 * freedom) + 4
    assert common.sum() > 1


def test_rules_look_at_the_prompt_and_the_text_so_far(recurrent):
    """Greedy with both rules equals an oracle that applies them token by token."""
    prompts = random_prompts(6, 20, seed=8)
    result = generate(
        recurrent,
        prompts,
        max_new_tokens=12,
        temperature=0,
        repetition_penalty=1.3,
        no_repeat_ngram=2,
    )
    for prompt, row in zip(prompts, result, strict=True):
        ids = list(prompt)
        for _ in range(12):
            logits = recurrent.numpy_logits(ids)[-1]
            for token in set(ids):
                logits[token] *= 1.3 if logits[token] < 0 else 1 / 1.3
            for first, second in itertools.pairwise(ids):
                if first == ids[-1]:
                    logits[second] = -np.inf
            ids.append(int(np.argmax(logits)))
        assert row == ids


def test_seeds(recurrent):
    prompts = [[1], [1, 2, 3], [5]]

    def sample(which=prompts, **arguments):
        return generate(recurrent, which, max_new_tokens=20, **{"seed": 1, **arguments})

    assert sample() == sample()
    assert sample() != sample(seed=2)
    assert sample(seed=None) != sample(seed=None)
    # A row depends on the seed and its place only.
    assert sample([*prompts[:2], [7, 7, 7, 7]])[:2] == sample()[:2]
    shorter = generate(recurrent, prompts, max_new_tokens=5, seed=1)
    assert shorter == [row[: len(row) - 15] for row in sample()]


def test_stop_ids_end_each_row_on_its_own(recurrent):
    prompts = random_prompts(20, 9, seed=2)
    free = generate(recurrent, prompts, max_new_tokens=30, temperature=0)
    stops = [2, 9]
    result = generate(recurrent, prompts, max_new_tokens=30, temperature=0, stop=stops)
    lengths = set()
    for prompt, whole, row in zip(prompts, free, result, strict=True):
        new = whole[len(prompt) :]
        ends = [i for i, token in enumerate(new) if token in stops] or [len(new)]
        assert row == whole[: len(prompt) + ends[0]]
        lengths.add(ends[0])
    assert len(lengths) > 3
    single = generate(recurrent, prompts, max_new_tokens=30, temperature=0, stop=np.int64(2))
    assert single == generate(recurrent, prompts, max_new_tokens=30, temperature=0, stop=[2])


def test_the_answer_is_of_the_prompts_kind(recurrent):
    arguments = {"max_new_tokens": 2, "temperature": 0}
    whole = generate(recurrent, [3, 1], **arguments)
    assert isinstance(whole, list)
    assert all(type(token) is int for token in whole)
    array = generate(recurrent, np.array([3, 1]), **arguments)
    assert isinstance(array, np.ndarray)
    assert array.tolist() == whole
    assert generate(recurrent, [[3, 1]], **arguments) == [whole]
    assert [r.tolist() for r in generate(recurrent, np.array([[3, 1]]), **arguments)] == [whole]
    assert generate(recurrent, [np.array([3, 1])], **arguments)[0].tolist() == whole
    assert generate(recurrent, (3, 1), **arguments) == whole


@pytest.fixture(scope="module")
def pieces():
    """Writes "_cat", "s", "_sat", "." and the end token."""
    tokenizer = PieceTokenizer()
    script = [tokenizer.pieces.index(p) for p in ("_cat", "s", "_sat", ".")] + [3, 10]
    return ScriptedModel(script, start=1, vocab_size=tokenizer.vocab_size)


def test_text_keeps_the_prompt_and_its_spaces(pieces):
    arguments = {"tokenizer": PieceTokenizer(), "max_new_tokens": 9, "temperature": 0}
    assert generate(pieces, "the", **arguments) == "the cats sat."
    assert generate(pieces, ["the", "a"], **arguments) == ["the cats sat.", "a cats sat."]
    assert generate(pieces, [4], **arguments) == [4, 5, 6, 7, 8]


STOPS = [
    (["cats"], "the "),
    (["s s"], "the cat"),
    ([" sat", "cats"], "the "),
    (["t."], "the cats sa"),
    (["never"], "the cats sat."),
    (["never", "."], "the cats sat"),
    # " cats s" is complete before "cats sa", though both begin in the first word.
    (["cats sa", "s s"], "the cat"),
]


@pytest.mark.parametrize(("stop", "expected"), STOPS, ids=str)
def test_stop_strings_may_straddle_tokens(pieces, stop, expected):
    tokenizer = PieceTokenizer()
    arguments = {"tokenizer": tokenizer, "max_new_tokens": 60, "temperature": 0, "stop": stop}
    assert generate(pieces, "the", **arguments) == expected
    ids = generate(pieces, [4], **arguments)
    text = tokenizer.decode(ids)
    assert expected.startswith(text)
    one_more = tokenizer.decode([4, 5, 6, 7, 8][: len(ids) + 1])
    assert len(ids) == 5 or len(one_more) > len(expected)


def test_a_stop_string_ends_its_row_only_and_may_come_late():
    tokenizer = ByteTokenizer()
    text = "x" * 40 + "STOP" + "y" * 40
    model = ScriptedModel(tokenizer.encode(text), start=1, vocab_size=260)
    arguments = {"tokenizer": tokenizer, "max_new_tokens": 84, "temperature": 0}
    assert generate(model, "a", stop="STOP", **arguments) == "a" + "x" * 40
    # The longer prompt enters the script in its middle.
    prompts = ["a", "a" * 41]
    assert generate(model, prompts, stop="TOP", **arguments)[0] == "a" + "x" * 40 + "S"
    assert generate(model, prompts, stop="STOP", **arguments)[1] == "a" * 41


def test_an_unfinished_character_is_left_out():
    tokenizer = ByteTokenizer()
    model = ScriptedModel(tokenizer.encode("a\N{EURO SIGN}"), start=1, vocab_size=260)
    for count, expected in ((1, "xa"), (2, "xa"), (3, "xa"), (4, "xa\N{EURO SIGN}")):
        arguments = {"tokenizer": tokenizer, "max_new_tokens": count, "temperature": 0}
        assert generate(model, "x", **arguments) == expected


def test_registered_models_generate_what_they_compute():
    for builder in (lmzoo.build_lstm_lm, lmzoo.build_gpt2_lm):
        sizes = {"embed_dim": 16, "num_layers": 1, "dropout": 0.0}
        if builder is lmzoo.build_gpt2_lm:
            sizes |= {"num_heads": 2, "max_length": 64}
        model = builder(30, **sizes)
        prompts = random_prompts(10, 30, 30)
        whole = generate(model, prompts, max_new_tokens=10, temperature=0)
        padded = np.zeros((10, 40), "int32")
        for row, ids in enumerate(whole):
            padded[row, : len(ids)] = ids
        logits = ops.convert_to_numpy(model(padded, training=False))
        for row, (prompt, ids) in enumerate(zip(prompts, whole, strict=True)):
            assert len(ids) == len(prompt) + 10
            places = np.arange(len(prompt) - 1, len(ids) - 1)
            chosen = logits[row, places, ids[len(prompt) :]]
            assert (chosen >= logits[row, places].max(-1) - 1e-5).all()


@pytest.mark.parametrize("max_length", [7, 20, 40])
def test_transformers_whose_longest_text_fills_no_chunk_read_prompts_whole(max_length):
    keras.utils.set_random_seed(0)
    model = lmzoo.build_gpt2_lm(
        11, embed_dim=8, num_layers=2, num_heads=2, max_length=max_length, dropout=0.0
    )
    for weight in model.weights:
        weight.assign(weight + 0.3 * np.random.default_rng(1).standard_normal(weight.shape))
    assert model.random_access_cache
    rng = np.random.default_rng(0)
    for length in sorted({2, 3, max_length // 2, max_length - 1}):
        prompts = rng.integers(0, 11, (3, length))
        new = min(4, max_length - length)
        found = np.array(generate(model, prompts, max_new_tokens=new, temperature=0))
        logits = ops.convert_to_numpy(model(found))
        np.testing.assert_array_equal(found[:, :length], prompts)
        np.testing.assert_array_equal(found[:, length:], logits[:, length - 1 : -1].argmax(-1))
