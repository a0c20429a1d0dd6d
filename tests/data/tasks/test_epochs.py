"""Whatever the task, the order of an epoch is decided by its seed, and goes on from any step."""

import pytest

from lmzoo.data import prepare_classification, prepare_seq2seq, prepare_tagging, train_tokenizer
from tests.data.tasks import test_classification, test_seq2seq, test_tagging

WORD = train_tokenizer(test_seq2seq.WORDS, kind="word")
TASKS = {
    "classification": (
        prepare_classification,
        test_classification.random_texts(50, 10, 0),
        {"tokenizer": WORD, "batch_size": 4},
        test_classification.decoded,
    ),
    "seq2seq": (
        prepare_seq2seq,
        test_seq2seq.random_pairs(50, 10, 0),
        {"tokenizer": WORD, "tokens_per_batch": 64},
        test_seq2seq.decoded,
    ),
    "tagging": (
        prepare_tagging,
        test_tagging.random_sentences(40, 10, 0),
        {"batch_size": 4},
        test_tagging.decoded,
    ),
}


@pytest.mark.parametrize("task", TASKS)
def test_the_order_is_seeded_and_goes_on_from_any_step(task):
    prepare, source, options, decoded = TASKS[task]

    def prepared(seed):
        return prepare(source, valid_fraction=0.0, seed=seed, **options)

    data = prepared(1)
    train = data.train
    first, second = decoded(data, train), decoded(data, train)
    assert first != second
    data.start_at(data.steps_per_epoch + 2)
    whole, rest = first + second, decoded(data, data.train)
    assert rest == whole[-len(rest) :]
    assert 0 < len(rest) < len(second)
    assert decoded(data, prepared(2).train) != first
