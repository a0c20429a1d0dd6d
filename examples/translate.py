"""Train a model to translate, on the built-in grammar or on your own pairs of texts.

    python examples/translate.py
    python examples/translate.py --data corpus/ --fields en de --tokenizer bpe --minutes 60
    python examples/translate.py --model lstm
    python examples/translate.py --resume --interactive

corpus/ holds train.en, train.de, valid.en, ... or train.tsv, ... Everything it makes lies in
runs/translate: the model, its tokenizer, BLEU, the answers, a curve.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is loaded

import keras

from lmzoo import experiment

# The recipe: what the model is, and how it learns. Each is a flag: --hidden-dim 256 --dropout 0.3
DEFAULTS = {
    "hidden_dim": 128,
    "num_layers": 3,
    "dropout": 0.0,  # the grammar never repeats itself; small corpora want 0.3
    "tokenizer": "word",
    "grammar_documents": 50_000,
    "sequence_length": 128,  # longer pairs are left out, and counted
    "learning_rate": 3e-3,
    "minutes": 4.0,
}


def train(run: experiment.Seq2SeqExperiment) -> None:
    """Pairs in; a trained model, BLEU and translations out."""
    data = run.prepare_seq2seq()  # data.train yields ((source, target), next ids, weights)

    model = run.build(data)  # lmzoo.build_transformer_seq2seq(...), or what --model names
    model.compile(
        optimizer=keras.optimizers.Adam(run.args.learning_rate, beta_2=0.98, clipnorm=1.0),
        label_smoothing=0.1,
        r_drop=run.args.r_drop,
        steps_per_execution=10,  # ten batches between two looks of Python
    )

    run.fit(model, data)  # model.fit(data.train, ...) with a budget, checkpoints and --resume
    run.report(model, data)


if __name__ == "__main__":
    experiment.main(
        train,
        name="translate",
        description=__doc__,
        defaults=DEFAULTS,
        experiment=experiment.Seq2SeqExperiment,
    )
