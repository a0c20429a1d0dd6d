"""Train a translator on the built-in grammar, or on your own pairs of texts.

    python examples/translate.py
    python examples/translate.py --data corpus/ --columns en de --tokenizer bpe --minutes 60
    python examples/translate.py --resume --interactive

corpus/ holds train.en, train.de, valid.en, ... or train.tsv, ... What it writes lies in
runs/translate: model, tokenizer, BLEU, the translations, a learning curve.
"""

import argparse

import keras

import lmzoo
from lmzoo import callbacks, cli

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
# --data --tokenizer --minutes --epochs --seed --out --resume --smoke --prompt --interactive
cli.add_training_flags(parser, tokenizer="word", minutes=4.0, out="runs/translate")
parser.add_argument("--columns", nargs=2, help="languages or columns: that of the source first")
parser.add_argument("--more-pairs", help="a table of more pairs to train on, source first")
parser.add_argument("--embed-dim", type=int, default=128, help="width of the Transformer")
parser.add_argument("--dropout", type=float, default=0.0, help="small corpora want 0.3")


def main(args: argparse.Namespace) -> None:
    """Pairs in; a trained model, BLEU and translations out."""
    keras.utils.set_random_seed(args.seed)
    run = callbacks.Checkpoint(args.out, resume=args.resume, monitor="val_bleu", mode="max")

    # data.train and data.valid are tf.data.Datasets of ((source, target), next ids, weights)
    pairs = lmzoo.data.read_pairs(
        args.data,
        columns=args.columns,
        grammar_size=1_000 if args.smoke else 50_000,
        seed=args.seed,
    )
    if args.more_pairs:
        pairs = pairs.concatenate(lmzoo.data.read_pairs(args.more_pairs))
    data = lmzoo.data.prepare_seq2seq(
        pairs,
        tokenizer=args.tokenizer,
        max_length=128,  # longer pairs are left out, and counted
        tokens_per_batch=512 if args.smoke else 2048,
        seed=args.seed,
    )
    print(data.describe())

    model = lmzoo.build_transformer_seq2seq(
        data.vocab_size,
        embed_dim=16 if args.smoke else args.embed_dim,
        hidden_dim=32 if args.smoke else 2 * args.embed_dim,
        num_layers=1 if args.smoke else 3,
        num_heads=4,
        norm_first=True,
        dropout=args.dropout,
    )
    model.summary()

    model.compile(
        keras.optimizers.Adam(3e-3, beta_2=0.98, clipnorm=1.0),
        loss=lmzoo.losses.CrossEntropy(label_smoothing=0.1),
        steps_per_execution=10,  # batches between two calls of the callbacks
    )

    # The best model is that with the highest BLEU of quick answers, not with the lowest loss.
    sources, references = (texts[: 20 if args.smoke else 500] for texts in data.texts("valid"))
    bleu = callbacks.BleuCallback(sources, references, tokenizer=data.tokenizers, show=0)
    start = run.start(model, data)
    budget = callbacks.TimeBudget(args.minutes, epochs=args.epochs, warmup=0.05, state=start)
    curve = callbacks.LearningCurve(run.folder, state=start)
    stop = callbacks.StopOnSignal(run)
    model.fit(
        data.train,
        validation_data=data.valid,
        epochs=args.epochs or 10_000,  # the time budget ends it sooner
        initial_epoch=start["epoch"],
        callbacks=[callbacks.StopOnNaN(), budget, bleu, run, curve, stop],
    )

    report = lmzoo.evaluation.seq2seq(
        model, data, num_beams=1 if args.smoke else 5, limit=20 if args.smoke else None
    )
    report.save(run.folder, seed=args.seed, **run.summary())
    print(f"\n{report}\n\nwritten to {run.folder}\n")

    def translate(text: str) -> str:
        return lmzoo.answer(model, [text], tokenizer=data.tokenizers)[0]

    cli.answer_prompts(args, translate)
    print(report.json())


if __name__ == "__main__":
    with cli.errors_in_one_line("translate"):
        main(parser.parse_args())
