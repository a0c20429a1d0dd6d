"""Noun phrases with measure words, places and times."""

from lmzoo.grammar import lexicon
from lmzoo.grammar.lexicon import entries
from lmzoo.grammar.rules import RuleBook

# Which adjectives go with which nouns, where the class of the noun is not itself one.
_ADJECTIVES = {
    "man": "person", "woman": "person", "fruit": "food", "clothes": "thing",
}  # fmt: skip


def add_phrases(book: RuleBook) -> None:
    """Add noun phrases, places and times."""
    for kind, table in lexicon.NOUNS.items():
        _add_noun_phrase(book, kind, table)
    _add_mass(book)
    _add_places(book)
    _add_times(book)


def _add_noun_phrase(book: RuleBook, kind: str, table: dict[str, str]) -> None:
    """Determiners, numbers and adjectives before one class of nouns."""
    adj = f"<Adj[{_ADJECTIVES.get(kind, kind)}]>?0.35" if kind != "kin" else ""
    people = kind in ("man", "woman", "person")
    book.add(f"NP[{kind},s]", f"<Any[{kind},s]>", "<Any>", 0.45)
    book.add(f"NP[{kind},p]", f"<Any[{kind},p]>", "<Any>", 0.6)
    many = f"{adj} <Noun[{kind},p]>"
    tail = "<Adj><Noun>" if adj else "<Noun>"
    if people:
        book.add(f"NP[{kind},p]", f"the {many}", f"{tail}们", 0.3)
    else:
        book.add(f"NP[{kind},p]", f"the {many}", f"那些{tail}", 0.3)
    book.add(f"NP[{kind},p]", f"these {many}", f"这些{tail}", 0.1)
    book.add(f"Any[{kind},p]", f"some {many}", f"一些{tail}", 0.3)
    book.add(f"Any[{kind},p]", f"many {many}", f"许多{tail}", 0.15)
    sizes = {measure: len(entries(words)) for measure, words in table.items()}
    for measure, size in sizes.items():
        share = size / sum(sizes.values())
        one = f"{adj} <Count[{kind},{measure},s]>"
        several = f"{adj} <Count[{kind},{measure},p]>"
        zh = f"{measure}{tail.replace('Noun', 'Count')}"
        the = "" if measure == "位" else "那"
        book.add(f"NP[{kind},s]", f"the {one}", f"{the}{zh if the else zh[1:]}", 0.43 * share)
        book.add(f"NP[{kind},s]", f"this {one}", f"这{zh}", 0.12 * share)
        book.add(f"Any[{kind},s]", f"a {one}", f"一{zh}", share)
        book.add(f"Any[{kind},p]", f"<Number> {several}", f"<Number>{zh}", 0.55 * share)
        book.add(f"Noun[{kind},n]", f"<Count[{kind},{measure},n]>", "<Count>", share)


def _add_mass(book: RuleBook) -> None:
    """Food and drink that is not counted, and cups of it."""
    for kind in lexicon.MASS:
        adjective, adj = ("", "") if kind == "fodder" else ("<Adj[food]>?0.3", "<Adj>")
        for determiner, zh in (("the", ""), ("some", "一些")):
            book.add(
                f"Stuff[{kind}]", f"{determiner} {adjective} <Mass[{kind}]>", f"{zh}{adj}<Mass>"
            )
    book.add("Cup[s]", "a <Vessel[s]>", "一<Vessel>", 1.0)
    book.add("Cup[p]", "<Number> <Vessel[p]>", "<Number><Vessel>", 1.0)


def _add_places(book: RuleBook) -> None:
    """Where (`Place`; `Spot` without the Chinese 在) and where to (`Goal`); `Wild`: outdoors."""
    book.add("Place[h]", "<Spot>", "在<Spot>")
    book.add("Place[u]", "<Wild>", "在<Wild>")
    for kind, zh, weight, wild in (
        ("at", "里", 0.3, 0.0), ("in", "里", 0.1, 0.0), ("wild", "里", 0.15, 0.5),
        ("on", "上", 0.15, 0.3),
    ):  # fmt: skip
        size = len(entries(lexicon.PLACES[kind]))
        word = "in" if kind == "wild" else kind
        spot = f"{word} the <Site[{kind}]>"
        book.add("Spot", spot, f"<Site>{zh}", weight)
        book.add("Where", f"<Site[{kind}]>", "<Site>", size)
        if wild:
            book.add("Wild", spot, f"<Site>{zh}", wild)
    book.add("Spot", "in <City>", "<City>", 0.12)
    for symbol in ("Spot", "Wild"):
        book.add(symbol, "<Near> the <Where>", "<Where><Near>", 0.18)
    book.add("Walk", "the <Where>", "<Where>")
    book.add("Goal", "<Walk>", "<Walk>", 0.78)
    book.add("Goal", "<City>", "<City>", 0.22)


def _add_times(book: RuleBook) -> None:
    """`Time` ends a sentence; `Day` may also begin it; `Sharp` is a day that takes a clock."""
    book.add("Time[t]", "<Day[t]>", "<Day>", 0.6)
    book.add("Time[t]", "at <Clock>", "<Clock>", 0.2)
    book.add("Time[t]", "at <Clock> <Sharp[t]>", "<Sharp><Clock>", 0.2)
    book.add("Clock", "<Hour>", "<Hour>", 0.45)
    book.add("Clock", "half past <Hour>", "<Hour>半", 0.3)
    book.add("Clock", "a quarter past <Hour>", "<Hour>一刻", 0.15)
    book.add("Clock", "a quarter to <Hour>", "差一刻<Hour>", 0.1)
    book.add("Day[t]", "<Sharp[t]>", "<Sharp>", 0.6)
    for t, word, zh in (("past", "yesterday", "昨天"), ("future", "tomorrow", "明天")):
        book.add(f"Sharp[{t}]", word, zh, 0.2)
        book.add(f"Sharp[{t}]", f"{word} <Part>", f"{zh}<Part>", 0.2)
        book.add(f"Sharp[{t}]", "on <Weekday>", "<Weekday>", 0.3)
        book.add(f"Sharp[{t}]", "on <Weekday> <Part>", "<Weekday><Part>", 0.3)
    book.add("Sharp[present]", "every day", "每天", 0.2)
    book.add("Sharp[present]", "every <Part>", "每天<Part>", 0.4)
    book.add("Sharp[present]", "every <Weekday>", "每个<Weekday>", 0.4)
    for t, word, zh, days, later in (
        ("past", "last", "去年", "<Number> days ago", "<Number>天前"),
        ("future", "next", "明年", "in <Number> days", "<Number>天后"),
    ):
        book.add(f"Day[{t}]", f"<Period[{t}]>", "<Period>", 0.12)
        book.add(f"Day[{t}]", f"{word} <Season>", f"{zh}<Season>", 0.14)
        book.add(f"Day[{t}]", days, later, 0.14)
    book.add("Day[present]", "every <Season>", "每年<Season>", 0.4)
    for t, english, chinese, weight in (
        ("past", "then", "然后", 0.3), ("past", "after that ,", "之后，", 0.25),
        ("past", "later ,", "后来，", 0.2), ("past", "the next day ,", "第二天，", 0.15),
        ("past", "<Number> days later ,", "<Number>天后，", 0.1),
        ("present", "then", "然后", 0.4), ("present", "after that ,", "之后，", 0.3),
        ("present", "in the <Part> ,", "<Part>，", 0.3),
        ("future", "then", "然后", 0.4), ("future", "after that ,", "之后，", 0.35),
        ("future", "the next day ,", "第二天，", 0.25),
    ):  # fmt: skip
        book.add(f"Then[{t}]", english, chinese, weight)
