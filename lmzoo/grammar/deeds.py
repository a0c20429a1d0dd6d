"""Predicates: what people and animals do, feel and know."""

from lmzoo.grammar.rules import RuleBook

# Object classes of transitive verbs, with their share among a person's deeds.
_OBJECTS = (
    ("get", "Ware", 0.2), ("eat", "Meal", 0.13), ("drink", "Drink", 0.09),
    ("write", "Obj[text,h]", 0.12), ("wear", "Obj[clothes,h]", 0.12),
    ("meet", "Person[h]", 0.14), ("tend", "Obj[animal,h]", 0.1),
)  # fmt: skip
_SHARES = {"thing": 0.45, "fruit": 0.2, "text": 0.15, "clothes": 0.2}
_TENSES = (("past", "", ""), ("present", "", ""), ("future", "will", "会"))


def add_deeds(book: RuleBook) -> None:
    """Add every rule below `Pred` and `Both`, down to noun phrases and verbs."""
    _add_predicates(book)
    _add_people(book)
    _add_objects(book)
    _add_animals(book)


def _add_predicates(book: RuleBook) -> None:
    """Tense, auxiliaries and states."""
    for t, will, hui in _TENSES:
        do = f"<Do[k,form({t},k)]>"
        book.add(f"Pred[k,{t}]", f"{will} {do}", f"{hui}<Do>", 0.75)
        book.add(f"Pred[k,{t}]", f"<Aux[{t},number(k)]> <Do[k,base]>", "<Aux><Do>", 0.25)
        book.add(
            f"Fond[h,{t}]", f"{will} <Verb[know,form({t},h)]> <Person[h]>", f"{hui}<Verb><Person>"
        )
        for then, zh in (("and", "还"), ("and then", "然后")):
            book.add(
                f"Both[k,{t}]",
                f"{will} <Do[k,form({t},k)]#a> {then} <Do[k,form({t},k)]#b>",
                f"{hui}<Do#a>，{zh}{hui}<Do#b>",
                0.5,
            )
        book.add(
            f"Both[h,{t}]",
            f"{will} <Verb[get,form({t},h)]#a> <NP[thing,n]> and <Verb[give,form({t},h)]#b> "
            "<It[n]> to <Person[h]>",
            f"{hui}<Verb#a><NP>，并把<It><Verb#b><Person>",
            0.6,
        )


def _add_people(book: RuleBook) -> None:
    """What people do."""
    do = "Do[h,v]"
    book.add(do, "<Act[h,v]> <Manner>?0.12 <Place[h]>?0.4", "<Place><Manner><Act>", 0.64)
    book.add(
        do,
        "<Verb[rest,v]> <Manner>?0.35 <With[h]>?0.3 <Place[h]>",
        "<With><Place><Manner><Verb>",
        0.12,
    )
    book.add(do, "<Verb[go,v]> to <Goal> <Means>?0.5", "<Means><Verb><Goal>", 0.1)
    book.add(do, "<Verb[walk,v]> to <Walk> <With[h]>?0.4", "<With><Verb><Walk>", 0.09)
    book.add(do, "<Verb[self,v]> <Self[h]> <Place[h]>", "<Place><Verb>", 0.05)
    book.add("With[h]", "with <Person[h]>", "和<Person>一起")
    for verb, thing, weight in _OBJECTS:
        slot = thing if "[" in thing else f"{thing}[h]"
        name = thing.partition("[")[0]
        book.add("Act[h,v]", f"<Verb[{verb},v]> <{slot}>", f"<Verb><{name}>", weight)
    book.add("Act[h,v]", "<Verb[give,v]> <Ware[h]> to <Person[h]>", "<Verb><Person><Ware>", 0.09)


def _add_objects(book: RuleBook) -> None:
    """What people do it to."""
    for kind, share in _SHARES.items():
        book.add("Ware[h]", f"<Obj[{kind},h]>", "<Obj>", share)
        book.add("Goods", f"<NP[{kind},n]>", "<NP>", share)
    for kind in (
        "thing", "fruit", "text", "clothes", "animal",
    ):  # fmt: skip
        book.add(f"Obj[{kind},h]", f"<NP[{kind},n]>", "<NP>", 0.85)
        book.add(f"Obj[{kind},h]", f"<Poss[h]> <Noun[{kind},n]>", "<Poss><Noun>", 0.15)
    book.add("Meal[h]", "<Obj[fruit,h]>", "<Obj>", 0.6)
    book.add("Meal[h]", "<Stuff[food]>", "<Stuff>", 0.4)
    book.add("Drink[h]", "<Stuff[drink]>", "<Stuff>", 0.4)
    book.add("Drink[h]", "<Cup[n]> of <Adj[food]>?0.15 <Mass[drink]>", "<Cup><Adj><Mass>", 0.6)
    book.add("Person[h]", "<NP[person,n]>", "<NP>", 0.4)
    book.add("Person[h]", "<Poss[h]> <Noun[kin,s]>", "<Poss><Noun>", 0.28)
    book.add("Person[h]", "<Poss[h]> <Noun[kin,p]>", "<Poss><Noun>们", 0.06)
    book.add("Person[h]", "<Poss[h]> <Number> <Noun[kin,p]>", "<Poss><Number>个<Noun>", 0.06)
    book.add("Person[h]", "<Name[other]>", "<Name>", 0.2)


def _add_animals(book: RuleBook) -> None:
    """What animals do."""
    do = "Do[u,v]"
    book.add(do, "<Verb[roam,v]> <Manner>?0.2 <Place[u]>", "<Place><Manner><Verb>", 0.36)
    book.add(do, "<Verb[chase,v]> <NP[animal,n]> <Place[u]>?0.5", "<Place><Verb><NP>", 0.28)
    book.add(do, "<Verb[graze,v]> <Stuff[fodder]> <Place[u]>", "<Place><Verb><Stuff>", 0.2)
    book.add(do, "<Verb[seek,v]> <Poss[u]> mother <Place[u]>", "<Place><Verb><Poss>妈妈", 0.09)
    book.add(do, "<Verb[shake,v]> <Self[u]> <Place[u]>", "<Place><Verb>", 0.07)
