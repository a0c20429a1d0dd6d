"""Train an LSTM language model on the built-in grammar, or on your own text.

    python examples/train_lstm_lm.py
    python examples/train_lstm_lm.py --data my_text.txt --tokenizer char --minutes 10
    python examples/train_lstm_lm.py --resume --minutes 10

What it writes lies in runs/train_lstm_lm: model, tokenizer, metrics, a learning curve.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is loaded

import argparse

import keras

import lmzoo
from lmzoo import callbacks

parser = argparse.ArgumentParser(
    description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
)
add = parser.add_argument
add("--data", default="grammar", help="grammar, grammar:zh, a file, a folder, tfds:NAME or hf:NAME")
add("--tokenizer", default="word", help="byte, char, word, whitespace, bpe, unigram or wordpiece")
add("--hidden-dim", type=int, default=256, help="width of the LSTM")
add("--dropout", type=float, default=0.0, help="dropout rate; texts that repeat want 0.2 to 0.5")
length = parser.add_mutually_exclusive_group()
length.add_argument("--minutes", type=float, help="train for so long (default: 3.4)")
length.add_argument("--epochs", type=int, help="train for so many epochs")
add("--seed", type=int, default=0, help="same seed, data and epochs: same model")
add("--out", default="runs/train_lstm_lm", help="folder for everything that is written")
add("--resume", action="store_true", help="continue the training in --out")
add("--smoke", action="store_true", help="a tiny model for a few seconds, to see that it runs")
add("--prompt", default="", help="text to continue once the model is trained")
add("--interactive", action="store_true", help="then ask for more prompts")


def main(args: argparse.Namespace) -> None:
    """Text in; a trained model, its perplexity and generated text out."""
    minutes = None if args.epochs else args.minutes or (0.05 if args.smoke else 3.4)
    keras.utils.set_random_seed(args.seed)
    run = callbacks.Checkpoint(args.out, resume=args.resume)  # the best model and the last

    # data.train yields batches of (ids, next ids, weights)
    data = lmzoo.data.prepare_lm(
        args.data,
        tokenizer=args.tokenizer,
        sequence_length=64,
        batch_size=40,
        pack=False,  # a row for each document
        grammar_size=4_000 if args.smoke else 250_000,
        seed=args.seed,
    )
    print(data.describe())

    model = lmzoo.build_lstm_lm(
        data.vocab_size,
        embed_dim=16 if args.smoke else args.hidden_dim // 2,
        hidden_dim=16 if args.smoke else args.hidden_dim,
        num_layers=1,
        dropout=args.dropout,
    )
    model.summary()

    peak = 6e-3  # the learning rate rises to it, then decays to 0: by the clock, or by steps
    if args.epochs:
        steps = args.epochs * data.steps_per_epoch
        peak = lmzoo.schedules.WarmupCosine(peak, steps, warmup_steps=steps // 20)
    model.compile(
        keras.optimizers.Adam(peak, beta_2=0.99, clipnorm=1.0),
        steps_per_execution=10,  # batches that run between two calls of the callbacks
    )  # loss and metric: cross-entropy of the next token in nats, and its perplexity

    start = run.start(model, data)  # where the training stands: at 0, unless it is resumed
    model.fit(
        data.train,
        validation_data=data.valid,
        epochs=args.epochs or 10_000,  # --minutes ends it sooner
        initial_epoch=start["epoch"],
        callbacks=[
            callbacks.StopOnNaN(),
            callbacks.TimeBudget(minutes, warmup=0.05, state=start),
            callbacks.PeriodicValidation(data.valid, every_seconds=minutes and 4 * minutes),
            run,
            callbacks.LearningCurve(run.folder, state=start),
            callbacks.StopOnSignal(run),
        ],
    )

    report = lmzoo.evaluation.language_model(model, data, samples=50 if args.smoke else 1000)
    report.save(run.folder, seed=args.seed, **run.summary())
    print(f"\n{report}\n\nwritten to {run.folder}\n")

    generator = lmzoo.generation.TextGenerator.for_data(model, data, seed=args.seed)
    generator.show(args.prompt)
    if args.interactive:
        generator.interact()
    print(report.json())


if __name__ == "__main__":
    main(parser.parse_args())
