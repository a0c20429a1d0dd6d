"""Scores of texts equal those of sacreBLEU and rouge-score on random pairs, Chinese among them."""

import random

import pytest
import sacrebleu
from rouge_score import rouge_scorer

from lmzoo.errors import ArgumentError
from lmzoo.metrics import (
    Bleu,
    ChrF,
    DistinctN,
    Rouge,
    choose_bleu_tokenizer,
    split_characters,
)

ENGLISH = [
    "the",
    "a",
    "red",
    "old",
    "dog",
    "cat",
    "house",
    "runs",
    "sleeps",
    "in",
    "on",
    "near",
    ",",
    ".",
    "!",
    "and",
    "who",
    "it's",
]
CHINESE = list("我你他们看书在家里狗猫跑。，很大小红")


def random_texts(count, words, joiner, seed):
    rng = random.Random(seed)
    texts = [joiner.join(rng.choices(words, k=rng.randint(1, 14))) for _ in range(count)]
    changed = []
    for text in texts:  # partly like the reference
        parts = text.split(joiner) if joiner else list(text)
        for _ in range(rng.randint(0, 4)):
            parts[rng.randrange(len(parts))] = rng.choice(words)
        changed.append(joiner.join(parts))
    return texts, changed


@pytest.mark.parametrize(
    ("words", "joiner", "tokenize"),
    [(ENGLISH, " ", "13a"), (ENGLISH, " ", "none"), (CHINESE, "", "zh")],
)
def test_bleu_and_chrf_equal_sacrebleu(words, joiner, tokenize):
    hypotheses, references = random_texts(1000, words, joiner, 0)
    second = random_texts(1000, words, joiner, 1)[0]
    bleu, chrf = Bleu(tokenize), ChrF()
    for first in range(0, 1000, 300):  # added in pieces
        part = slice(first, first + 300)
        pairs = list(zip(references[part], second[part], strict=True))
        bleu.add(hypotheses[part], pairs)
        chrf.add(hypotheses[part], pairs)
    streams = [references, second]
    wanted = sacrebleu.corpus_bleu(hypotheses, streams, tokenize=tokenize, force=True).score
    assert bleu.result() == pytest.approx(wanted, abs=1e-9)
    assert f"tok:{tokenize}" in bleu.signature
    assert chrf.result() == pytest.approx(sacrebleu.corpus_chrf(hypotheses, streams).score)
    bleu.reset()
    bleu.add(references, references)
    assert bleu.result() == pytest.approx(100)


class Characters:
    def tokenize(self, text):
        return split_characters(text)


@pytest.mark.parametrize("chinese", [False, True])
def test_rouge_equals_rouge_score(chinese):
    words, joiner = (CHINESE, "") if chinese else (ENGLISH, " ")
    hypotheses, references = random_texts(1000, words, joiner, 2)
    names = ["rouge1", "rouge2", "rougeL"]
    scorer = rouge_scorer.RougeScorer(names, tokenizer=Characters() if chinese else None)
    rouge = Rouge(split_characters) if chinese else Rouge()
    rouge.add(hypotheses, references)
    scores = [scorer.score(b, a) for a, b in zip(hypotheses, references, strict=True)]
    for name in names:
        mean = 100 * sum(score[name].fmeasure for score in scores) / 1000
        assert rouge.result()[name] == pytest.approx(mean, abs=1e-6)


def test_the_best_of_several_references_counts_for_rouge():
    rouge = Rouge()
    rouge.add(["a red dog"], [["no match here", "a red dog"]])
    assert rouge.result() == pytest.approx({"rouge1": 100, "rouge2": 100, "rougeL": 100})


def test_the_tokenizer_of_bleu_is_that_of_the_script():
    assert choose_bleu_tokenizer(["他看书。", "GPT 很好"]) == "zh"
    assert choose_bleu_tokenizer(["He reads.", "a b c"]) == "13a"
    assert choose_bleu_tokenizer(["他 看 书 。"], is_tokenized=True) == "none"


def test_distinct_counts_different_n_grams():
    distinct = DistinctN(2)
    distinct.add(["a b a b", "b a"], ["", ""])
    assert distinct.result() == pytest.approx(100 * 2 / 4)
    assert distinct.name == "distinct_2"


@pytest.mark.parametrize(
    ("hypotheses", "references", "told"),
    [("a", ["a"], "lists"), (["a"], [], "1 hypotheses and 0"), (["a"], [[]], "no reference")],
)
def test_missing_references_are_named(hypotheses, references, told):
    with pytest.raises(ArgumentError, match=told):
        Bleu().add(hypotheses, references)


def test_nothing_to_score_is_told():
    with pytest.raises(ArgumentError, match="no text"):
        Rouge().result()
    with pytest.raises(ArgumentError, match="n is 0"):
        DistinctN(0)
