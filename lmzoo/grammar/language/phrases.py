"""Noun phrases with measure words, places and times."""

from lmzoo.grammar.language import lexicon
from lmzoo.grammar.language.lexicon import entries
from lmzoo.grammar.rules import RuleBook

# Which adjectives go with which nouns, where the class of the noun is not itself one.
_ADJECTIVES = {"man": "person", "woman": "person", "fruit": "food", "clothes": "thing"}
_NOUN_PHRASE = """
NP[$kind,s]   0.45 <Any[$kind,s]> | <Any>
NP[$kind,p]   0.6 <Any[$kind,p]> | <Any>; 0.3 the $adj <Noun[$kind,p]> | $those$zh<Noun>$men
              0.1 these $adj <Noun[$kind,p]> | 这些$zh<Noun>
Any[$kind,p]  0.3 some $adj <Noun[$kind,p]> | 一些$zh<Noun>
              0.15 many $adj <Noun[$kind,p]> | 许多$zh<Noun>
"""
# The same for the nouns of one measure word.
_COUNTED = """
NP[$kind,s]    0.43 the $adj <Count[$kind,$measure,s]> | $that$zh<Count>
               0.12 this $adj <Count[$kind,$measure,s]> | 这$measure$zh<Count>
Any[$kind,s]   1     a $adj <Count[$kind,$measure,s]> | 一$measure$zh<Count>
Any[$kind,p]   0.55 <Number> $adj <Count[$kind,$measure,p]> | <Number>$measure$zh<Count>
Noun[$kind,n]  1     <Count[$kind,$measure,n]> | <Count>
"""
# Food and drink that is not counted, and cups of it.
_STUFF = """
Stuff[$kind]  1 the $adj <Mass[$kind]> | $zh<Mass>; 1 some $adj <Mass[$kind]> | 一些$zh<Mass>
"""
_CUPS = """
Cup[s]  1 a <Vessel[s]> | 一<Vessel>
Cup[p]  1 <Number> <Vessel[p]> | <Number><Vessel>
"""
# Where (`Place`; `Spot` without the Chinese 在) and where to (`Goal`); `Wild`: outdoors.
_PLACES = """
Place[h]  1 <Spot> | 在<Spot>
Place[u]  1 <Wild> | 在<Wild>
Spot      0.3 at the <Site[at]> | <Site>里; 0.1 in the <Site[in]> | <Site>里
          0.15 in the <Site[wild]> | <Site>里; 0.15 on the <Site[on]> | <Site>上
          0.12 in <City> | <City>; 0.18 <Near> the <Where> | <Where><Near>
Wild      0.5 in the <Site[wild]> | <Site>里; 0.3 on the <Site[on]> | <Site>上
          0.18 <Near> the <Where> | <Where><Near>
Where     $at <Site[at]> | <Site>; $in <Site[in]> | <Site>
          $wild <Site[wild]> | <Site>; $on <Site[on]> | <Site>
Walk      1 the <Where> | <Where>
Goal      0.78 <Walk> | <Walk>; 0.22 <City> | <City>
"""
# `Time` ends a sentence; `Day` may also begin it; `Sharp` is a day that takes a clock.
_TIMES = """
Time[t]         0.6 <Day[t]> | <Day>; 0.2 at <Clock> | <Clock>
                0.2 at <Clock> <Sharp[t]> | <Sharp><Clock>
Clock           0.45 <Hour> | <Hour>; 0.3 half past <Hour> | <Hour>半
                0.15 a quarter past <Hour> | <Hour>一刻; 0.1 a quarter to <Hour> | 差一刻<Hour>
Day[t]          0.6 <Sharp[t]> | <Sharp>
Day[present]    0.4 every <Season> | 每年<Season>
Sharp[present]  0.2 every day | 每天; 0.4 every <Part> | 每天<Part>
                0.4 every <Weekday> | 每个<Weekday>
Then[past]      0.3 then | 然后; 0.25 after that , | 之后，; 0.2 later , | 后来，
                0.15 the next day , | 第二天，; 0.1 <Number> days later , | <Number>天后，
Then[present]   0.4 then | 然后; 0.3 after that , | 之后，; 0.3 in the <Part> , | <Part>，
Then[future]    0.4 then | 然后; 0.35 after that , | 之后，; 0.25 the next day , | 第二天，
"""
_DAYS = """
Sharp[$t]  0.2 $day | $ri; 0.2 $day <Part> | $ri<Part>
           0.3 on <Weekday> | <Weekday>; 0.3 on <Weekday> <Part> | <Weekday><Part>
Day[$t]    0.12 <Period[$t]> | <Period>; 0.14 $that <Season> | $nian<Season>; 0.14 $days | $tian
"""
_PAST = {"t": "past", "day": "yesterday", "ri": "昨天", "that": "last", "nian": "去年"}
_FUTURE = {"t": "future", "day": "tomorrow", "ri": "明天", "that": "next", "nian": "明年"}


def add_phrases(book: RuleBook) -> None:
    """Add noun phrases, places and times."""
    for kind, table in lexicon.NOUNS.items():
        _add_noun_phrase(book, kind, table)
    for kind in lexicon.MASS:
        adjective = kind != "fodder"
        adj, zh = ("<Adj[food]>?0.3", "<Adj>") if adjective else ("", "")
        book.read(_STUFF, {"kind": kind, "adj": adj, "zh": zh})
    book.read(_CUPS)
    book.read(_PLACES, {kind: str(len(entries(words))) for kind, words in lexicon.PLACES.items()})
    book.read(_TIMES)
    book.read(_DAYS, {**_PAST, "days": "<Number> days ago", "tian": "<Number>天前"})
    book.read(_DAYS, {**_FUTURE, "days": "in <Number> days", "tian": "<Number>天后"})


def _add_noun_phrase(book: RuleBook, kind: str, table: dict[str, str]) -> None:
    """Determiners, numbers and adjectives before one class of nouns."""
    names = {"kind": kind, "adj": "", "zh": "", "those": "那些", "men": ""}
    if kind != "kin":
        names |= {"adj": f"<Adj[{_ADJECTIVES.get(kind, kind)}]>?0.35", "zh": "<Adj>"}
    if kind in ("man", "woman", "person"):
        names |= {"those": "", "men": "们"}
    book.read(_NOUN_PHRASE, names)
    sizes = {measure: len(entries(words)) for measure, words in table.items()}
    for measure, size in sizes.items():
        that = "" if measure == "位" else f"那{measure}"
        counted = {**names, "measure": measure, "that": that}
        book.read(_COUNTED, counted, weight=size / sum(sizes.values()))
