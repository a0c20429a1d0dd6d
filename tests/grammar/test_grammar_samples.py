"""Every task in both languages: the samples are those of always, and Chinese says the same."""

import hashlib
import json
import random

import pytest

from lmzoo import grammar
from lmzoo.data.tags.schemes import find_fault, spans_of
from lmzoo.errors import ArgumentError
from lmzoo.grammar.tasks import dialogue, headline

TASKS = {
    "documents": grammar.documents, "pairs": grammar.pairs, "headlines": grammar.headlines,
    "dialogues": grammar.dialogues, "labeled": grammar.labeled, "tagged": grammar.tagged,
}  # fmt: skip
# Published results were measured on these samples: another digest means other data.
DIGESTS = {
    "documents": "da21aa4fbec9e3c9", "pairs": "754e3906f5b6686e", "headlines": "eccfd9e0ec1c0e83",
    "dialogues": "68cf53967032169e", "labeled": "a18fc0dc7c86f698", "tagged": "6e78a890bef82dc4",
}  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
def test_the_samples_are_those_of_always(task):
    sample = [TASKS[task](300, seed=seed) for seed in range(3)]
    text = json.dumps(sample, ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == DIGESTS[task]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_task_has_both_languages_and_is_seeded(task, language):
    sample = TASKS[task](20, seed=4, language=language)
    assert len(sample) == 20
    assert sample == TASKS[task](20, seed=4, language=language)
    assert sample != TASKS[task](20, seed=5, language=language)
    assert TASKS[task](0, language=language) == []
    chinese = any("一" <= character <= "鿿" for character in json.dumps(sample, ensure_ascii=False))
    assert chinese == (language == "zh" or task == "pairs")
    with pytest.raises(ArgumentError, match="count is -1"):
        TASKS[task](-1, language=language)
    with pytest.raises(ArgumentError, match=r"'fr'.*supported languages: 'en' and 'zh'"):
        TASKS[task](1, language="fr")


def test_pairs_turn_round():
    assert grammar.pairs(50, language="zh") == [(b, a) for a, b in grammar.pairs(50)]


def test_a_chinese_headline_is_the_document_with_characters_left_out():
    texts = grammar.documents(2000, seed=1, language="zh")
    for text, (document, short) in zip(
        texts, grammar.headlines(2000, seed=1, language="zh"), strict=True
    ):
        assert document == text
        rest = iter(text)
        assert all(character in rest for character in short[:-1])
        assert short[-1] in "。？"
        assert short[-1] in text
        assert 3 < len(short) <= len(text)
        assert not set("，因虽所") & set(
            short.replace("，还", "").replace("，并", "").replace("，然", "")
        )


def test_headlines_keep_the_subject_in_both_languages():
    checked = 0
    for tree in grammar.derivations(1000, seed=2):
        for part in tree.children[0].children:
            if part.name == "Subj" and part.children[0].name == "Whole":
                for language, gap in (("en", " "), ("zh", "")):
                    assert gap.join(part.units(language)) in headline(tree, language)
                checked += 1
    assert checked > 250


def test_chinese_dialogues_translate_the_english_ones():
    answered = 0
    for tree in grammar.derivations(600, seed=3):
        if tree.children[0].name != "First":
            continue
        english, chinese = (dialogue(tree, random.Random(0), lang) for lang in ("en", "zh"))
        assert [speaker for speaker, _ in english] == [speaker for speaker, _ in chinese]
        for (_, text), (_, translation) in zip(english[3:-2:2], chinese[3:-2:2], strict=True):
            assert (text == "You did not say.") == (translation == "你没有说。")
            if translation != "你没有说。":
                assert translation[:-1] in chinese[0][1]
                answered += 1
    assert answered > 500


def test_chinese_entities_are_those_of_the_english():
    texts = grammar.documents(2000, seed=1, language="zh")
    english = grammar.tagged(2000, seed=1)
    chinese = grammar.tagged(2000, seed=1, language="zh")
    found = set()
    for text, (_, tags), (characters, marks) in zip(texts, english, chinese, strict=True):
        assert "".join(characters) == text
        assert find_fault(marks, "IOB2") is None
        kinds = [sorted(kind for kind, *_ in spans_of(t, "IOB2")) for t in (tags, marks)]
        assert kinds[0] == kinds[1]
        found |= {(k, "".join(characters[a:b])) for k, a, b in spans_of(marks, "IOB2")}
    assert {("PER", "彼得"), ("LOC", "上海"), ("DATE", "每天"), ("TIME", "差一刻九点")} <= found
    assert {("ROLE", "她的妹妹们"), ("ROLE", "飞行员们"), ("EVENT", "音乐会")} <= found


def test_a_label_does_not_depend_on_the_language():
    for kind in ("sentiment", "topic"):
        english, chinese = (
            grammar.labeled(200, seed=1, kind=kind, language=lang) for lang in ("en", "zh")
        )
        assert [label for _, label in english] == [label for _, label in chinese]
        assert all(grammar.parses(text, language="zh") for text, _ in chinese)
