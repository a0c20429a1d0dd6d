"""Characters as tokens."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lmzoo.tokenizers import train_tokenizer

TEXT = "the old man 老人 🙂\n"
TOKENIZER = train_tokenizer([TEXT], kind="char")


@given(text=st.text(sorted(set(TEXT))))
def test_lossless_on_known_characters(text):
    ids = TOKENIZER.encode(text)
    assert len(ids) == len(text)
    assert TOKENIZER.decode(ids) == text
    assert TOKENIZER.unknown(text) == []


@given(text=st.text())
def test_ids_follow_a_dictionary(text):
    ids = {character: 4 + rank for rank, character in enumerate(sorted(set(TEXT)))}
    assert TOKENIZER.encode(text) == [ids.get(character, 1) for character in text]
    unknown = list(dict.fromkeys(character for character in text if character not in ids))
    assert TOKENIZER.unknown(text) == unknown
    decoded = "".join(character if character in ids else "\ufffd" for character in text)
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == decoded


def test_unknown_names_each_character_once_in_order():
    assert TOKENIZER.unknown("xylophone, xylem") == ["x", "y", "p", ","]


def test_unknown_looks_at_lower_case_where_asked():
    tokenizer = train_tokenizer(["abc"], kind="char", lowercase=True)
    assert tokenizer.unknown("ABCD") == ["d"]


def test_broken_utf8_is_read_as_the_replacement_character():
    tokenizer = train_tokenizer(["ab\ufffd"], kind="char")
    assert tokenizer([b"a\xffb"]).to_list() == [tokenizer.encode("a\ufffdb")]


@given(texts=st.lists(st.text("abcdefgh", min_size=1), min_size=1), room=st.integers(1, 8))
def test_the_most_frequent_characters_stay(texts, room):
    counts = Counter("".join(texts))
    room = min(room, len(counts))
    tokenizer = train_tokenizer(texts, kind="char", vocab_size=4 + room)
    kept = {tokenizer.id_to_token(index) for index in range(4, tokenizer.vocab_size)}
    assert len(kept) == room
    left_out = [count for character, count in counts.items() if character not in kept]
    assert min(counts[character] for character in kept) >= max(left_out, default=0)
    assert tokenizer.report == {"characters": len(counts), "characters_left_out": len(left_out)}
