"""Scores of texts equal those of sacreBLEU and rouge-score on random pairs, Chinese among them."""

import random

import nltk
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import rouge_scorer, tokenize

from lmzoo.errors import ArgumentError
from lmzoo.metrics import (
    Bleu,
    ChrF,
    DistinctN,
    ErrorRate,
    Rouge,
    Ter,
    choose_bleu_tokenizer,
    edit_distance,
    split_characters,
    split_words,
)
from lmzoo.metrics.text.rouge import NAMES

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
    "running",
    "houses",
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


@pytest.mark.parametrize(("chinese", "stemmer"), [(False, False), (True, False), (False, True)])
def test_rouge_equals_rouge_score(chinese, stemmer):
    words, joiner = (CHINESE, "") if chinese else (ENGLISH, " ")
    hypotheses, references = random_texts(1000, words, joiner, 2)
    tokenizer = Characters() if chinese else None
    scorer = rouge_scorer.RougeScorer(NAMES, tokenizer=tokenizer, use_stemmer=stemmer)
    split = split_characters if chinese else split_words
    rouge = Rouge(split, use_stemmer=stemmer)
    hypotheses, references = (
        [text.replace(",", "\n").replace("。", "\n") for text in texts]
        for texts in (hypotheses, references)
    )
    more = references[1:] + references[:1]
    rouge.add(hypotheses, list(zip(references, more, strict=True)))
    triples = zip(hypotheses, references, more, strict=True)
    scores = [scorer.score_multi([b, c], a) for a, b, c in triples]
    details = rouge.details()
    for name in NAMES:
        wanted = [100 * sum(score[name][place] for score in scores) / 1000 for place in range(3)]
        assert list(details[name].values()) == pytest.approx(wanted, abs=1e-6)
        assert rouge.result()[name] == details[name]["f1"]


def test_the_best_of_several_references_counts_for_rouge():
    rouge = Rouge()
    rouge.add(["a red dog"], [["no match here", "a red dog"]])
    assert rouge.result() == pytest.approx(dict.fromkeys(NAMES, 100))


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


SCRIPTS = {
    "Thai": ["ฉันรักคุณมากที่สุดในโลก", "วันนี้อากาศดีมาก", "แมวนอนบนเตียง"],
    "Lao": ["ຂ້ອຍຮັກເຈົ້າຫຼາຍ", "ມື້ນີ້ອາກາດດີ"],
    "Khmer": ["ខ្ញុំស្រឡាញ់អ្នក", "គាត់ទៅសាលារៀន", "ឆ្មាដេកលើគ្រែ"],
    "Burmese": ["ကျွန်တော်စာဖတ်နေသည်", "သူကျောင်းသွားသည်"],
    "Tibetan": ["བོད་སྐད་ཡིག", "ང་དེབ་ཀློག"],
    "kana": ["これはとてもきれいです", "わたしはごはんをたべました", "ﾃｽﾄﾃﾞｽﾖ"],
    "Japanese": ["私は昨日その本を読みました。", "彼はあまりはやく走れませんでした。"],
    "Chinese": ["他看书,我也看书。", "猫睡在床上吗"],
    "Chinese with Latin": ["我用 GPT 写代码, 很好玩", "他看的书叫 War and Peace 很厚"],
    "Korean": ["나는 어제 그 책을 읽었다", "그는 매일 학교에 간다"],
    "Russian": ["я иду на работу утром", "она читает новую книгу"],
    "Hindi": ["मैं काम पर जा रहा हूँ", "वह किताब पढ़ रही है"],
    "Arabic": ["أنا أقرأ كتابا جديدا", "هو يذهب إلى المدرسة"],
    "English": ["a dog sleeps in the house", "the cat runs home again"],
}  # fmt: skip


@pytest.mark.parametrize("script", list(SCRIPTS))
def test_perfect_texts_of_every_script_are_perfect(script):
    texts = SCRIPTS[script]
    bleu, rouge = Bleu(choose_bleu_tokenizer(texts)), Rouge()
    bleu.add(texts, texts)
    assert bleu.result() == pytest.approx(100)
    bleu.reset()
    bleu.add([text[:-1] for text in texts], texts)
    assert 40 < bleu.result() < 100
    rouge.add(texts, texts)
    assert rouge.result() == pytest.approx(dict.fromkeys(NAMES, 100))
    distinct = DistinctN(2)
    distinct.add(texts, texts)
    assert distinct.result() > 70


def test_words_of_scripts_with_vowel_marks_stay_whole_and_others_are_characters():
    assert split_words("मैं हूँ।") == ["मैं", "हूँ"]
    assert split_words("cafe\u0301 CAFÉ") == ["café", "café"]
    assert split_words("他看GPT书。") == ["他", "看", "gpt", "书"]
    distinct = DistinctN(2)
    distinct.add(["他看书", "他看书。"], ["", ""])
    assert distinct.result() == pytest.approx(100 * 3 / 5)


@given(st.text(st.characters(max_codepoint=127)))
def test_english_words_are_those_of_rouge_score(text):
    assert split_words(text) == tokenize.tokenize(text, None)


@pytest.mark.parametrize("settings", [{}, {"normalized": True, "case_sensitive": True}])
def test_ter_equals_sacrebleu(settings):
    hypotheses, references = random_texts(300, ENGLISH, " ", 3)
    ter = Ter(**settings)
    ter.add(hypotheses, references)
    wanted = sacrebleu.corpus_ter(hypotheses, [references], **settings).score
    assert ter.result() == pytest.approx(wanted)
    assert "tok:tercom" in ter.signature


@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_edit_distances_equal_nltk(first, second):
    wanted = nltk.edit_distance(first, second)
    assert edit_distance(first, second) == wanted
    assert edit_distance(list(first), tuple(second)) == wanted


def test_error_rates_count_edits_over_all_texts():
    hypotheses, references = random_texts(200, ENGLISH, " ", 4)
    for split, name in ((str.split, "wer"), (list, "cer")):
        rate = ErrorRate(split, name)
        rate.add(hypotheses, references)
        pairs = [(split(a), split(b)) for a, b in zip(hypotheses, references, strict=True)]
        edits, tokens = (
            sum(nltk.edit_distance(a, b) for a, b in pairs),
            sum(len(b) for _, b in pairs),
        )
        assert rate.result() == pytest.approx(100 * edits / tokens)
    rate = ErrorRate()
    rate.add(["a b"], [["a c d", "a b"]])
    assert (rate.name, rate.result()) == ("wer", 0.0)
    rate.add(["a"], [""])
    assert rate.result() == 50.0


def test_an_unknown_tokenizer_is_named():
    with pytest.raises(ArgumentError, match="tokenize is 'de'; sacreBLEU has none, zh, 13a"):
        Bleu("de")
