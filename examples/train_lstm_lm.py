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

# The recipe: what the model is, and how it learns.
WIDTH, SMOKE_WIDTH = 256, 16
LAYERS = 1
DROPOUT = 0.1
DEFAULTS = {
    "tokenizer": "word",
    "grammar_documents": 60_000,
    "sequence_length": 64,
    "batch_size": 32,
    "learning_rate": 4e-3,
    "minutes": 2.5,
}


def train(run: experiment.Experiment) -> None:
    """Text in; a trained model, its perplexity and generated text out."""
    data = run.prepare_lm()  # data.train yields (ids, next ids, weights)

    width = SMOKE_WIDTH if run.args.smoke else WIDTH
    model = lmzoo.build_lstm_lm(
        data.vocab_size,
        embed_dim=width,
        hidden_dim=width,
        num_layers=LAYERS,
        dropout=DROPOUT,
        tie_embeddings=True,
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(run.args.learning_rate, weight_decay=0.01, clipnorm=1.0),
        steps_per_execution=10,  # ten batches between two looks of Python
    )  # the loss is the cross-entropy of the next token, the metric its perplexity

    run.fit(model, data)  # model.fit(data.train, ...) with a budget, checkpoints and --resume
    run.report(model, data)


if __name__ == "__main__":
    experiment.main(train, name="train_lstm_lm", description=__doc__, defaults=DEFAULTS)
