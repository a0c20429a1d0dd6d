"""--set: values find the function that takes them, or the error names what would."""

import pytest

from lmzoo.cli.settings import parse_settings, settable
from lmzoo.errors import ArgumentError


def build(vocab_size, *, hidden_dim=8, widths=(3,), max_length=4):
    pass


def prepare(source, *, batch_size=32, tokenizer="word", max_length=256):
    pass


KNOWN = {"model": settable(build), "data": settable(prepare)}


def test_values_are_literals_or_text():
    items = ["hidden_dim=16", "widths=[1, 2]", "batch_size=4", "tokenizer=bpe"]
    assert parse_settings(items, KNOWN) == {
        "model": {"hidden_dim": 16, "widths": [1, 2]},
        "data": {"batch_size": 4, "tokenizer": "bpe"},
    }
    assert parse_settings(["model.max_length=None"], KNOWN)["model"] == {"max_length": None}


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("hidden_dim", "write KEY=VALUE"),
        ("max_length=3", r"model\.max_length or data\.max_length"),
        ("hiden_dim=3", "did you mean hidden_dim"),
        ("data.hidden_dim=3", "there is no such argument"),
        ("vocab_size=3", "there is no such argument"),  # it follows from the data
    ],
)
def test_what_cannot_be_is_named(item, message):
    with pytest.raises(ArgumentError, match=message):
        parse_settings([item], KNOWN)
