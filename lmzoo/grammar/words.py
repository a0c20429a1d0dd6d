"""Terminal rules: every word of the lexicon in its forms."""

from lmzoo.grammar import lexicon
from lmzoo.grammar.lexicon import entries, past_tense, plural, third_person
from lmzoo.grammar.rules import RuleBook

_BY_SUBJECT = {
    "Pron": ("he 他", "she 她", "they 他们", "it 它", "they 它们"),
    "Poss": ("his 他的", "her 她的", "their 他们的", "its 它的", "their 它们的"),
    "Self": ("himself 自己", "herself 自己", "themselves 自己", "itself 自己", "themselves 自己"),
}
_AUXILIARIES = {
    ("past", "s"): "did not 没有, wanted to 想要, tried to 试着, had to 不得不, decided to 决定",
    ("present", "s"): "does not 不, wants to 想要, tries to 试着, has to 必须, likes to 喜欢",
    ("present", "p"): "do not 不, want to 想要, try to 试着, have to 必须, like to 喜欢",
    ("future", "s"): "will not 不会, will have to 将不得不, will try to 会试着",
}


def add_words(book: RuleBook) -> None:
    """Add a rule for every word form."""
    _add_function_words(book)
    _add_nouns(book)
    _add_verbs(book)
    for symbol, table in (
        ("Near", lexicon.NEAR), ("City", lexicon.CITIES), ("Manner", lexicon.MANNERS),
        ("Weather", lexicon.WEATHER), ("State", lexicon.STATES), ("Hour", lexicon.HOURS),
        ("Number", lexicon.NUMBERS), ("Weekday", lexicon.WEEKDAYS), ("Part", lexicon.DAYPARTS),
        ("Season", lexicon.SEASONS),
    ):  # fmt: skip
        _add_table(book, symbol, table)
    for kind, table in lexicon.ADJECTIVES.items():
        _add_table(book, f"Adj[{kind}]", table)
    for kind, table in lexicon.PLACES.items():
        _add_table(book, f"Site[{kind}]", table)
    for kind, table in lexicon.NAMES.items():
        _add_table(book, f"Name[{kind}]", table)
    for kind, table in lexicon.MASS.items():
        _add_table(book, f"Mass[{kind}]", table)
    for means, _, zh, _ in entries(lexicon.MEANS):
        book.add("Means", f"by {means}", zh)


def _add_table(book: RuleBook, symbol: str, table: str) -> None:
    """Add words that have one form."""
    for word, _, zh, _ in entries(table):
        book.add(symbol, word, zh)


def _add_function_words(book: RuleBook) -> None:
    """Pronouns by subject, auxiliaries by tense and number."""
    for symbol, words in _BY_SUBJECT.items():
        for k, pair in zip("mfpab", words, strict=True):
            english, chinese = pair.split(" ")
            book.add(f"{symbol}[{k}]", english, chinese)
    book.add("It[s]", "it", "它")
    book.add("It[p]", "them", "它们")
    for t, singular, several, zh in (
        ("past", "was", "were", ""),
        ("present", "is", "are", ""),
        ("future", "will be", "will be", "会"),
    ):
        for number, word in (("s", singular), ("p", several)):
            book.add(f"Is[{t},{number}]", word, zh)
            book.add(f"There[{t},{number}]", word, f"{zh}有")
    book.add("Mood", "<State>", "很<State>", 0.7)
    book.add("Mood", "very <State>", "非常<State>", 0.3)
    for t, numbers in (("past", "sp"), ("present", "s"), ("present", "p"), ("future", "sp")):
        for number in numbers:
            for pair in _AUXILIARIES[t, numbers[0]].split(", "):
                english, _, chinese = pair.rpartition(" ")
                book.add(f"Aux[{t},{number}]", english, chinese, 2 if "not" in english else 1)
    for t, word, zh in (("past", "last", "上"), ("future", "next", "下")):
        year = "去年" if t == "past" else "明年"
        for period, chinese in (("week", f"{zh}周"), ("month", f"{zh}个月"), ("year", year)):
            book.add(f"Period[{t}]", f"{word} {period}", chinese)


def _add_nouns(book: RuleBook) -> None:
    """Singular and plural of counted nouns, by class and measure word."""
    for kind, table in lexicon.NOUNS.items():
        for measure, words in table.items():
            for noun, irregular, zh, _ in entries(words):
                book.add(f"Count[{kind},{measure},s]", noun, zh)
                book.add(f"Count[{kind},{measure},p]", irregular or plural(noun), zh)
    for measure, words in lexicon.VESSELS.items():
        for noun, irregular, _, _ in entries(words):
            book.add("Vessel[s]", noun, measure)
            book.add("Vessel[p]", irregular or plural(noun), measure)
    for group, (nouns, _) in lexicon.EVENTS.items():
        _add_table(book, f"Thing[{group}]", nouns)


def _add_verbs(book: RuleBook) -> None:
    """Past, third person and base form of every verb."""
    for kind, table in lexicon.VERBS.items():
        _add_forms(book, f"Verb[{kind},{{}}]", table)
    _add_forms(book, "Rain[{}]", lexicon.RAIN)
    for group, (_, table) in lexicon.EVENTS.items():
        _add_forms(book, f"Happen[{group},{{}}]", table)


def _add_forms(book: RuleBook, symbol: str, table: str) -> None:
    """The forms of verbs; "when" is the past whose Chinese carries no aspect mark."""
    for base, irregular, zh, zh_past in entries(table):
        past = irregular or past_tense(base)
        book.add(symbol.format("past"), past, zh_past or f"{zh}了")
        book.add(symbol.format("when"), past, zh)
        book.add(symbol.format("s"), third_person(base), zh)
        book.add(symbol.format("base"), base, zh)
