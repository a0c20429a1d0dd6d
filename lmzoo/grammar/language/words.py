"""Terminal rules: every word of the lexicon in its forms."""

from lmzoo.grammar.language import lexicon
from lmzoo.grammar.language.lexicon import entries, plural, verb_forms
from lmzoo.grammar.rules import RuleBook

_TABLES = {
    "Near": lexicon.NEAR, "City": lexicon.CITIES, "Manner": lexicon.MANNERS,
    "Weather": lexicon.WEATHER, "State": lexicon.STATES, "Hour": lexicon.HOURS,
    "Number": lexicon.NUMBERS, "Weekday": lexicon.WEEKDAYS, "Part": lexicon.DAYPARTS,
    "Season": lexicon.SEASONS,
}  # fmt: skip
_GROUPS = {
    "Adj": lexicon.ADJECTIVES, "Site": lexicon.PLACES, "Name": lexicon.NAMES, "Mass": lexicon.MASS,
}  # fmt: skip
# Forms by subject, in the order m f p a b.
_BY_SUBJECT = {
    "Pron": "he 他, she 她, they 他们, it 它, they 它们",
    "Poss": "his 他的, her 她的, their 他们的, its 它的, their 它们的",
    "Self": "himself 自己, herself 自己, themselves 自己, itself 自己, themselves 自己",
}
_BE = {
    "past,s": "was", "past,p": "were", "present,s": "is", "present,p": "are", "future,n": "will be",
}  # fmt: skip
_FUNCTION_WORDS = """
It[s]             1 it | 它
It[p]             1 them | 它们
Mood              0.7 <State> | 很<State>; 0.3 very <State> | 非常<State>
Aux[past,n]       2 did not | 没有; 1 wanted to | 想要; 1 tried to | 试着
                  1 had to | 不得不; 1 decided to | 决定
Aux[present,s]    2 does not | 不; 1 wants to | 想要; 1 tries to | 试着
                  1 has to | 必须; 1 likes to | 喜欢
Aux[present,p]    2 do not | 不; 1 want to | 想要; 1 try to | 试着
                  1 have to | 必须; 1 like to | 喜欢
Aux[future,n]     2 will not | 不会; 1 will have to | 将不得不; 1 will try to | 会试着
Period[past]      1 last week | 上周; 1 last month | 上个月; 1 last year | 去年
Period[future]    1 next week | 下周; 1 next month | 下个月; 1 next year | 明年
"""


def add_words(book: RuleBook) -> None:
    """Add a rule for every word form."""
    book.read(_FUNCTION_WORDS)
    for form, be in _BE.items():
        chinese = "会" if be == "will be" else ""
        book.add(f"Is[{form}]", be, chinese)
        book.add(f"There[{form}]", be, f"{chinese}有")
    for symbol, words in _BY_SUBJECT.items():
        for k, (english, _, chinese, _) in zip("mfpab", entries(words), strict=True):
            book.add(f"{symbol}[{k}]", english, chinese)
    tables = [(f"{symbol}[{kind}]", table) for symbol, group in _GROUPS.items()
              for kind, table in group.items()]  # fmt: skip
    tables += [(f"Thing[{group}]", nouns) for group, (nouns, _) in lexicon.EVENTS.items()]
    for symbol, table in [*_TABLES.items(), *tables]:
        for word, _, chinese, _ in entries(table):
            book.add(symbol, word, chinese)
    for means, _, chinese, _ in entries(lexicon.MEANS):
        book.add("Means", f"by {means}", chinese)
    for kind, by_measure in lexicon.NOUNS.items():
        for measure, table in by_measure.items():
            for noun, irregular, chinese, _ in entries(table):
                book.add(f"Count[{kind},{measure},s]", noun, chinese)
                book.add(f"Count[{kind},{measure},p]", irregular or plural(noun), chinese)
    for measure, table in lexicon.VESSELS.items():
        for noun, irregular, _, _ in entries(table):
            book.add("Vessel[s]", noun, measure)
            book.add("Vessel[p]", irregular or plural(noun), measure)
    _add_verbs(book)


def _add_verbs(book: RuleBook) -> None:
    """Past, third person and base form of verbs; "when" is the past without the Chinese aspect."""
    verbs = [(f"Verb[{kind},{{}}]", table) for kind, table in lexicon.VERBS.items()]
    verbs += [(f"Happen[{group},{{}}]", table) for group, (_, table) in lexicon.EVENTS.items()]
    for symbol, table in [*verbs, ("Rain[{}]", lexicon.RAIN)]:
        for base, past, third, chinese, chinese_past in verb_forms(table):
            book.add(symbol.format("past"), past, chinese_past)
            book.add(symbol.format("when"), past, chinese)
            book.add(symbol.format("s"), third, chinese)
            book.add(symbol.format("base"), base, chinese)
