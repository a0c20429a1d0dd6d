"""`Conversation`: the turns so far are the source of the next reply."""

import keras
import pytest

import lmzoo
from lmzoo.dialogue_format import dialogue_context
from lmzoo.errors import LmzooError, PromptError
from lmzoo.generation import Conversation, conversation

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


@pytest.fixture
def talk():
    texts = ["<|user|> hi there you", '<|bot|> he said "good morning" to me .']
    words = lmzoo.data.train_tokenizer(texts, kind="word")
    model = lmzoo.build_gru_seq2seq(words.vocab_size, embed_dim=8, hidden_dim=8)
    return Conversation(model, words, max_new_tokens=3)


def test_a_reply_is_whole_behind_a_quotation_mark(talk, monkeypatch):
    words = talk._writer
    ids = words.encode('he said "good morning" to me.')
    monkeypatch.setattr(conversation, "stream", lambda *args, **settings: iter(ids))
    pieces = list(talk.reply("hi"))
    assert "".join(pieces) == words.decode(ids) == 'he said "good morning" to me.'
    assert pieces[:2] == ["he", " said"]
    assert talk.turns == [("user", "hi"), ("bot", 'he said "good morning" to me.')]


def test_a_turn_that_cannot_be_read_is_forgotten(talk, monkeypatch):
    "".join(talk.reply("hi"))
    turns = list(talk.turns)
    with pytest.raises(LmzooError, match="surrogate"):
        "".join(talk.reply("caf\udce9"))

    def fails(*args, **settings):
        raise PromptError("too long")

    with monkeypatch.context() as patched:
        patched.setattr(conversation, "stream", fails)
        with pytest.raises(PromptError, match="too long"):
            "".join(talk.reply("you"))
    assert talk.turns == turns
    next(talk.reply("there"), "")  # a reply that is not read to its end
    "".join(talk.reply("you"))
    assert ("user", "you") in talk.turns


def test_the_oldest_turns_are_forgotten_where_the_encoder_is_short(talk, monkeypatch):
    monkeypatch.setattr(type(talk.model.encoder), "max_length", 9)
    for _ in range(3):
        "".join(talk.reply("hi there you"))
    assert len(talk.turns) == 6
    with pytest.raises(PromptError, match="shorten"):
        "".join(talk.reply("hi there you " * 3))
    assert len(talk.turns) == 6


def test_a_conversation_has_the_speakers_of_the_dialogues():
    turns = [("fact", "old"), ("human", "hi"), ("assistant", "hello"), ("human", "bye")]
    for speakers in (None, ["assistant"]):
        corpus = lmzoo.data.read_dialogues([turns] * 4)
        pairs = lmzoo.data.dialogue_pairs(corpus, speakers=speakers)
        settings = {"tokenizer": "whitespace", "valid_fraction": 0.0}
        data = lmzoo.data.prepare_seq2seq(pairs, **settings)
        data.save("chat")
        saved = lmzoo.data.load_task("chat")
        for tokenizer in (data.tokenizers, saved.tokenizers):
            model = lmzoo.build_gru_seq2seq(data.vocab_size, embed_dim=8, hidden_dim=8)
            talk = Conversation(model, tokenizer, max_new_tokens=2)
            assert (talk.user, talk.bot) == ("human", "assistant")
            context = dialogue_context([*talk.turns, (talk.user, "hi")])
            assert not tokenizer.unknown(context)
    own = Conversation(model, data.tokenizers, user="assistant", bot="human")
    assert (own.user, own.bot) == ("assistant", "human")
    two = lmzoo.data.prepare_seq2seq(pairs, source_tokenizer="word", **settings)
    assert Conversation(model, two.tokenizers).user == "human"
    assert Conversation(model, lmzoo.data.train_tokenizer(["a"], kind="word")).user == "user"
