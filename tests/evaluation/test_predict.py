"""Predictions read a text as training read it."""

import unicodedata

import keras
import numpy as np

import lmzoo
from lmzoo.data import prepare_classification


class CountsEnds(keras.Model):
    """Class 1 if the last token that is read has an even id; `seen` holds the ids."""

    def predict_on_batch(self, x):
        self.seen = x
        last = [row[row > 0][-1] % 2 for row in x]
        return np.where(np.array(last)[:, None] == [0, 1], -9.0, 9.0)


def test_classify_reads_as_many_tokens_as_training():
    texts = [("good " * 256 + "bad " * 256, "pos"), ("bad " * 256 + "good " * 256, "neg")] * 2
    data = prepare_classification(texts, valid_fraction=0.0)
    model = CountsEnds()
    lmzoo.classify(model, texts[0][0], tokenizer=data.tokenizer, labels=data.labels)
    longest = max(batch[0].shape[1] for batch in data.train)
    assert model.seen.shape[1] == longest == 256
    assert len(set(model.seen[0].tolist())) == 1
    more = {"tokenizer": data.tokenizer, "labels": data.labels, "max_length": 300}
    lmzoo.classify(model, texts[0][0], **more)
    assert len(set(model.seen[0, :300].tolist())) == 2


def test_classify_reads_decomposed_text():
    nfc, nfd = (unicodedata.normalize(form, "café crème") for form in ("NFC", "NFD"))
    data = prepare_classification([(nfd, "a"), ("dull", "b")] * 2, valid_fraction=0.0)
    model = CountsEnds()
    seen = []
    for text in (nfc, nfd, "\ufeff" + nfd + "\r\0"):
        lmzoo.classify(model, text, tokenizer=data.tokenizer, labels=data.labels)
        seen.append(model.seen[0, :2].tolist())
        assert 1 not in seen[-1]
    assert seen[0] == seen[1] == seen[2]


class TagsAll(keras.Model):
    """Tags every word with tag 0."""

    def decode(self, inputs):
        return np.zeros(inputs.shape, np.int32)


def test_words_to_tag_are_separated_by_ascii_blanks():
    data = lmzoo.data.prepare_tagging(
        [(["10\u00a0000", "\u3000"], ["O", "O"])], characters=False, valid_fraction=0.0
    )
    words, tags = lmzoo.tag(TagsAll(), " 10\u00a0000\t\u3000 a", vocabulary=data.vocabulary)
    assert words == ["10\u00a0000", "\u3000", "a"]
    assert tags == ["O"] * 3
