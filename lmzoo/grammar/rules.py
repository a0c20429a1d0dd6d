"""Stochastic synchronous grammars: rule templates with features, compiled into plain rules.

A rule rewrites a symbol into an English and a Chinese right side over the *same* children, so
that one derivation yields a sentence and its translation. Templates carry features; a table has
templates with their weights, separated by ";", and a line that begins with a space continues the
symbol above it::

    NP[n]    2 the <Noun[n]> | <Noun>; 1 some <Noun[n]> | 一些<Noun>
             1 my <Noun[n]> | 我的<Noun>

`n` is a variable declared in the book's domains; compiling replaces it by each of its values, so
agreement costs nothing at run time: `NP[s]` and `NP[p]` are two symbols of a context-free grammar.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from string import Template

from lmzoo.errors import ArgumentError

Side = tuple[str | int, ...]
Feature = Callable[..., str | None]

_SLOT = re.compile(r"<(\w+)(?:\[([^\]]*)\])?(?:#(\w+))?>(?:\?([\d.]+))?")
_FEATURE = re.compile(r"(\w+)\(([^)]*)\)|(\w+)-(\d+)|(\w+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One context-free rule with two right sides.

    A right side is a tuple of units (strings) and of indices into `children`. English uses every
    child exactly once and in order; Chinese uses each at most once, in any order.
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
    """A finite stochastic synchronous grammar; the weights of a symbol's rules are normalized.

    Args:
        rules: rules whose `probability` may be any positive weight.
        start: the symbol that derives a document. Rules out of its reach are left out.

    Attributes:
        start: the start symbol.
        rules: symbol -> its rules, whose probabilities sum to 1.
        symbols: every symbol, children before parents.

    Raises:
        ArgumentError: an undefined symbol, a weight that is not positive, a child used twice or
            out of order, or recursion (give the symbol a depth feature: `<NP[d-1]>`).

    Example:
        >>> coin = [Rule("S", 3.0, (), ("head",), ("正",)), Rule("S", 1.0, (), ("tail",), ("反",))]
        >>> [rule.probability for rule in Grammar(coin, "S").rules["S"]]
        [0.75, 0.25]
    """

    def __init__(self, rules: Iterable[Rule], start: str) -> None:
        by_symbol: dict[str, list[Rule]] = {}
        for rule in rules:
            _check_rule(rule)
            by_symbol.setdefault(rule.symbol, []).append(rule)
        self.start = start
        self.symbols = _children_first(by_symbol, start)
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

    Args:
        domains: feature variable -> {value: weight}. A variable in the head of a rule is given;
            one that is only on the right is chosen with these weights.
        functions: name -> function of feature values that returns a value, or None to omit the
            combination. `<Verb[form(t,k)]>` calls `functions["form"]`.

    Example:
        >>> book = RuleBook({"n": {"s": 1, "p": 1}}, {})
        >>> book.add("S", "the <Noun[n]>", "<Noun>")
        >>> book.read("Noun[s] 1 dog | 狗; 1 cat | 猫\\nNoun[p] 1 dogs | 狗")
        >>> [rule.children for rule in book.compile("S").rules["S"]]
        [('Noun[s]',), ('Noun[p]',)]
    """

    def __init__(
        self, domains: Mapping[str, Mapping[str, float]], functions: Mapping[str, Feature]
    ) -> None:
        self._domains = domains
        self._functions = functions
        self._rules: list[Rule] = []
        self._barren: set[str] = set()

    def add(self, head: str, english: str, chinese: str, weight: float = 1.0) -> None:
        """Add a template.

        Args:
            head: `Name` or `Name[features]`; features are variables or values.
            english: words and slots, separated by spaces. A slot is `<Name[features]>`, with a
                `#label` where a name occurs twice and `?0.3` where it is present with
                probability 0.3. A feature is a value, a variable, `d-1` (one less; below zero
                the rule is omitted) or `function(variables)`.
            chinese: characters, and slots by name or by `#label`, in any order: `<Name#label>`.
            weight: relative to the other rules of the same symbol.
        """
        match = _SLOT.fullmatch(f"<{head}>")
        if match is None:
            raise ArgumentError(f"{head!r} is not a rule head: write Name or Name[features]")
        name, features = match[1], match[2]
        given = self._variables(features)
        free = [v for slot in _SLOT.finditer(english) for v in self._variables(slot[2])]
        variables = list(dict.fromkeys([*given, *free]))
        for values in itertools.product(*(self._domains[v] for v in variables)):
            bound = dict(zip(variables, values, strict=True))
            chosen = weight
            for variable in variables[len(set(given)) :]:
                chosen *= self._domains[variable][bound[variable]]
            symbol = self._symbol(name, features, bound)
            for present, chance in _choices(english):
                self._expand(symbol, english, chinese, bound, present, chosen * chance)

    def read(
        self, table: str, names: Mapping[str, str] | None = None, *, weight: float = 1.0
    ) -> None:
        """Add a table of templates: lines of `head weight english | chinese; weight ...`.

        Args:
            table: the lines; one that begins with a space has the head of the line before it.
            names: replaces each `$name` in the table.
            weight: multiplies every weight of the table.
        """
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
        symbol: str | None,
        english: str,
        chinese: str,
        bound: Mapping[str, str],
        present: Mapping[int, bool],
        weight: float,
    ) -> None:
        """Add one plain rule: features bound, optional slots present or absent."""
        children: list[str] = []
        labels: dict[str, int | None] = {}
        en: list[str | int] = []
        for number, token in enumerate(_tokens(english)):
            if isinstance(token, str):
                en.append(token)
                continue
            label = token[1] + (f"#{token[3]}" if token[3] else "")
            if label in labels:
                raise ArgumentError(f"{english!r}: two slots <{label}>: distinguish them by #label")
            labels[label] = None
            if not present.get(number, True):
                continue
            child = self._symbol(token[1], token[2], bound)
            if child is None or symbol is None:
                self._barren.update([symbol] if symbol else [])
                return
            labels[label] = len(children)
            en.append(len(children))
            children.append(child)
        zh = _chinese_side(chinese, labels)
        if symbol is not None:
            self._rules.append(Rule(symbol, weight, tuple(children), tuple(en), zh))

    def compile(self, start: str) -> Grammar:
        """Expand everything within reach of `start` into a `Grammar`.

        A rule that a depth limit leaves without a child is dropped, then the rules that need it;
        the weights of the rest are normalized, so that probabilities sum to 1 exactly.
        """
        rules = self._rules
        while True:
            heads = {rule.symbol for rule in rules}
            barren = self._barren - heads
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
                arguments = [bound.get(a, a) for a in match[2].split(",")]
                value = self._functions[match[1]](*arguments)
            elif match[3]:
                depth = int(bound.get(match[3], match[3])) - int(match[4])
                value = str(depth) if depth >= 0 else None
            else:
                value = bound.get(match[5], match[5])
            if value is None:
                return None
            values.append(value)
        return f"{name}[{','.join(values)}]"


def _tokens(english: str) -> list[str | re.Match[str]]:
    """The words and slots of an English template."""
    return [_SLOT.fullmatch(token) or token for token in english.split()]


def _choices(english: str) -> list[tuple[dict[int, bool], float]]:
    """Every way to keep or drop the optional slots, with its probability."""
    ways: list[tuple[dict[int, bool], float]] = [({}, 1.0)]
    for number, token in enumerate(_tokens(english)):
        if isinstance(token, str) or token[4] is None:
            continue
        chance = float(token[4])
        ways = [
            ({**way, number: keep}, weight * (chance if keep else 1 - chance))
            for way, weight in ways
            for keep in (False, True)
        ]
    return ways


def _chinese_side(chinese: str, labels: Mapping[str, int | None]) -> Side:
    """The Chinese right side: single characters and child indices; absent slots vanish."""
    side: list[str | int] = []
    end = 0
    for match in _SLOT.finditer(chinese):
        side.extend(chinese[end : match.start()])
        end = match.end()
        label = match[1] + (f"#{match[3]}" if match[3] else "")
        if label not in labels:
            raise ArgumentError(f"Chinese side {chinese!r} names <{label}>, absent from English")
        index = labels[label]
        if index is not None:
            side.append(index)
    side.extend(chinese[end:])
    return tuple(side)
