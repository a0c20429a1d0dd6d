"""Train a model to sort texts into classes, of the built-in grammar or of your own.

    python examples/classify_text.py
    python examples/classify_text.py --data reviews/ --model bilstm --epochs 5 --seeds 3
    python examples/classify_text.py --resume --interactive

reviews/ holds train.tsv (text, label), or a folder for each label. Everything it makes lies in
runs/classify_text: the model, its tokenizer, a report, the confusion matrix, a curve.
"""

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is loaded

import keras

from lmzoo import experiment

# The recipe: what the model is, and how it learns. Each is a flag: --hidden-dim 256 --dropout 0.3
DEFAULTS = {
    "hidden_dim": 100,  # filters of each width
    "dropout": 0.5,
    "tokenizer": "word",
    "grammar_documents": 20_000,
    "sequence_length": 256,  # tokens of a text; what is longer is cut, and counted
    "batch_size": 50,
    "learning_rate": 1e-3,
    "minutes": 1.0,
}


def train(run: experiment.ClassifyExperiment) -> dict[str, Any]:
    """Labeled texts in; a trained model, its report and answers out."""
    data = run.prepare_classification()  # data.train yields (ids, labels, weights)

    model = run.build(data)  # lmzoo.build_cnn_classifier(...), or what --model names
    model.compile(
        optimizer=keras.optimizers.AdamW(
            run.args.learning_rate, weight_decay=run.args.weight_decay, clipnorm=1.0
        ),
        label_smoothing=run.args.label_smoothing,
        focal_gamma=run.args.focal,
        mix_up=run.args.mix_up,
        adversarial=run.args.adversarial,
        steps_per_execution=10,  # ten batches between two looks of Python
    )

    run.fit(model, data)  # model.fit(data.train, ...) with a budget, checkpoints and --resume
    return run.report(model, data)


if __name__ == "__main__":
    experiment.main(
        train,
        name="classify_text",
        description=__doc__,
        defaults=DEFAULTS,
        experiment=experiment.ClassifyExperiment,
    )
