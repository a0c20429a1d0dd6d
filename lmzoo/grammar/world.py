"""The world's grammar: documents, sentences and clauses.

Feature variables:
    k  whom the document is about: m a man, f a woman, p people, a an animal, b animals
    h  the same, people only;  u  the same, animals only;  n  number (s, p)
    t  tense;  v  form of a verb (past, s = third person singular, base)
    d  how many more clauses may be nested
"""

from lmzoo.grammar import lexicon
from lmzoo.grammar.deeds import add_deeds
from lmzoo.grammar.phrases import add_phrases
from lmzoo.grammar.rules import Feature, Grammar, RuleBook
from lmzoo.grammar.words import add_words

_DOMAINS = {
    "k": {"m": 0.27, "f": 0.27, "p": 0.22, "a": 0.12, "b": 0.12},
    "h": {"m": 0.35, "f": 0.35, "p": 0.3},
    "u": {"a": 0.5, "b": 0.5},
    "n": {"s": 0.65, "p": 0.35},
    "t": {"past": 0.45, "present": 0.33, "future": 0.22},
    "v": {"past": 1.0, "s": 1.0, "base": 1.0},
    "d": {"1": 1.0, "0": 1.0},
}


def _number(k: str) -> str:
    """The grammatical number of a subject."""
    return "p" if k in "pb" else "s"


def _form(t: str, k: str) -> str:
    """The form of the verb after a subject; the future's follows "will"."""
    if t == "past":
        return "past"
    return "s" if t == "present" and _number(k) == "s" else "base"


def _said(t: str, k: str) -> str:
    """The form of "say" before a clause in tense `t`: one says now what will be."""
    return _form("past" if t == "past" else "present", k)


_FUNCTIONS: dict[str, Feature] = {
    "number": _number,
    "form": _form,
    "said": _said,
    "now": lambda t: "past" if t == "past" else "present",
    "at": lambda t: "when" if t == "past" else "s",
    "by": lambda t: "past" if t == "past" else "s",
}


def build_world() -> Grammar:
    """Compile the world's grammar; its start symbol is `Document`.

    Example:
        >>> build_world().start
        'Document'
    """
    book = RuleBook(_DOMAINS, _FUNCTIONS)
    _add_documents(book)
    _add_statements(book)
    _add_questions(book)
    _add_clauses(book)
    _add_subjects(book)
    add_deeds(book)
    add_phrases(book)
    add_words(book)
    return book.compile("Document")


def _add_documents(book: RuleBook) -> None:
    """A statement, perhaps another about the same subject; or a question."""
    book.add("Document", "<First[k,t]> <Tail[k,t]>", "<First><Tail>", 0.94)
    book.add("Document", "<Question[k,t]>", "<Question>", 0.06)
    book.add("Tail[k,t]", "", "", 0.82)
    book.add("Tail[k,t]", "<Next[k,t]>", "<Next>", 0.18)
    for english, chinese, weight in (
        ("<Then[t]> <Pron[k]> <Pred[k,t]> .", "<Then><Pron><Pred>。", 0.24),
        ("<Then[t]> <Pron[k]> <Both[k,t]> .", "<Then><Pron><Both>。", 0.2),
        ("<Pron[k]> <Pred[k,t]> <Time[t]> .", "<Pron><Time><Pred>。", 0.24),
        ("<Pron[k]> <Pred[k,t]> because <Reason[k,t]> .", "<Pron><Pred>，因为<Reason>。", 0.16),
        ("<When[t]> , <Pron[k]> <Pred[k,t]> .", "<When>，<Pron><Pred>。", 0.16),
    ):
        book.add("Next[k,t]", english, chinese, weight)


def _add_statements(book: RuleBook) -> None:
    """First sentences, by what surrounds the main clause."""
    for english, chinese, weight in (
        ("<Subj[k]> <Pred[k,t]> <Time[t]>?0.65 .", "<Subj><Time><Pred>。", 0.34),
        ("<Day[t]> , <Subj[k]> <Pred[k,t]> .", "<Day>，<Subj><Pred>。", 0.14),
        ("<When[t]> , <Subj[k]> <Pred[k,t]> .", "<When>，<Subj><Pred>。", 0.12),
        (
            "although <Cause[by(t)]> , <Subj[k]> <Pred[k,t]> .",
            "虽然<Cause>，<Subj>还是<Pred>。",
            0.05,
        ),
        ("<Subj[k]> <Pred[k,t]> because <Reason[k,t]> .", "<Subj><Pred>，因为<Reason>。", 0.1),
        ("<Weather[t]> , so <Subj[k]> <Pred[k,t]> .", "<Weather>，所以<Subj><Pred>。", 0.06),
        ("<Subj[k]> <Both[k,t]> .", "<Subj><Both>。", 0.09),
        (
            "<Subj[k]> <Is[t,number(k)]> <Mood> because <Cause[by(t)]> .",
            "<Subj><Is><Mood>，因为<Cause>。",
            0.05,
        ),
    ):
        book.add("First[k,t]", english, chinese, weight)
    for kind, spot in (("h", "Spot"), ("u", "Wild")):
        book.add(
            f"First[{kind},t]",
            f"there <There[t,number({kind})]> <Some[{kind}]> <{spot}> <Time[t]>?0.8 .",
            f"<Time><{spot}><There><Some>。",
            0.05,
        )
    book.add(
        "First[h,t]",
        "<Subj[h]> <Verb[say,said(t,h)]> that <Clause[h,t,1]> .",
        "<Subj><Verb><Clause>。",
        0.06,
    )
    book.add(
        "First[h,t]",
        "<Subj[h]> <Fond[h,t]> because <Pron[h]> <Is[now(t),number(h)]> <Mood> .",
        "<Subj><Fond>，因为<Pron><Is><Mood>。",
        0.05,
    )


def _add_questions(book: RuleBook) -> None:
    """Yes-or-no questions."""
    book.add(
        "Question[k,past]",
        "did <Subj[k]> <Do[k,base]> <Day[past]>?0.6 ?",
        "<Subj><Day>有没有<Do>？",
    )
    for k in "mfpab":
        do = "does" if _number(k) == "s" else "do"
        book.add(
            f"Question[{k},present]",
            f"{do} <Subj[{k}]> <Do[{k},base]> <Day[present]>?0.6 ?",
            "<Subj><Day><Do>吗？",
        )
    book.add(
        "Question[k,future]",
        "will <Subj[k]> <Do[k,base]> <Day[future]>?0.6 ?",
        "<Subj><Day>会<Do>吗？",
    )


def _add_clauses(book: RuleBook) -> None:
    """Subordinate clauses: what is said, why, when, and the weather."""
    book.add("Clause[h,t,d]", "<Pron[h]> <Pred[h,t]>", "<Pron><Pred>", 0.42)
    for h, others in (("m", "fp"), ("f", "mp"), ("p", "mf")):
        for k in others:
            book.add(f"Clause[{h},t,d]", f"<Subj[{k}]> <Pred[{k},t]>", "<Subj><Pred>", 0.23)
            book.add(
                f"Clause[{h},t,d]",
                f"<Whole[{k}]> <Verb[say,said(t,{k})]> that <Clause[{k},t,d-1]>",
                "<Whole><Verb><Clause>",
                0.06,
            )
    book.add("Reason[k,t]", "<Pron[k]> <Is[now(t),number(k)]> <Mood>", "<Pron><Is><Mood>", 0.6)
    book.add("Reason[k,t]", "<Cause[by(t)]>", "<Cause>", 0.4)
    for form, is_ in (("past", "was"), ("s", "is")):
        book.add(f"Cause[{form}]", f"<Event[{form}]>", "<Event>", 0.75)
        book.add(f"Cause[{form}]", f"it {is_} <Weather>", "天气很<Weather>", 0.25)
    book.add("When[t]", "when <Event[at(t)]>", "<Event>的时候", 0.5)
    book.add("When[t]", "after <Event[at(t)]>", "<Event>之后", 0.25)
    book.add("When[t]", "before <Event[at(t)]>", "<Event>之前", 0.25)
    for form in ("past", "s", "when"):
        for group, (nouns, _) in lexicon.EVENTS.items():
            book.add(
                f"Event[{form}]",
                f"the <Thing[{group}]> <Happen[{group},{form}]>",
                "<Thing><Happen>",
                nouns.count(",") + 1,
            )
        book.add(f"Event[{form}]", f"it <Rain[{form}]>", "<Rain>", 2)
    book.add("Air", "<Wild>", "<Wild>", 0.6)
    book.add("Air", "in <City>", "<City>", 0.4)
    for tense, rains, zh, is_ in (
        ("past", "<Rain[past]>", "", "was"),
        ("present", "often <Rain[s]>", "经常", "is often"),
        ("future", "will <Rain[base]>", "会", "will be"),
    ):
        book.add(f"Weather[{tense}]", f"it {rains} <Air>", f"<Air>{zh}<Rain>", 0.5)
        book.add(f"Weather[{tense}]", f"it {is_} <Weather> <Air>", f"<Air>{zh}很<Weather>", 0.5)


def _add_subjects(book: RuleBook) -> None:
    """Whom a sentence is about: a name, a noun phrase, or one with a relative clause."""
    for k, kind, number in (
        ("m", "man", "s"),
        ("f", "woman", "s"),
        ("p", "person", "p"),
        ("a", "animal", "s"),
        ("b", "animal", "p"),
    ):
        if k in "mfp":
            book.add(f"Subj[{k}]", f"<Whole[{k}]>", "<Whole>", 0.4)
        book.add(f"Subj[{k}]", f"<NP[{kind},{number}]>", "<NP>", 0.5)
        many = "们" if k == "p" else ""
        book.add(
            f"Subj[{k}]",
            f"the <Noun[{kind},{number}]> <Rel[{kind},{number},1]>",
            f"<Rel>的<Noun>{many}",
            0.1,
        )
        book.add(f"Some[{k}]", f"<Any[{kind},{number}]>", "<Any>")
    book.add("Whole[m]", "<Name[m]>", "<Name>")
    book.add("Whole[f]", "<Name[f]>", "<Name>")
    for one in "mf":
        book.add("Whole[p]", f"<Name[{one}]#a> and <Name[other]#b>", "<Name#a>和<Name#b>")
    for kind in ("man", "woman", "person"):
        book.add(f"Rel[{kind},n,d]", "who <Live[n,d]>", "<Live>")
    book.add("Rel[animal,n,d]", "that <Verb[chase,past]> <NP[animal,s]>", "<Verb><NP>")
    for number, form in (("s", "s"), ("p", "base")):
        for tense, weight in ((form, 0.6), ("past", 0.4)):
            book.add(
                f"Live[{number},d]", f"<Verb[know,{tense}]> <Friend[d]>", "<Verb><Friend>", weight
            )
            book.add(f"Live[{number},d]", f"<Verb[live,{tense}]> <Spot>", "<Verb><Spot>", weight)
        book.add(f"Live[{number},d]", "<Verb[get,past]> <Goods>", "<Verb><Goods>", 0.8)
    book.add("Friend[d]", "<NP[person,n]>", "<NP>", 0.85)
    book.add("Friend[d]", "the <Noun[person,s]> who <Live[s,d-1]>", "<Live>的<Noun>", 0.1)
    book.add("Friend[d]", "the <Noun[person,p]> who <Live[p,d-1]>", "<Live>的<Noun>们", 0.05)
