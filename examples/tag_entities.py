"""Train a model to tag words: entities, parts of speech, or an intent with its slots.

    python examples/tag_entities.py --prompt "The old farmer met Anna in the village ."
    python examples/tag_entities.py --data news/ --epochs 20 --seeds 3
    python examples/tag_entities.py --data en_ewt/ --columns FORM UPOS
    python examples/tag_entities.py --data snips/ --intents --interactive

news/ holds train.conll, valid.conll, test.conll: a word and its tag in each line. Everything it
makes lies in runs/tag_entities: the model, its vocabulary, a report, a curve.
"""

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is loaded

import keras

from lmzoo import experiment

# The recipe: what the model is, and how it learns. Each is a flag: --hidden-dim 256 --dropout 0.3
DEFAULTS = {
    "embed_dim": 100,
    "hidden_dim": 200,
    "dropout": 0.3,
    "grammar_documents": 5_000,
    "batch_size": 32,
    "learning_rate": 3e-3,
    "minutes": 1.0,
}


def train(run: experiment.TagExperiment) -> dict[str, Any]:
    """Tagged sentences in; a trained model, its span F1 and tagged sentences out."""
    data = run.prepare_tagging()  # data.train yields (words and letters, tags, weights)

    model = run.build(data)  # lmzoo.build_bilstm_crf_tagger(...), or what --model names
    model.compile(
        optimizer=keras.optimizers.AdamW(
            run.args.learning_rate, weight_decay=run.args.weight_decay, clipnorm=1.0
        ),
        label_smoothing=run.args.label_smoothing,
        focal_gamma=run.args.focal,
        steps_per_execution=5,  # batches between two looks of Python
    )

    run.fit(model, data)  # model.fit(data.train, ...) with a budget, checkpoints and --resume
    return run.report(model, data)


if __name__ == "__main__":
    experiment.main(
        train,
        name="tag_entities",
        description=__doc__,
        defaults=DEFAULTS,
        experiment=experiment.TagExperiment,
    )
