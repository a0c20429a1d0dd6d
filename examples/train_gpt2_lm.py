"""Train a small GPT-2 on the built-in grammar, or on your own text.

    python examples/train_gpt2_lm.py
    python examples/train_gpt2_lm.py --data my_text.txt --tokenizer char --minutes 10

What it writes lies in runs/train_gpt2_lm: model, tokenizer, metrics, a learning curve.
"""

import argparse

import keras

import lmzoo
from lmzoo import callbacks, cli

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
# --data --tokenizer --minutes --epochs --seed --out --resume --smoke --prompt --interactive
cli.add_training_flags(parser, tokenizer="word", minutes=1.5, out="runs/train_gpt2_lm")
parser.add_argument("--embed-dim", type=int, default=128, help="width of the model")
parser.add_argument("--dropout", type=float, default=0.0, help="texts that repeat want 0.2 to 0.5")


def main(args: argparse.Namespace) -> None:
    """Text in; a trained model, its perplexity and generated text out."""
    keras.utils.set_random_seed(args.seed)
    run = callbacks.Checkpoint(args.out, resume=args.resume)  # the best model and the last one

    # data.train and data.valid are tf.data.Datasets of (ids, next ids, weights)
    data = lmzoo.data.prepare_lm(
        args.data,
        tokenizer=args.tokenizer,
        sequence_length=64,
        batch_size=16,
        grammar_size=4_000 if args.smoke else 60_000,
        seed=args.seed,
    )
    print(data.describe())

    model = lmzoo.build_gpt2_lm(
        data.vocab_size,
        embed_dim=16 if args.smoke else args.embed_dim,
        num_layers=1 if args.smoke else 4,
        num_heads=4,
        max_length=64,  # learned positions end somewhere
        dropout=args.dropout,
    )
    model.summary()

    model.compile(
        # Muon for the matrices of the blocks, Adam at half its rate for everything else
        keras.optimizers.Muon(6e-3, adam_lr_ratio=0.5, exclude_layers=["embedding", "head"]),
        steps_per_execution=10,  # batches between two calls of the callbacks
    )  # loss and metric: cross-entropy of the next token in nats, and its perplexity

    start = run.start(model, data)
    budget = callbacks.TimeBudget(args.minutes, epochs=args.epochs, warmup=0.05, state=start)
    curve = callbacks.LearningCurve(run.folder, state=start)
    stop = callbacks.StopOnSignal(run)
    validation = callbacks.PeriodicValidation(data.valid, every_steps=300, state=start)
    model.fit(
        data.train,
        validation_data=data.valid,
        epochs=args.epochs or 10_000,  # the time budget ends it sooner
        initial_epoch=start["epoch"],
        callbacks=[callbacks.StopOnNaN(), budget, validation, run, curve, stop],
    )

    report = lmzoo.evaluation.language_model(model, data, samples=50 if args.smoke else 1000)
    report.save(run.folder, seed=args.seed, **run.summary())
    print(f"\n{report}\n\nwritten to {run.folder}\n")

    generator = lmzoo.generation.TextGenerator(
        model, data.tokenizer, documents=data.saved_task.has_documents, seed=args.seed
    )
    generator.show()  # a document from its beginning
    cli.answer_prompts(args, generator.stream)
    print(report.json())


if __name__ == "__main__":
    with cli.errors_in_one_line("train_gpt2_lm"):
        main(parser.parse_args())
