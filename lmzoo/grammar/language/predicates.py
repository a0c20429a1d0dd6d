"""Predicates: what people and animals do, feel and know."""

from lmzoo.grammar.rules import RuleBook

# Tense, auxiliaries and states: English and Chinese before the verb.
_TENSES = (("past", "", ""), ("present", "", ""), ("future", "will", "会"))
_PREDICATES = """
Pred[k,$t]  0.75 $will <Do[k,form($t,k)]> | $hui<Do>
            0.25 <Aux[$t,number(k)]> <Do[k,base]> | <Aux><Do>
Fond[h,$t]  1     $will <Verb[know,form($t,h)]> <Person[h]> | $hui<Verb><Person>
Both[k,$t]  0.5 $will <Do[k,form($t,k)]#a> and <Do[k,form($t,k)]#b> | $hui<Do#a>，还$hui<Do#b>
            0.5 $will <Do[k,form($t,k)]#a> and then <Do[k,form($t,k)]#b> \
                  | $hui<Do#a>，然后$hui<Do#b>
Both[h,$t]  0.6 $will <Verb[get,form($t,h)]#a> <NP[thing,n]> and <Verb[give,form($t,h)]#b> <It[n]> \
                  to <Person[h]> | $hui<Verb#a><NP>，并把<It><Verb#b><Person>
"""
_PEOPLE = """
Do[h,v]   0.64 <Act[h,v]> <Manner>?0.12 <Place[h]>?0.4 | <Place><Manner><Act>
          0.12 <Verb[rest,v]> <Manner>?0.35 <With[h]>?0.3 <Place[h]> | <With><Place><Manner><Verb>
          0.1 <Verb[go,v]> to <Goal> <Means>?0.5 | <Means><Verb><Goal>
          0.09 <Verb[walk,v]> to <Walk> <With[h]>?0.4 | <With><Verb><Walk>
          0.05 <Verb[self,v]> <Self[h]> <Place[h]> | <Place><Verb>
With[h]   1     with <Person[h]> | 和<Person>一起
Act[h,v]  0.2 <Verb[get,v]> <Ware[h]> | <Verb><Ware>
          0.13 <Verb[eat,v]> <Meal[h]> | <Verb><Meal>
          0.09 <Verb[drink,v]> <Drink[h]> | <Verb><Drink>
          0.12 <Verb[write,v]> <Obj[text,h]> | <Verb><Obj>
          0.12 <Verb[wear,v]> <Obj[clothes,h]> | <Verb><Obj>
          0.14 <Verb[meet,v]> <Person[h]> | <Verb><Person>
          0.1 <Verb[tend,v]> <Obj[animal,h]> | <Verb><Obj>
          0.09 <Verb[give,v]> <Ware[h]> to <Person[h]> | <Verb><Person><Ware>
"""
# What people do it to.
_OBJECTS = """
Ware[h]    0.45 <Obj[thing,h]> | <Obj>; 0.2 <Obj[fruit,h]> | <Obj>
           0.15 <Obj[text,h]> | <Obj>; 0.2 <Obj[clothes,h]> | <Obj>
Goods      0.45 <NP[thing,n]> | <NP>; 0.2 <NP[fruit,n]> | <NP>
           0.15 <NP[text,n]> | <NP>; 0.2 <NP[clothes,n]> | <NP>
Meal[h]    0.6 <Obj[fruit,h]> | <Obj>; 0.4 <Stuff[food]> | <Stuff>
Drink[h]   0.4 <Stuff[drink]> | <Stuff>
           0.6 <Cup[n]> of <Adj[food]>?0.15 <Mass[drink]> | <Cup><Adj><Mass>
Person[h]  0.4 <NP[person,n]> | <NP>; 0.28 <Poss[h]> <Noun[kin,s]> | <Poss><Noun>
           0.06 <Poss[h]> <Noun[kin,p]> | <Poss><Noun>们
           0.06 <Poss[h]> <Number> <Noun[kin,p]> | <Poss><Number>个<Noun>
           0.2 <Name[other]> | <Name>
"""
_OBJECT = """
Obj[$kind,h]  0.85 <NP[$kind,n]> | <NP>
              0.15 <Poss[h]> <Noun[$kind,n]> | <Poss><Noun>
"""
_ANIMALS = """
Do[u,v]  0.36 <Verb[roam,v]> <Manner>?0.2 <Place[u]> | <Place><Manner><Verb>
         0.28 <Verb[chase,v]> <NP[animal,n]> <Place[u]>?0.5 | <Place><Verb><NP>
         0.2 <Verb[graze,v]> <Stuff[fodder]> <Place[u]> | <Place><Verb><Stuff>
         0.09 <Verb[seek,v]> <Poss[u]> mother <Place[u]> | <Place><Verb><Poss>妈妈
         0.07 <Verb[shake,v]> <Self[u]> <Place[u]> | <Place><Verb>
"""


def add_predicates(book: RuleBook) -> None:
    """Add every rule below `Pred` and `Both`, down to noun phrases and verbs."""
    for t, will, hui in _TENSES:
        book.read(_PREDICATES, {"t": t, "will": will, "hui": hui})
    for table in (_PEOPLE, _OBJECTS, _ANIMALS):
        book.read(table)
    for kind in ("thing", "fruit", "text", "clothes", "animal"):
        book.read(_OBJECT, {"kind": kind})
