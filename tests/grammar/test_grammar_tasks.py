"""Headlines and dialogues say nothing but what the document says."""

import random

from lmzoo import grammar
from lmzoo.grammar.tasks import dialogue


def is_subsequence(short, long):
    rest = iter(long)
    return all(word in rest for word in short)


def holds(whole, part):
    return any(whole[i : i + len(part)] == part for i in range(len(whole)))


def test_a_headline_is_the_document_with_words_left_out():
    ratios = []
    for text, short in grammar.headlines(2000, seed=1):
        words, kept = grammar.units(text), grammar.units(short)
        assert is_subsequence(kept[:-1], words), (text, short)
        assert kept[-1] in words
        assert len(kept) >= 3
        ratios.append(len(kept) / len(words))
    assert 0.3 < sum(ratios) / len(ratios) < 0.8


def test_headlines_leave_out_what_is_not_who_did_what():
    found = dict(grammar.headlines(3000, seed=2))
    for text, short in found.items():
        for word in (" because ", " yesterday", " although ", " who ", ","):
            assert word not in short, (text, short)
    assert any(short.endswith("?") for short in found.values())


def test_the_same_document_has_the_same_headline():
    drawn = grammar.headlines(20_000, seed=3)
    assert len(set(drawn)) == len({text for text, _ in drawn})


def test_answers_stand_in_the_statement():
    said = 0
    for turns in grammar.dialogues(1000, seed=1):
        assert [speaker for speaker, _ in turns] == ["user", "bot"] * (len(turns) // 2)
        statement = grammar.units(turns[0][1])
        for (_, question), (_, answer) in zip(turns[2:-2:2], turns[3:-2:2], strict=True):
            if answer != "You did not say.":
                said += 1
                assert holds(statement, grammar.units(answer)[:-1]), (turns[0], question, answer)
    assert said > 1000


def test_a_reply_is_a_function_of_what_was_said():
    known = {}
    for tree in grammar.derivations(300, seed=5):
        if not tree.children[0].rule.symbol.startswith("First"):
            continue
        for seed in range(4):
            turns = dialogue(tree, random.Random(seed))
            for (_, question), (_, answer) in zip(turns[::2], turns[1::2], strict=True):
                assert known.setdefault((turns[0][1], question), answer) == answer
