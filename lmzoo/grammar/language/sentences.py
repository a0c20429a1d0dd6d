"""Documents, sentences, clauses and the subjects of sentences."""

from lmzoo.grammar.language import lexicon
from lmzoo.grammar.rules import RuleBook

# A statement, perhaps another about the same subject; or a question.
_DOCUMENTS = """
Document   0.94 <First[k,t]> <Tail[k,t]> | <First><Tail>; 0.06 <Question[k,t]> | <Question>
Tail[k,t]  0.82 |; 0.18 <Next[k,t]> | <Next>
Next[k,t]  0.24 <Then[t]> <Pron[k]> <Pred[k,t]> . | <Then><Pron><Pred>。
           0.2 <Then[t]> <Pron[k]> <Both[k,t]> . | <Then><Pron><Both>。
           0.24 <Pron[k]> <Pred[k,t]> <Time[t]> . | <Pron><Time><Pred>。
           0.16 <Pron[k]> <Pred[k,t]> because <Reason[k,t]> . | <Pron><Pred>，因为<Reason>。
           0.16 <When[t]> , <Pron[k]> <Pred[k,t]> . | <When>，<Pron><Pred>。
"""

# First sentences, by what surrounds the main clause.
_STATEMENTS = """
First[k,t]  0.34 <Subj[k]> <Pred[k,t]> <Time[t]>?0.65 . | <Subj><Time><Pred>。
            0.14 <Day[t]> , <Subj[k]> <Pred[k,t]> . | <Day>，<Subj><Pred>。
            0.12 <When[t]> , <Subj[k]> <Pred[k,t]> . | <When>，<Subj><Pred>。
            0.05 although <Cause[by(t)]> , <Subj[k]> <Pred[k,t]> . | 虽然<Cause>，<Subj>还是<Pred>。
            0.1 <Subj[k]> <Pred[k,t]> because <Reason[k,t]> . | <Subj><Pred>，因为<Reason>。
            0.06 <Weather[t]> , so <Subj[k]> <Pred[k,t]> . | <Weather>，所以<Subj><Pred>。
            0.09 <Subj[k]> <Both[k,t]> . | <Subj><Both>。
            0.05 <Subj[k]> <Is[t,number(k)]> <Mood> because <Cause[by(t)]> . \
                  | <Subj><Is><Mood>，因为<Cause>。
First[h,t]  0.05 there <There[t,number(h)]> <Some[h]> <Spot> <Time[t]>?0.8 . \
                  | <Time><Spot><There><Some>。
            0.06 <Subj[h]> <Verb[say,said(t,h)]> that <Clause[h,t,1]> . | <Subj><Verb><Clause>。
            0.05 <Subj[h]> <Fond[h,t]> because <Pron[h]> <Is[now(t),number(h)]> <Mood> . \
                  | <Subj><Fond>，因为<Pron><Is><Mood>。
First[u,t]  0.05 there <There[t,number(u)]> <Some[u]> <Wild> <Time[t]>?0.8 . \
                  | <Time><Wild><There><Some>。
"""
_QUESTIONS = """
Question[k,past]    1 did <Subj[k]> <Do[k,base]> <Day[past]>?0.6 ? | <Subj><Day>有没有<Do>？
Question[k,future]  1 will <Subj[k]> <Do[k,base]> <Day[future]>?0.6 ? | <Subj><Day>会<Do>吗？
"""
_PRESENT_QUESTION = """
Question[$k,present]  1 $do <Subj[$k]> <Do[$k,base]> <Day[present]>?0.6 ? | <Subj><Day><Do>吗？
"""

# What is said, why, when, and the weather.
_CLAUSES = """
Clause[h,t,d]     0.42 <Pron[h]> <Pred[h,t]> | <Pron><Pred>
Reason[k,t]       0.6 <Pron[k]> <Is[now(t),number(k)]> <Mood> | <Pron><Is><Mood>
                  0.4 <Cause[by(t)]> | <Cause>
Cause[past]       0.75 <Event[past]> | <Event>; 0.25 it was <Weather> | 天气很<Weather>
Cause[s]          0.75 <Event[s]> | <Event>; 0.25 it is <Weather> | 天气很<Weather>
When[t]           0.5 when <Event[at(t)]> | <Event>的时候; 0.25 after <Event[at(t)]> | <Event>之后
                  0.25 before <Event[at(t)]> | <Event>之前
Air               0.6 <Wild> | <Wild>; 0.4 in <City> | <City>
Weather[past]     0.5 it <Rain[past]> <Air> | <Air><Rain>
                  0.5 it was <Weather> <Air> | <Air>很<Weather>
Weather[present]  0.5 it often <Rain[s]> <Air> | <Air>经常<Rain>
                  0.5 it is often <Weather> <Air> | <Air>经常很<Weather>
Weather[future]   0.5 it will <Rain[base]> <Air> | <Air>会<Rain>
                  0.5 it will be <Weather> <Air> | <Air>会很<Weather>
"""
_REPORTED = """
Clause[$h,t,d]  0.23 <Subj[$k]> <Pred[$k,t]> | <Subj><Pred>
                0.06 <Whole[$k]> <Verb[say,said(t,$k)]> that <Clause[$k,t,d-1]> \
                      | <Whole><Verb><Clause>
"""
_EVENT = "Event[$form]  $size  the <Thing[$group]> <Happen[$group,$form]> | <Thing><Happen>"

# Whom a sentence is about: a name, a noun phrase, or one with a relative clause.
_SUBJECTS = """
Subj[h]          0.4 <Whole[h]> | <Whole>
Whole[m]         1 <Name[m]> | <Name>
Whole[f]         1 <Name[f]> | <Name>
Whole[p]         1 <Name[m]#a> and <Name[other]#b> | <Name#a>和<Name#b>
                 1 <Name[f]#a> and <Name[other]#b> | <Name#a>和<Name#b>
Rel[man,n,d]     1 who <Live[n,d]> | <Live>
Rel[woman,n,d]   1 who <Live[n,d]> | <Live>
Rel[person,n,d]  1 who <Live[n,d]> | <Live>
Rel[animal,n,d]  1 that <Verb[chase,past]> <NP[animal,s]> | <Verb><NP>
Friend[d]        0.85 <NP[person,n]> | <NP>
                 0.1 the <Noun[person,s]> who <Live[s,d-1]> | <Live>的<Noun>
                 0.05 the <Noun[person,p]> who <Live[p,d-1]> | <Live>的<Noun>们
"""
_SUBJECT = """
Subj[$k]  0.5 <NP[$kind,$n]> | <NP>
          0.1 the <Noun[$kind,$n]> <Rel[$kind,$n,1]> | <Rel>的<Noun>$men
Some[$k]  1 <Any[$kind,$n]> | <Any>
"""
_LIFE = """
Live[$n,d]  0.6 <Verb[know,$form]> <Friend[d]> | <Verb><Friend>
            0.6 <Verb[live,$form]> <Spot> | <Verb><Spot>
            0.4 <Verb[know,past]> <Friend[d]> | <Verb><Friend>
            0.4 <Verb[live,past]> <Spot> | <Verb><Spot>
            0.8 <Verb[get,past]> <Goods> | <Verb><Goods>
"""
_KINDS = {"m": "man", "f": "woman", "p": "person", "a": "animal", "b": "animal"}


def number(k: str) -> str:
    """The grammatical number of a subject."""
    return "p" if k in "pb" else "s"


def add_sentences(book: RuleBook) -> None:
    """Add documents, sentences, clauses and subjects."""
    for table in (_DOCUMENTS, _STATEMENTS, _QUESTIONS, _CLAUSES, _SUBJECTS):
        book.read(table)
    for k, kind in _KINDS.items():
        n = number(k)
        book.read(_PRESENT_QUESTION, {"k": k, "do": "does" if n == "s" else "do"})
        book.read(_SUBJECT, {"k": k, "kind": kind, "n": n, "men": "们" if k == "p" else ""})
    for h, others in (("m", "fp"), ("f", "mp"), ("p", "mf")):
        for k in others:
            book.read(_REPORTED, {"h": h, "k": k})
    for n, form in (("s", "s"), ("p", "base")):
        book.read(_LIFE, {"n": n, "form": form})
    for form in ("past", "s", "when"):
        for group, (nouns, _) in lexicon.EVENTS.items():
            size = len(lexicon.entries(nouns))
            book.read(_EVENT, {"form": form, "group": group, "size": str(size)})
        book.read(f"Event[{form}]  2  it <Rain[{form}]> | <Rain>")
