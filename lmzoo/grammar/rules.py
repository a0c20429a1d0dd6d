"""Stochastic synchronous grammars: rule templates with features, compiled into plain rules.

A rule rewrites a symbol into an English and a Chinese right side over the *same* children, so
that one derivation yields a sentence and its translation. A table has templates with their weights,
separated by ";", and a line that begins with a space continues the symbol above it::

    NP[n]    2 the <Noun[n]> | <Noun>; 1 some <Noun[n]> | 一些<Noun>
             1 my <Noun[n]> | 我的<Noun>

English has words and slots, `<Name[features]>`, with a `#label` where a name occurs twice and
`?0.3` where it is present with probability 0.3. A feature is a value, a variable, `d-1` (one less;
below zero the rule is omitted) or `function(variables)`. Chinese has characters, and slots by name
or by `<Name#label>`, in any order. Compiling replaces each variable by its values: `NP[s]` and
`NP[p]` are two symbols, so agreement costs nothing at run time.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from string import Template

from lmzoo.errors import ArgumentError

Side = tuple[str | int, ...]
Feature = Callable[..., str | None]

_SLOT = re.compile(r"<(\w+)(?:\[([^\]]*)\])?(?:#(\w+))?>(?:\?([\d.]+))?")
_ITEM = re.compile(_SLOT.pattern + "|(?s:.)")
_FEATURE = re.compile(r"(\w+)\(([^)]*)\)|(\w+)-(\d+)|(\w+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One context-free rule with two right sides: units (strings) and indices into `children`.

    English uses every child exactly once and in order; Chinese each at most once, in any order.
    """

    symbol: str
    probability: float
    children: tuple[str, ...]
    english: Side
    chinese: Side

    def side(self, language: str) -> Side:
        """The right side in `language`, "en" or "zh"."""
        return self.english if language == "en" else self.chinese


class Grammar:
    """A context-free grammar without recursion, in two languages, whose weights are normalized.

    Has `rules` of each symbol, whose probabilities sum to 1, and all `symbols`, children before
    parents; rules out of reach of `start` are left out.
    """

    def __init__(self, rules: Iterable[Rule], start: str) -> None:
        by_symbol: dict[str, list[Rule]] = {}
        for rule in rules:
            _check_rule(rule)
            by_symbol.setdefault(rule.symbol, []).append(rule)
        self.start, self.symbols = start, _children_first(by_symbol, start)
        self.rules: dict[str, tuple[Rule, ...]] = {}
        for symbol in self.symbols:
            total = sum(rule.probability for rule in by_symbol[symbol])
            self.rules[symbol] = tuple(
                replace(rule, probability=rule.probability / total) for rule in by_symbol[symbol]
            )


def _check_rule(rule: Rule) -> None:
    """Refuse a rule that could not be normalized or translated."""
    where, children = f"rule of {rule.symbol!r}", list(range(len(rule.children)))
    if not rule.probability > 0:
        raise ArgumentError(f"{where} has weight {rule.probability}: weights must be positive")
    if [item for item in rule.english if isinstance(item, int)] != children:
        raise ArgumentError(
            f"{where}: English side {rule.english} must use each of the {len(children)} children "
            "once, in order"
        )
    used = [item for item in rule.chinese if isinstance(item, int)]
    if len(set(used)) != len(used) or not set(used) <= set(children):
        raise ArgumentError(
            f"{where}: Chinese side {rule.chinese} may use each of the {len(children)} children "
            "at most once"
        )


def _children_first(rules: Mapping[str, list[Rule]], start: str) -> tuple[str, ...]:
    """Symbols within reach of `start` in topological order."""
    order: list[str] = []
    done: dict[str, bool] = {}

    def visit(symbol: str, parent: str) -> None:
        if done.get(symbol):
            return
        if symbol in done:
            raise ArgumentError(f"{symbol!r} derives itself: bound it by a depth feature, <X[d-1]>")
        if symbol not in rules:
            raise ArgumentError(f"{symbol!r}, used by {parent!r}, has no rule: define it")
        done[symbol] = False
        for child in dict.fromkeys(c for rule in rules[symbol] for c in rule.children):
            visit(child, symbol)
        done[symbol] = True
        order.append(symbol)

    visit(start, "the caller")
    return tuple(order)


class RuleBook:
    """Collects rule templates and expands their features into plain rules.

    `domains` weigh the values of the feature variables: one in the head of a rule is given, one
    only on its right is chosen with these weights. `<Verb[form(t,k)]>` calls `functions["form"]`;
    a function that returns None omits the combination.
    """

    def __init__(
        self, domains: Mapping[str, Mapping[str, float]], functions: Mapping[str, Feature]
    ) -> None:
        self._domains = domains
        self._functions = functions
        self._rules: list[Rule] = []
        self._barren: set[str] = set()

    def add(self, head: str, english: str, chinese: str, weight: float = 1.0) -> None:
        """Add a template: `Name[features]`, and its sides as in a table."""
        match = _SLOT.fullmatch(f"<{head}>")
        if match is None:
            raise ArgumentError(f"{head!r} is not a rule head: write Name or Name[features]")
        tokens = [_SLOT.fullmatch(token) or token for token in english.split()]
        slots: dict[str, re.Match[str]] = {}
        for slot in tokens:
            if not isinstance(slot, str) and slots.setdefault(_label(slot), slot) is not slot:
                raise ArgumentError(
                    f"{english!r}: two slots <{_label(slot)}>: distinguish them by #label"
                )
        if unknown := [_label(s) for s in _SLOT.finditer(chinese) if _label(s) not in slots]:
            raise ArgumentError(
                f"Chinese side {chinese!r} names <{unknown[0]}>, absent from English"
            )
        given = self._variables(match[2])
        free = [v for slot in slots.values() for v in self._variables(slot[2])]
        variables = list(dict.fromkeys([*given, *free]))
        chances = {label: float(slot[4]) for label, slot in slots.items() if slot[4]}
        for values in itertools.product(*(self._domains[v] for v in variables)):
            bound = dict(zip(variables, values, strict=True))
            p = math.prod(
                (self._domains[v][bound[v]] for v in variables[len(set(given)) :]), start=weight
            )
            symbol = self._symbol(match[1], match[2], bound)
            for keeps in itertools.product((False, True), repeat=len(chances)):
                kept = dict(zip(chances, keeps, strict=True))
                chance = math.prod(q if kept[label] else 1 - q for label, q in chances.items())
                if symbol is not None:
                    present = [t for t in tokens if isinstance(t, str) or kept.get(_label(t), True)]
                    self._expand(symbol, present, chinese, bound, p * chance)

    def read(
        self, table: str, names: Mapping[str, str] | None = None, *, weight: float = 1.0
    ) -> None:
        """Add a table; `names` replaces each `$name` in it, `weight` multiplies its weights."""
        head = ""
        for line in filter(None, Template(table).substitute(names or {}).splitlines()):
            if not line.startswith(" "):
                head, _, line = line.partition(" ")
            for template in line.split(";"):
                number, _, sides = template.strip().partition(" ")
                english, _, chinese = sides.partition("|")
                self.add(head, english, chinese.strip(), weight * float(number))

    def _expand(
        self,
        symbol: str,
        tokens: list[str | re.Match[str]],
        chinese: str,
        bound: Mapping[str, str],
        weight: float,
    ) -> None:
        """Add one plain rule: features bound, slots only where they are present."""
        children: dict[str, str] = {}
        english: list[str | int] = []
        for token in tokens:
            if isinstance(token, str):
                english.append(token)
                continue
            child = self._symbol(token[1], token[2], bound)
            if child is None:
                self._barren.add(symbol)
                return
            english.append(len(children))
            children[_label(token)] = child
        places = {label: place for place, label in enumerate(children)}
        items = [item if item[1] else item[0] for item in _ITEM.finditer(chinese)]
        side = [item if isinstance(item, str) else places.get(_label(item)) for item in items]
        present = tuple(item for item in side if item is not None)
        self._rules.append(Rule(symbol, weight, tuple(children.values()), tuple(english), present))

    def compile(self, start: str) -> Grammar:
        """Expand everything within reach of `start` into a `Grammar`.

        A rule that a depth limit leaves without a child is dropped, then the rules that need it.
        """
        rules = self._rules
        while True:
            barren = self._barren - {rule.symbol for rule in rules}
            kept = [rule for rule in rules if not barren.intersection(rule.children)]
            if len(kept) == len(rules):
                return Grammar(rules, start)
            self._barren |= {rule.symbol for rule in rules}
            rules = kept

    def _variables(self, features: str | None) -> list[str]:
        """The variables named in a feature list."""
        found: list[str] = []
        for match in _FEATURE.finditer(features or ""):
            names = match[2].split(",") if match[1] else [match[3] or match[5]]
            found += [name for name in names if name in self._domains]
        return found

    def _symbol(self, name: str, features: str | None, bound: Mapping[str, str]) -> str | None:
        """The plain symbol of a slot, None where its features forbid it."""
        if not features:
            return name
        values: list[str] = []
        for match in _FEATURE.finditer(features):
            value: str | None
            if match[1]:
                value = self._functions[match[1]](*(bound.get(a, a) for a in match[2].split(",")))
            elif match[3]:
                depth = int(bound.get(match[3], match[3])) - int(match[4])
                value = str(depth) if depth >= 0 else None
            else:
                value = bound.get(match[5], match[5])
            if value is None:
                return None
            values.append(value)
        return f"{name}[{','.join(values)}]"


def _label(slot: re.Match[str]) -> str:
    """The name of a slot, with its label."""
    return slot[1] + (f"#{slot[3]}" if slot[3] else "")
