"""Rare classes: what class weights and focal loss do to macro F1, for texts and for tags.

    python benchmarks/imbalance.py ../shared/data

Texts: subjective sentences are made fifty times rarer than objective ones in training; the test
part is scored as if it were 1:50 too (each rare text counts a fiftieth) and as it is, 1:1. Tags:
WNUT17, where nineteen words of twenty are no entities; macro F1 over all tags of the test part.
Focal loss is tried alone and, as its authors use it, balanced by class weights.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import lmzoo
from lmzoo.data import class_weights, weigh_classes

RATIO = 50
RARE = "subjective"
LOSSES = ("plain", "class weights", "focal", "balanced focal")


def main() -> None:
    """Trains every loss with every seed, and prints means and deviations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {}
    for seed in range(args.seeds):
        for data, part in ((texts(args.data, seed), of_texts), (tags(args.data, seed), of_tags)):
            for loss in LOSSES:
                keras.utils.set_random_seed(seed)
                found, name = part(data, loss), f"{part.__name__.removeprefix('of_')}, {loss}"
                print(f"{name}, seed {seed}: {found}", flush=True)
                runs.setdefault(name, []).append(found)
                keras.utils.clear_session()
    for kind in ("texts", "tags"):
        print(lmzoo.metrics.deviation_table({n: r for n, r in runs.items() if n.startswith(kind)}))
    means = {name: lmzoo.metrics.mean_and_deviation(found) for name, found in runs.items()}
    print(json.dumps({"seed": 0, "seeds": args.seeds, **means}))


def texts(folder: Path, seed: int) -> Any:
    """Subj, a fifth of it for the test, and of the rest a sample of 50:1."""
    source = lmzoo.data.read_labeled(folder / "sentiment" / "subj", format="files")
    records = list(source.read("train"))
    held = lmzoo.data.stratified_split(
        [record["label"] for record in records],
        0.2,
        seed,
        texts=[record["text"] for record in records],
    )
    rest = [record for record, is_held in zip(records, held, strict=True) if not is_held]
    return lmzoo.data.prepare_classification(
        {
            "train": lmzoo.data.imbalanced(rest, RATIO, rare=RARE, seed=seed),
            "test": [record for record, is_held in zip(records, held, strict=True) if is_held],
        },
        lowercase=True,
        valid_fraction=0.0,
        seed=seed,
    )


def of_texts(data: Any, loss: str) -> dict[str, float]:
    """Trains a CNN with a loss; macro F1 of the test part, at 1:50 and at 1:1."""
    model = lmzoo.build_cnn_classifier(data.vocab_size, embed_dim=128)
    gamma = 2.0 if "focal" in loss else 0.0
    model.compile(keras.optimizers.Adam(1e-3), lmzoo.losses.ClassCrossEntropy(focal_gamma=gamma))
    model.fit(weighted(data, loss, 1.0), epochs=8, verbose=0)
    labels, logits = [], []
    for ids, truth, weights in data.test:
        real = weights.numpy() > 0
        labels.append(truth.numpy()[real])
        logits.append(model.predict_on_batch(ids)[real])
    truth, found = np.concatenate(labels), np.concatenate(logits)
    rows = np.where(truth == data.labels.index(RARE), 1 / RATIO, 1.0)
    report = lmzoo.metrics.classification_report
    return {
        "f1_at_50": report(truth, found, data.labels, weights=rows).values()["f1_macro"],
        "f1_at_1": report(truth, found, data.labels).values()["f1_macro"],
    }


def tags(folder: Path, seed: int) -> Any:
    """WNUT17."""
    source = lmzoo.data.read_tagged(folder / "tagging" / "wnut17", repair=True)
    return lmzoo.data.prepare_tagging(source, characters=False, seed=seed)


def of_tags(data: Any, loss: str) -> dict[str, float]:
    """Trains a BiLSTM with softmax and a loss; macro F1 over tags, and span F1, of the test."""
    model = lmzoo.build_bilstm_crf_tagger(
        data.vocab_size, num_tags=data.num_tags, hidden_dim=100, crf=False
    )
    gamma = 2.0 if "focal" in loss else 0.0
    model.compile(keras.optimizers.Adam(3e-3), lmzoo.losses.TagCrossEntropy(focal_gamma=gamma))
    model.fit(weighted(data, loss, 0.5), epochs=8, verbose=0)
    truth, found, span_f1 = [], [], lmzoo.metrics.SpanF1()
    for words, wanted, weights in data.test:
        chosen, real = model.decode(words.numpy()), weights.numpy() > 0
        truth.append(wanted.numpy()[real])
        found.append(chosen[real])
        for row, other, mask in zip(chosen, wanted.numpy(), real, strict=True):
            if mask.any():
                names = [[data.tags[tag] for tag in line[mask]] for line in (row, other)]
                span_f1.add(*([one] for one in names))
    report = lmzoo.metrics.classification_report(
        np.concatenate(truth), np.concatenate(found), data.tags
    )
    return {"f1_of_tags": report.values()["f1_macro"], "span_f1": span_f1.result()["f1"]}


def weighted(data: Any, loss: str, power: float) -> Any:
    """The training batches, weighted by the rarity of their labels if the loss is such."""
    if loss in ("plain", "focal"):
        return data.train
    return data.train.apply(weigh_classes(class_weights(data.class_counts, power=power)))


if __name__ == "__main__":
    main()
