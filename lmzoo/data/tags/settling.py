"""Tagged corpora: their scheme is found, their tags are checked or repaired, or converted."""

from collections import Counter
from itertools import islice

from lmzoo.data.corpus import Corpus, Located, Record, place_of
from lmzoo.data.tags import schemes
from lmzoo.errors import ArgumentError, DataError

PLAIN = "plain"


def settle_tags(
    corpus: Corpus, scheme: str | None = None, *, repair: bool = False
) -> tuple[Corpus, str | None]:
    """Finds the scheme of the tags, None for plain ones, and checks or repairs all sentences."""
    if scheme not in (None, PLAIN, *schemes.SCHEMES):
        raise ArgumentError(
            f"scheme is {scheme!r}; choose one of {', '.join(schemes.SCHEMES)}, {PLAIN}"
        )
    notes = []
    if scheme != PLAIN and (new := _new_spelling(corpus)):
        corpus = corpus.map(
            lambda record: {**record, "tags": [new.get(tag, tag) for tag in record["tags"]]}
        )
        shown = ", ".join(f"{old} as {name}" for old, name in list(new.items())[:4])
        notes.append(f"tags are spelled as the schemes have them: {shown}")
    if scheme is None:
        scheme = schemes.detect_scheme(record["tags"] for record in corpus.read())
    scheme = None if scheme == PLAIN else scheme
    have_intents = {"intent" in record for record in islice(corpus.read(), 1)}
    for split in corpus.splits:
        counts: Counter[str] = Counter()
        for number, record in enumerate(corpus.read(split)):
            if not isinstance(record, Located):
                record = Located(record, f"{corpus.name}, {split}, sentence {number:,}")
            if len(have_intents | {"intent" in record}) > 1:
                raise DataError(
                    f"{place_of(record)}: some sentences have an intent, others none; give all of "
                    "them one, or leave the intents out with columns"
                )
            if not repair:
                _check(record, scheme)
            _repair(record, scheme, counts)
        if counts["tokens"]:
            notes.append(f"{split}: {counts['tokens']:,} empty tokens were left out")
        if counts["tags"]:
            notes.append(
                f"{split}: {counts['tags']:,} tags of {counts['sentences']:,} sentences broke "
                f"{scheme} and were repaired"
            )
    settled = corpus.map(lambda record: _repair(record, scheme, Counter()))
    return Corpus(corpus.name, settled.splits, corpus.notes + notes, corpus.grammar), scheme


def _new_spelling(corpus: Corpus) -> dict[str, str]:
    """The tags of all splits that are spelled otherwise than in the schemes, and how they are."""
    records = (record for split in corpus.splits for record in corpus.read(split))
    return schemes.respelled({tag for record in records for tag in record["tags"]})


def _check(record: Record, scheme: str | None) -> None:
    """Refuses what would have to be repaired."""
    if "" in record["tokens"]:
        place = place_of(record, record["tokens"].index(""))
        raise DataError(f"{place}: the token is empty; fill it, or repair=True leaves it out")
    fault = schemes.find_fault(record["tags"], scheme) if scheme else None
    if fault and all(map(schemes.is_span_tag, record["tags"])):
        raise DataError(
            f"{place_of(record, fault[0])}: {fault[1]}; correct it, say scheme= if it is another, "
            "or read with repair=True"
        )


def _repair(record: Record, scheme: str | None, counts: Counter[str]) -> Record:
    """The sentence without empty tokens and with repaired tags; itself if it has no fault."""
    tokens, tags = record["tokens"], record["tags"]
    if "" in tokens:
        kept = [number for number, token in enumerate(tokens) if token]
        counts["tokens"] += len(tokens) - len(kept)
        tokens, tags = ([values[number] for number in kept] for values in (tokens, tags))
        place, lines = getattr(record, "place", ""), getattr(record, "lines", ())
        lines = [lines[number] for number in kept] if lines else ()
        record = Located({**record, "tokens": tokens, "tags": tags}, place, lines)
    fault = schemes.find_fault(tags, scheme) if scheme else None
    if not fault or not scheme:
        return record
    if not all(map(schemes.is_span_tag, tags)):
        raise DataError(
            f'{place_of(record, fault[0])}: {fault[1]}; correct it, or say scheme="plain" if tags '
            "mark no spans"
        )
    tags, count = schemes.repair_tags(tags, scheme)
    counts.update(tags=count, sentences=1)
    return {**record, "tags": tags}


def in_scheme(corpus: Corpus, source: str | None, target: str | None) -> tuple[Corpus, str | None]:
    """Converts the tags of a corpus to the scheme to train on: its own, IOB2 if that is IOB1."""
    if source is None:
        if target is not None:
            raise ArgumentError(
                f"scheme is {target!r}, but the tags of {corpus.name} mark no spans"
            )
        return corpus, None
    wanted = schemes.check_scheme(target or ("IOB2" if source == "IOB1" else source))
    if wanted == source:
        return corpus, source

    def converted(record: Record) -> Record:
        return {**record, "tags": schemes.convert_tags(record["tags"], source, wanted)}

    return corpus.map(converted, note=f"tags written in {wanted} instead of {source}"), wanted
