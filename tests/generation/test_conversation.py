"""`Conversation`: the turns so far are the source of the next reply."""

import keras
import pytest

import lmzoo
from lmzoo.dialogue_format import dialogue_context
from lmzoo.errors import PromptError
from lmzoo.generation import Conversation

TURNS = [("fact", "i am old"), ("user", "hi"), ("bot", "hello"), ("user", "bye")]


@pytest.mark.parametrize(
    ("window", "context"),
    [
        (None, "<|fact|> i am old <|user|> hi <|bot|> hello <|user|> bye"),
        (3, "<|fact|> i am old <|user|> hi <|bot|> hello <|user|> bye"),
        (1, "<|fact|> i am old <|user|> bye"),
    ],
)
def test_facts_stay_in_every_context(window, context):
    assert dialogue_context(TURNS, window) == context


def test_replies_are_those_of_the_model_to_the_turns_so_far():
    keras.utils.set_random_seed(0)
    texts = ["<|fact|> <|user|> <|bot|> hi bye i am old", "hello there"]
    tokenizer = lmzoo.data.train_tokenizer(texts, kind="whitespace")
    model = lmzoo.build_gru_seq2seq(tokenizer.vocab_size, embed_dim=8, hidden_dim=8)
    talk = Conversation(model, tokenizer, facts=["i am old", ""], window=1, max_new_tokens=5)
    settings = {"tokenizer": tokenizer, "num_beams": 1, "max_new_tokens": 5}
    for text in ("hi", "what is bye"):
        source = f"<|fact|> i am old <|user|> {text}"
        reply = "".join(talk.reply(text))
        assert reply == lmzoo.answer(model, [source], **settings)[0]
        assert talk.turns[-2:] == [("user", text), ("bot", reply)]
    assert len(talk.turns) == 5


def test_a_text_without_tokens_is_no_turn():
    class Mute:
        def encode(self, text):
            return []

    talk = Conversation(keras.Model(), Mute())
    with pytest.raises(PromptError, match="say something else"):
        list(talk.reply("?"))
    assert talk.turns == []
