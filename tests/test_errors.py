"""A text where a list is asked for is no list of its letters, whatever function gets it."""

import pytest

import lmzoo
from lmzoo.errors import ArgumentError, LmzooError, listed

WORDS = lmzoo.data.train_tokenizer(["a b c d"], kind="word")
DIALOGUES = [[("user", "hi"), ("b", "x")]]


def test_listed():
    assert listed(("a", "b"), "texts") == ["a", "b"]
    assert listed(iter([1]), "ids") == [1]
    for value in ("ab", b"ab", {"a": 1}, 5, None):
        with pytest.raises(ArgumentError, match="texts is"):
            listed(value, "texts")


@pytest.mark.parametrize(
    "call",
    [
        lambda: lmzoo.answer(None, "ab", tokenizer=WORDS),
        lambda: lmzoo.answer(None, {"a": 1}, tokenizer=WORDS),
        lambda: lmzoo.callbacks.SampleText("ab", WORDS),
        lambda: lmzoo.callbacks.BleuCallback("ab", ["a", "b"], tokenizer=WORDS),
        lambda: lmzoo.callbacks.BleuCallback(["a", "b"], "ab", tokenizer=WORDS),
        lambda: lmzoo.classify(None, "a", tokenizer=WORDS, labels="ab"),
        lambda: lmzoo.classify(None, b"a", tokenizer=WORDS, labels=["a", "b"]),
        lambda: lmzoo.generation.Conversation(None, WORDS, facts="ab"),
        lambda: lmzoo.grammar.floor("ab"),
        lambda: lmzoo.data.dialogue_pairs(lmzoo.data.read_dialogues(DIALOGUES), speakers="bot"),
        *(
            lambda given=given: lmzoo.tag(None, given, vocabulary=None)
            for given in (b"Bob", [b"Bob"], 5, [5], None, {"a": 1}, [["Ann", 5]], [["Ann", ""]])
        ),
        *(lambda given=given: lmzoo.tag(None, given, vocabulary=None) for given in ("", [[]])),
    ],
)
def test_single_texts_are_refused(call):
    with pytest.raises(LmzooError):
        call()


def test_sentences_go_by_their_type():
    examples = [(["Ann", "slept"], ["B-PER", "O"]), (["Bob"], ["B-PER"])] * 4
    data = lmzoo.data.prepare_tagging(examples, valid_fraction=0.0, characters=False)
    model = lmzoo.build_bilstm_crf_tagger(
        data.vocab_size, num_tags=data.num_tags, embed_dim=4, hidden_dim=4
    )

    def words(given):
        tagged = lmzoo.tag(model, given, vocabulary=data.vocabulary)
        return tagged[0] if isinstance(tagged, tuple) else [row[0] for row in tagged]

    assert words("Bob") == ["Bob"]
    assert words("Ann\tslept") == ["Ann", "slept"]
    assert words(["Ann", "Bob ran"]) == words(("Ann", "Bob ran")) == [["Ann"], ["Bob", "ran"]]
    assert words([["New York", "is"], "big"]) == [["New York", "is"], ["big"]]
