"""Column files give their words and tags, and nothing else; what is odd is named by its line."""

import gzip
from pathlib import Path

import pytest

from lmzoo.data import read_conll
from lmzoo.data.corpus import place_of
from lmzoo.errors import ArgumentError, DataError

CONLLU = """\
# newdoc id = a
# sent_id = a-1
# text = don't go
1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tdo\tdo\tAUX\tVB\t_\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
2.1\tever\tever\tADV\tRB\t_\t_\t_\t_\t_
3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\t_

# sent_id = a-2
1\t10 000\t10000\tNUM\tCD\t_\t0\troot\t_\t_
"""


def found(path, **arguments):
    return [(s["tokens"], s["tags"]) for s in read_conll(path, **arguments)]


def write(folder, name, text):
    path = Path(folder, name)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["a.conllu", "a.conllu.gz"])
def test_conllu(tmp_path, name):
    path = write(tmp_path, name, CONLLU)
    words = ["do", "n't", "go"]
    assert found(path) == [(words, ["AUX", "PART", "VERB"]), (["10 000"], ["NUM"])]
    for columns in (("form", "xpos"), ("FORM", "XPOS"), (1, 4), ("1", "-6")):
        assert found(path, columns=columns)[0] == (words, ["VB", "RB", "VB"])
    with pytest.raises(ArgumentError, match="no column 'pos': give a number from 0, or one of id"):
        found(path, columns=("form", "pos"))
    write(tmp_path, "b.conllu", "The\tDET\n")
    with pytest.raises(DataError, match=r"b\.conllu, line 1 does not begin with the number"):
        found(tmp_path / "b.conllu")


def test_iob2_of_universal_ner(tmp_path):
    text = "# text = In Rome\n1\tIn\tO\t-\t-\n2\tRome\tB-LOC\t-\tann\n"
    assert found(write(tmp_path, "a.iob2", text)) == [(["In", "Rome"], ["O", "B-LOC"])]


def test_columns_by_tabs_or_spaces(tmp_path):
    text = "-DOCSTART- -X- -X- O\n\nAnn NNP I-NP B-PER\r\nslept  VBD I-VP  O\n\n\n \t\nYes UH O O"
    path = write(tmp_path, "a.txt", text)
    assert found(path) == [(["Ann", "slept"], ["B-PER", "O"]), (["Yes"], ["O"])]
    assert found(path, columns=(0, 1))[1] == (["Yes"], ["UH"])
    assert found(path, columns=(-4, -3))[1] == (["Yes"], ["UH"])
    # A tab parts what holds spaces; white space around a cell is no part of it.
    assert found(write(tmp_path, "b", "New York \tB-LOC\n")) == [(["New York"], ["B-LOC"])]
    # A cell of nothing but white space is a word.
    assert found(write(tmp_path, "c", "a\tO\n \tO\n")) == [(["a", " "], ["O", "O"])]


def test_comments_and_the_word_number_sign(tmp_path):
    text = "# a comment of many words\nAnn\tB-PER\n#\tO\n#tag\tO\n\n# id 2\n#\tO\n"
    path = write(tmp_path, "a.conll", text)
    assert found(path) == [(["Ann", "#", "#tag"], ["B-PER", "O", "O"]), (["#"], ["O"])]
    spaced = "# O\nAnn NN\n# NN\n\n# a comment\n# odd\n# NN\n#1 CD\n\n# NN two\ny NN\n"
    path = write(tmp_path, "b.conll", spaced)
    assert [words for words, _ in found(path)] == [["#", "Ann", "#"], ["#", "#1"], ["y"]]
    with pytest.raises(DataError, match="line 2 has 3 columns, but line 1 has 2: '# in between'"):
        found(write(tmp_path, "c.conll", "x NN\n# in between\n"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x O\n10\u00a0000 B-NUM\n", ["x", "10\u00a0000"]),
        ("x\tO\n10\u00a0000\tB-NUM\n", ["x", "10\u00a0000"]),
        ("好 O\n\u3000 O\n人 O\n", ["好", "\u3000", "人"]),
        ("a\u2028b O\nc O\n", ["a\u2028b", "c"]),
        ("a O\n\t O\nb O\n", ["a", "\t", "b"]),
        ("a O\nb\tO\nc \t O\n", ["a", "b", "c"]),
        ("# SYM\n1 CD\n", ["#", "1"]),
        ("1 CD\n\n# 5\n# SYM\n", ["1", "#"]),
    ],
)
def test_only_blanks_of_ascii_separate_columns(tmp_path, text, words):
    path = write(tmp_path, "a.conll", text)
    assert [word for tokens, _ in found(path) for word in tokens] == words


def test_every_odd_line_is_named(tmp_path):
    ragged = write(tmp_path, "a.conll", "\nAnn\tNNP\tB-PER\nslept\tO\n")
    with pytest.raises(
        DataError, match=r"a\.conll, line 3 has 2 columns, but line 2 has 3: 'slept O'"
    ):
        found(ragged)
    single = write(tmp_path, "b.conll", "Ann\n")
    with pytest.raises(DataError, match="line 1 has 1 columns, so that there are no columns 0 and"):
        found(single)
    with pytest.raises(DataError, match="no columns 0 and 5"):
        found(write(tmp_path, "c.conll", "Ann O\n"), columns=(0, 5))
    with pytest.raises(DataError, match="line 1 has no tag: 'Ann"):
        found(write(tmp_path, "d.conll", "Ann\t\n"))
    for columns in ((0,), "ab", (1, 1), ("form", "upos")):
        with pytest.raises(ArgumentError, match="column"):
            found(single, columns=columns)
    with pytest.raises(DataError, match="there is no file"):
        found(tmp_path / "nowhere.conll")


def test_places_are_lines(tmp_path):
    path = write(tmp_path, "a.conll", "a O\nb O\n\n\n-DOCSTART- O\nc O\nd O\n")
    places = [[place_of(s, n) for n in range(len(s["tokens"]))] for s in read_conll(path)]
    assert places == [[f"{path}, line {n}" for n in lines] for lines in ((1, 2), (6, 7))]
