"""The n-gram baseline against a transcription of its formulas with dictionaries and loops."""

import gzip
import json
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.reference.kneser_ney import KneserNey, main, read_documents

DOCUMENTS = st.lists(st.text("abcd", max_size=12), min_size=1, max_size=8)


def brute_force(documents, order):
    """Return a function p(symbol, history), written from the paper; symbols are strings."""
    grams = {n: Counter() for n in range(1, order + 1)}
    for document in documents:
        symbols = ["<begin>", *document, "<end>"]
        for n in grams:
            grams[n].update(tuple(symbols[i : i + n]) for i in range(len(symbols) - n + 1))
    counts = {}
    for n, plain in grams.items():
        kinds = Counter(gram[1:] for gram in grams.get(n + 1, ()))
        counts[n] = {
            gram: count if n == order or gram[0] == "<begin>" else kinds[gram]
            for gram, count in plain.items()
            if gram[-1] != "<begin>"
        }
    vocabulary = {symbol for document in documents for symbol in document} | {"<end>", "<unk>"}

    def discount(n, count):
        kinds = Counter(counts[n].values())
        c = min(count, 3)
        if c == 0:
            return 0.0
        if kinds[1] and kinds[c]:
            y = kinds[1] / (kinds[1] + 2 * kinds[2])
            d = c - (c + 1) * y * kinds[c + 1] / kinds[c]
            if 0 < d <= c:
                return d
        return c / 2

    def p(symbol, history, n):
        if n == 0:
            return 1 / len(vocabulary)
        context = tuple(history[len(history) - (n - 1) :])
        lower = p(symbol, history, n - 1)
        after = {gram[-1]: c for gram, c in counts[n].items() if gram[:-1] == context}
        total = sum(after.values())
        if total == 0:
            return lower
        gamma = sum(discount(n, c) for c in after.values()) / total
        count = after.get(symbol, 0)
        return max(count - discount(n, count), 0) / total + gamma * lower

    return lambda symbol, history: p(symbol, history, min(order, len(history) + 1))


@given(DOCUMENTS, st.integers(1, 5), st.text("abcdX", max_size=8))
def test_a_distribution_sums_to_one_and_equals_the_formulas(documents, order, context):
    got = KneserNey(documents, order).distribution(context)
    assert math.isclose(sum(got.values()), 1, rel_tol=1e-12)
    assert min(got.values()) > 0
    oracle = brute_force(documents, order)
    known = {symbol for document in documents for symbol in document}
    history = ["<begin>", *(c if c in known else "<unk>" for c in context)]
    for symbol, probability in got.items():
        assert math.isclose(probability, oracle(symbol, history), rel_tol=1e-9)


@given(DOCUMENTS, DOCUMENTS)
@settings(max_examples=10)
def test_log_probabilities_are_those_of_the_distributions(train, valid):
    model = KneserNey(train, order=3)
    wanted = []
    for document in valid:
        for i, symbol in enumerate([*document, "<end>"]):
            row = model.distribution(document[:i])
            wanted.append(math.log(row.get(symbol, row["<unk>"])))
    np.testing.assert_allclose(model.log_probabilities(valid), wanted, rtol=1e-9)


def test_longer_contexts_help_on_text_that_has_structure():
    rng = np.random.default_rng(0)
    words = ["river", "stone", "light", "under", "again"]
    texts = [" ".join(rng.choice(words, 6)) for _ in range(200)]
    bits = [
        -KneserNey(texts[:150], order).log_probabilities(texts[150:]).mean() for order in (1, 2, 5)
    ]
    assert bits[2] < 0.5 * bits[0]
    assert bits[2] < bits[1] < bits[0]


def test_without_a_document_or_an_order_it_says_so():
    with pytest.raises(ValueError, match="at least 1"):
        KneserNey([], order=2)
    with pytest.raises(ValueError, match="order 0"):
        KneserNey(["a"], order=0)


def test_the_command_reads_plain_and_gz_files(tmp_path, capsys):
    with gzip.open(tmp_path / "train.txt.gz", "wt", encoding="utf-8") as file:
        file.write("春江花\n月夜\n\n春眠不觉晓\n")
    (tmp_path / "valid.txt").write_text("春江\n\n\n明月\n", encoding="utf-8")
    assert read_documents(tmp_path / "valid.txt", "paragraph") == ["春江", "明月"]
    assert read_documents(tmp_path / "valid.txt", "whole") == ["春江\n\n\n明月\n"]
    main([str(tmp_path / "train.txt.gz"), str(tmp_path / "valid.txt"), "--order", "2"])
    figures = json.loads(capsys.readouterr().out)
    assert figures["valid_predicted"] == 6
    assert figures["valid_unknown"] == 1
    assert figures["vocabulary"] == 10 + 2
    bits = figures["total_nats"] / math.log(2)
    assert math.isclose(figures["bits_per_predicted"], bits / 6)
