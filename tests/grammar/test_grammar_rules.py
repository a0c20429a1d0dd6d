"""Templates become plain rules: features, optional parts, depth, and what is refused."""

import random

import pytest

from lmzoo.errors import ArgumentError
from lmzoo.grammar.rules import Grammar, Rule, RuleBook
from lmzoo.grammar.sample import Sampler

DOMAINS = {"n": {"s": 3.0, "p": 1.0}, "d": {"0": 1.0, "1": 1.0, "2": 1.0}}
FUNCTIONS = {
    "verb": lambda n: {"s": "third", "p": "base"}[n],
    "only": lambda n: n if n == "s" else None,
}


def book():
    return RuleBook(DOMAINS, FUNCTIONS)


def test_free_features_are_chosen_by_their_weights_and_given_ones_agree():
    rules = book()
    rules.add("S", "<N[n]> <V[verb(n)]>", "<V><N>")
    for head, word in (("N[s]", "dog"), ("N[p]", "dogs"), ("V[third]", "runs"), ("V[base]", "run")):
        rules.add(head, word, "字")
    grammar = rules.compile("S")
    assert {rule.children: rule.probability for rule in grammar.rules["S"]} == {
        ("N[s]", "V[third]"): 0.75,
        ("N[p]", "V[base]"): 0.25,
    }
    assert all(rule.chinese == (1, 0) for rule in grammar.rules["S"])


def test_a_function_that_returns_none_leaves_the_combination_out():
    rules = book()
    rules.add("S", "<N[only(n)]>", "<N>")
    rules.add("N[s]", "dog", "狗")
    assert [rule.children for rule in rules.compile("S").rules["S"]] == [("N[s]",)]


def test_optional_slots_are_there_with_their_probability_in_both_languages():
    rules = book()
    rules.add("S", "a <A>?0.25 <B>?0.5 .", "<B>甲乙<A>")
    rules.add("A", "x", "x")
    rules.add("B", "y", "y")
    found = {
        (rule.english, rule.chinese, rule.children): rule.probability
        for rule in rules.compile("S").rules["S"]
    }
    assert found == {
        (("a", "."), ("甲", "乙"), ()): 0.375,
        (("a", 0, "."), ("甲", "乙", 0), ("A",)): 0.125,
        (("a", 0, "."), (0, "甲", "乙"), ("B",)): 0.375,
        (("a", 0, 1, "."), (1, "甲", "乙", 0), ("A", "B")): 0.125,
    }


def test_a_depth_limit_drops_rules_upwards_and_renormalizes():
    rules = book()
    rules.add("S", "<X[2]>", "<X>")
    rules.add("X[d]", "end", "完", 1.0)
    rules.add("X[d]", "( <X[d-1]> )", "（<X>）", 3.0)
    rules.add("X[d]", "[ <Y[d]> ]", "[<Y>]", 4.0)
    rules.add("Y[d]", "<X[d-2]>", "<X>")  # only where two levels are left
    grammar = rules.compile("S")
    assert [rule.probability for rule in grammar.rules["X[2]"]] == [1 / 8, 3 / 8, 4 / 8]
    assert [rule.probability for rule in grammar.rules["X[1]"]] == [1 / 4, 3 / 4]
    assert [rule.probability for rule in grammar.rules["X[0]"]] == [1.0]
    assert "Y[2]" in grammar.rules
    assert "Y[1]" not in grammar.rules


def test_two_slots_of_one_symbol_are_told_apart_by_labels():
    rules = book()
    rules.add("S", "<A#one> and <A#two>", "<A#two>和<A#one>")
    rules.add("A", "x", "x")
    assert rules.compile("S").rules["S"][0].chinese == (1, "和", 0)
    with pytest.raises(ArgumentError, match="#label"):
        rules.add("S", "<A> and <A>", "<A>")


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        ([("S", "<A>", "<A>")], "'A', used by 'S', has no rule"),
        ([("S", "<A>", "<A>"), ("A", "x <S>", "<S>")], "derives itself"),
        ([("S", "x", "x", 0.0)], "weights must be positive"),
        ([("S", "x", "<A>")], "absent from English"),
        ([("two words", "x", "x")], "not a rule head"),
        ([("S", "<A>", "<A><A>"), ("A", "x", "x")], "at most once"),
    ],
)
def test_a_broken_grammar_is_refused(templates, message):
    rules = book()
    with pytest.raises(ArgumentError, match=message):
        _compile(rules, templates)


def _compile(rules, templates):
    for template in templates:
        rules.add(*template)
    rules.compile("S")


def test_english_must_use_every_child_in_order():
    with pytest.raises(ArgumentError, match="once, in order"):
        Grammar([Rule("S", 1.0, ("A", "A"), (1, 0), ())], "S")


def test_rules_out_of_reach_are_left_out():
    grammar = Grammar([Rule("S", 1.0, (), ("x",), ()), Rule("T", 1.0, (), ("y",), ())], "S")
    assert set(grammar.rules) == {"S"}


def test_weights_are_normalized_and_both_samplers_draw_alike():
    coin = [Rule("S", 3.0, (), ("head",), ("正",)), Rule("S", 1.0, (), ("tail",), ("反",))]
    grammar = Grammar(coin, "S")
    assert [rule.probability for rule in grammar.rules["S"]] == [0.75, 0.25]
    sampler = Sampler(grammar)
    assert sampler.draw(random.Random(7)).units("en") == ["head"]
    assert sampler.text(random.Random(7), "zh") == "正"


def test_a_table_continues_a_symbol_and_separates_its_templates():
    rules = book()
    rules.add("S", "the <Noun[n]>", "<Noun>")
    rules.read("Noun[s] 1 dog | 狗; 1 cat | 猫\nNoun[p] 1 dogs | 狗\n        1 cats | 猫")
    grammar = rules.compile("S")
    assert [rule.children for rule in grammar.rules["S"]] == [("Noun[s]",), ("Noun[p]",)]
    assert [rule.english for rule in grammar.rules["Noun[p]"]] == [("dogs",), ("cats",)]
