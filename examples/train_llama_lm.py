"""Train a small modern Transformer on the built-in grammar, or on your own text.

    python examples/train_llama_lm.py
    python examples/train_llama_lm.py --data my_text.txt --tokenizer char --minutes 10

Rotary positions, RMSNorm, normalized queries and keys, squared ReLU: of the examples, this recipe
learns the most from a minute. Everything it makes lies in runs/train_llama_lm: the model, its
tokenizer, the figures, a curve.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is loaded

import keras

import lmzoo
from lmzoo import experiment

# The recipe: what the model is, and how it learns. Each is a flag: --hidden-dim 256 --dropout 0.2
DEFAULTS = {
    "hidden_dim": 128,
    "num_layers": 2,
    "dropout": 0.0,  # the grammar never repeats itself; small texts want 0.2 to 0.3
    "tokenizer": "word",
    "grammar_documents": 60_000,
    "sequence_length": 64,
    "batch_size": 16,
    "learning_rate": 2e-2,  # 1e-2 for larger models
    "minutes": 1.5,
}


def train(run: experiment.Experiment) -> None:
    """Text in; a trained model, its perplexity and generated text out."""
    data = run.prepare_lm()  # data.train yields (ids, next ids, weights)

    model = lmzoo.build_llama_lm(
        data.vocab_size,
        embed_dim=run.args.hidden_dim,
        hidden_dim=4 * run.args.hidden_dim,
        num_layers=run.args.num_layers,
        num_heads=4,
        activation="relu2",
        qk_norm=True,
        adaptive_cutoffs=run.adaptive_cutoffs(data),  # rare words of a large vocabulary are cheap
        dropout=run.args.dropout,
    )
    model.compile(
        # Muon for the matrices of the blocks, Adam at half its rate for everything else.
        optimizer=keras.optimizers.Muon(
            run.args.learning_rate,
            adam_lr_ratio=0.5,
            weight_decay=0.1,
            exclude_layers=["embedding", "head"],
        ),
        steps_per_execution=10,  # ten batches between two looks of Python
    )  # the loss is the cross-entropy of the next token, the metric its perplexity

    run.fit(model, data)  # model.fit(data.train, ...) with a budget, checkpoints and --resume
    run.report(model, data)


if __name__ == "__main__":
    experiment.main(train, name="train_llama_lm", description=__doc__, defaults=DEFAULTS)
