"""Train a text classifier on the built-in grammar, or on your own labeled texts.

    python examples/classify_text.py
    python examples/classify_text.py --data reviews/ --epochs 5
    python examples/classify_text.py --resume --interactive

reviews/ holds train.tsv (text, label), or a folder for each label. What it writes lies in
runs/classify_text: model, tokenizer, a report, the confusion matrix, a learning curve.
"""

import argparse

import keras

import lmzoo
from lmzoo import callbacks, cli

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
# --data --tokenizer --minutes --epochs --seed --out --resume --smoke --prompt --interactive
cli.add_training_flags(parser, tokenizer="word", minutes=1.0, out="runs/classify_text")
parser.add_argument("--columns", nargs="+", help="columns or keys of text (or texts) and label")
parser.add_argument("--vectors", help="word vectors: a GloVe, word2vec or fastText file")
parser.add_argument("--dropout", type=float, default=0.5, help="dropout rate of the text's vector")


def main(args: argparse.Namespace) -> None:
    """Labeled texts in; a trained classifier, its report and predictions out."""
    keras.utils.set_random_seed(args.seed)
    run = callbacks.Checkpoint(args.out, resume=args.resume, monitor="val_accuracy", mode="max")

    # data.train and data.valid are tf.data.Datasets of (ids, labels, weights)
    data = lmzoo.data.prepare_classification(
        args.data,
        columns=args.columns,
        grammar_size=1_000 if args.smoke else 20_000,
        tokenizer=args.tokenizer,
        lowercase=True,
        max_length=256,  # longer texts are cut, and counted
        batch_size=50,
        seed=args.seed,
    )
    print(data.describe())

    model = lmzoo.build_cnn_classifier(
        data.vocab_size,
        num_classes=data.num_classes,
        embed_dim=16 if args.smoke else 128,
        filters=8 if args.smoke else 100,
        dropout=args.dropout,
    )
    model.summary()
    if args.vectors:
        found = lmzoo.pretrained.load_vectors(model, args.vectors, data.tokenizer, seed=args.seed)
        print(found.describe())

    model.compile(
        keras.optimizers.AdamW(1e-3, weight_decay=0.0, clipnorm=1.0),
        steps_per_execution=10,  # batches between two calls of the callbacks
    )  # loss and metric: cross-entropy of the classes in nats, and accuracy

    start = run.start(model, data)
    # The learning rate rises to that of the optimizer, then decays to 0 at the end.
    budget = callbacks.TimeBudget(args.minutes, epochs=args.epochs, warmup=0.05, state=start)
    curve = callbacks.LearningCurve(run.folder, state=start)
    stop = callbacks.StopOnSignal(run)
    model.fit(
        data.train,
        validation_data=data.valid,
        epochs=args.epochs or 10_000,  # the time budget ends it sooner
        initial_epoch=start["epoch"],
        callbacks=[callbacks.StopOnNaN(), budget, run, curve, stop],
    )

    report = lmzoo.evaluation.classification(model, data)
    report.save(run.folder, seed=args.seed, **run.summary())
    print(f"\n{report}\n\nwritten to {run.folder}\n")

    def classify(text: str) -> str:
        probabilities = lmzoo.classify(
            model, text, tokenizer=data.tokenizer, labels=data.labels, probabilities=True
        )
        best = sorted(probabilities, key=lambda label: -probabilities[label])[:5]
        return ", ".join(f"{label} {probabilities[label]:.1%}" for label in best)

    cli.answer_prompts(args, classify)
    print(report.json())


if __name__ == "__main__":
    with cli.errors_in_one_line("classify_text"):
        main(parser.parse_args())
