"""p(string) against brute-force enumeration grouped by string, in both languages."""

import itertools
import math
import random
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmzoo import grammar as world
from lmzoo.grammar.parse import Inside
from lmzoo.grammar.probability import count_derivations, derivation_entropy, expected_units
from lmzoo.grammar.rules import Grammar, Rule, RuleBook
from lmzoo.grammar.sample import Sampler


def enumerate_all(grammar, symbol):
    """Every derivation of a symbol as (English, Chinese, p), from the rules alone."""
    for rule in grammar.rules[symbol]:
        for parts in itertools.product(*(list(enumerate_all(grammar, c)) for c in rule.children)):
            p = math.prod([rule.probability, *(part[2] for part in parts)])
            sides = []
            for language, side in enumerate((rule.english, rule.chinese)):
                pieces = [(i,) if isinstance(i, str) else parts[i][language] for i in side]
                sides.append(tuple(itertools.chain.from_iterable(pieces)))
            yield (*sides, p)


def check_against_enumeration(grammar):
    derivations = list(enumerate_all(grammar, grammar.start))
    assert len(derivations) == count_derivations(grammar)[grammar.start]
    assert sum(p for *_, p in derivations) == pytest.approx(1.0, abs=1e-12)
    entropy = -sum(p * math.log(p) for *_, p in derivations)
    assert derivation_entropy(grammar) == pytest.approx(entropy, abs=1e-9)
    for number, language in enumerate(("en", "zh")):
        by_string = defaultdict(float)
        for derivation in derivations:
            by_string[derivation[number]] += derivation[2]
        inside = Inside(grammar, language)
        for string, p in by_string.items():
            assert inside.probability(string) == pytest.approx(p, rel=1e-12)
        for string in list(by_string)[:: 1 + len(by_string) // 50]:
            for other in (string[:-1], (*string, "?"), string[1:], (*string, *string)):
                assert inside.probability(other) == pytest.approx(by_string.get(other, 0.0))
        length = sum(len(string) * p for string, p in by_string.items())
        assert expected_units(grammar, language) == pytest.approx(length)
    return derivations


def toy(depth, templates):
    book = RuleBook({"d": {str(d): 1.0 for d in range(depth + 1)}}, {})
    for template in templates:
        book.add(*template)
    return book.compile("S")


AMBIGUOUS = {
    # x + x + x: every bracketing gives the same string; left and right recursion.
    "sums": [("S", "<E[2]>", "<E>"), ("E[d]", "x", "一", 2.0),
             ("E[d]", "<E[d-1]#l> + <E[d-1]#r>", "<E#r>加<E#l>")],
    # Empty sides, and words that are prefixes of one another.
    "empty": [("S", "<A#1> <A#2> <B>", "<B><A#2>"), ("A", "", ""), ("A", "a", "啊"),
              ("A", "a a", "啊啊", 0.5), ("B", "a", "啊"), ("B", "", "", 3.0)],
    # Chinese drops the tense that English shows, and a whole child.
    "merged": [("S", "he <V>", "他<V>"), ("S", "he <V> <T>", "他<V>"), ("V", "runs", "跑"),
               ("V", "ran", "跑"), ("V", "ran up", "跑上"), ("T", "up", "上"), ("T", "now", "现")],
    # A document that begins another.
    "prefix": [("S", "<A>", "<A>", 3.0), ("S", "<A#1> <A#2>", "<A#1><A#2>"), ("A", "x .", "一。"),
               ("A", "y .", "二。")],
}  # fmt: skip


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_toys(name):
    derivations = check_against_enumeration(toy(2, AMBIGUOUS[name]))
    assert len({zh for _, zh, _ in derivations}) < len(derivations) or name == "prefix"


@st.composite
def grammars(draw):
    """Random synchronous grammars over a few units, so that strings collide."""
    rules = []
    for level in range(3):
        for _ in range(draw(st.integers(1, 3))):
            english = draw(
                st.lists(st.sampled_from(["a", "b", *[f"S{i}" for i in range(level)]]), max_size=3)
            )
            children = tuple(item for item in english if item.startswith("S"))
            count = itertools.count()
            side = tuple(next(count) if item.startswith("S") else item for item in english)
            kept = draw(st.permutations(range(len(children))))
            chinese = [*kept[: draw(st.integers(0, len(kept)))], *draw(st.lists(
                st.sampled_from("甲乙"), max_size=2))]  # fmt: skip
            weight = draw(st.integers(1, 5))
            other = tuple(draw(st.permutations(chinese)))
            rules.append(Rule(f"S{level}", float(weight), children, side, other))
    return Grammar(rules, "S2")


@settings(deadline=None, max_examples=40)
@given(grammars())
def test_random_grammars(grammar):
    if count_derivations(grammar)[grammar.start] <= 500:
        check_against_enumeration(grammar)


# Start symbol, and how many words and other rules each symbol keeps: what can be enumerated.
RESTRICTIONS = [
    ("NP[person,p]", 100),
    ("NP[animal,s]", 100),
    ("Obj[thing,f]", 100),
    ("Person[m]", 100),
    ("Time[past]", 100),
    ("Spot", 100),
    ("Reason[f,past]", 100),
    ("Live[p,1]", 2),
    ("Act[f,past]", 2),
    ("Pred[f,future]", 2),
    ("Question[m,past]", 2),
    ("Document", 1),
]
OUTLINE = ("Document", "Tail", "Last", "Next", "Mood", "Then")


@pytest.mark.parametrize(("start", "size"), RESTRICTIONS)
def test_restrictions_of_the_world(start, size):
    """The world's rules below one symbol, whole or cut down to what can be enumerated."""
    candidates = (restrict(start, size, random.Random(seed)) for seed in range(100))
    grammar = next(g for g in candidates if 20 <= count_derivations(g)[start] < 5000)
    derivations = check_against_enumeration(grammar)
    assert len({english for english, _, _ in derivations}) == len(derivations)


def restrict(start, size, rng):
    """The world below `start`, each symbol left with some of its words and other rules."""
    rules = []
    for symbol, options in world.world().rules.items():
        kept = 3 if start == "Document" and symbol.startswith(OUTLINE) else size
        words = [rule for rule in options if not rule.children]
        others = [rule for rule in options if rule.children]
        rules += words[:kept] + rng.sample(others, min(kept, len(others)))
    return Grammar(rules, start)


def test_a_drawn_text_has_the_frequency_of_its_probability():
    """Pearson's chi-square over every string of a small grammar; the bound is at p = 0.001."""
    grammar = toy(2, AMBIGUOUS["empty"])
    sampler = Sampler(grammar)
    rng = random.Random(11)
    for language in ("en", "zh"):
        inside = Inside(grammar, language)
        counts = defaultdict(int)
        for _ in range(20_000):
            text = sampler.text(rng, language)
            counts[tuple(text.split() if language == "en" else text)] += 1
        expected = {string: 20_000 * inside.probability(string) for string in counts}
        assert sum(expected.values()) == pytest.approx(20_000)
        statistic = sum((counts[s] - e) ** 2 / e for s, e in expected.items())
        freedom = len(counts) - 1
        assert statistic < freedom + 3.3 * math.sqrt(2 * freedom) + 6


def test_a_derivation_and_the_text_drawn_from_the_same_state_agree():
    grammar = toy(2, AMBIGUOUS["sums"])
    sampler = Sampler(grammar)
    for seed in range(50):
        derivation = sampler.draw(random.Random(seed))
        assert sampler.text(random.Random(seed), "en").split() == derivation.units("en")
        assert list(sampler.text(random.Random(seed), "zh")) == derivation.units("zh")
