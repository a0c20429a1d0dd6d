"""Train an LSTM language model on the built-in grammar, or on your own text.

    python examples/train_lstm_lm.py
    python examples/train_lstm_lm.py --data my_text.txt --tokenizer char --minutes 10

Everything it makes lies in runs/train_lstm_lm: the model, its tokenizer, the figures, a curve.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is loaded

import keras

import lmzoo
from lmzoo import experiment

# The recipe: what the model is, and how it learns. Each is a flag: --hidden-dim 512 --dropout 0.2
DEFAULTS = {
    "hidden_dim": 256,
    "num_layers": 1,
    "dropout": 0.0,  # the grammar never repeats itself; small texts want 0.2 to 0.5
    "tokenizer": "word",
    "grammar_documents": 250_000,
    "sequence_length": 64,
    "batch_size": 40,
    "learning_rate": 6e-3,
    "minutes": 3.4,
}


def train(run: experiment.Experiment) -> None:
    """Text in; a trained model, its perplexity and generated text out."""
    data = run.prepare_lm(pack=False)  # data.train yields (ids, next ids, weights)

    model = lmzoo.build_lstm_lm(
        data.vocab_size,
        embed_dim=run.args.hidden_dim // 2,
        hidden_dim=run.args.hidden_dim,
        num_layers=run.args.num_layers,
        dropout=run.args.dropout,
    )
    model.compile(
        optimizer=keras.optimizers.Adam(run.args.learning_rate, beta_2=0.99, clipnorm=1.0),
        steps_per_execution=10,  # ten batches between two looks of Python
    )  # the loss is the cross-entropy of the next token, the metric its perplexity

    run.fit(model, data)  # model.fit(data.train, ...) with a budget, checkpoints and --resume
    run.report(model, data)


if __name__ == "__main__":
    experiment.main(train, name="train_lstm_lm", description=__doc__, defaults=DEFAULTS)
