"""Train a model that writes headlines or summaries, on the built-in grammar or your own texts.

    python examples/summarize.py
    python examples/summarize.py --data papers/ --columns abstract title --tokenizer bpe
    python examples/summarize.py --no-copy --out runs/without_copying

papers/ holds train.jsonl, train.tsv or parallel files. What it writes lies in runs/summarize:
model, tokenizer, ROUGE beside that of the first sentence, the summaries, a learning curve.
"""

import argparse

import keras

import lmzoo
from lmzoo import callbacks, cli

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
# --data --tokenizer --minutes --epochs --seed --out --resume --smoke --prompt --interactive
cli.add_training_flags(parser, minutes=3.0, out="runs/summarize", data="grammar:headlines")
parser.add_argument("--columns", nargs=2, help="columns or keys: that of the text first")
parser.add_argument("--copy", action=argparse.BooleanOptionalAction, default=True,
    help="whether words may be copied from the text")  # fmt: skip
parser.add_argument("--embed-dim", type=int, default=128, help="width of the Transformer")
parser.add_argument("--dropout", type=float, default=0.0, help="small corpora want 0.3")


def main(args: argparse.Namespace) -> None:
    """Texts and summaries in; a trained model, ROUGE and summaries out."""
    keras.utils.set_random_seed(args.seed)
    run = callbacks.Checkpoint(args.out, resume=args.resume, monitor="val_bleu", mode="max")

    # data.train and data.valid are tf.data.Datasets of ((source, target), next ids, weights)
    data = lmzoo.data.prepare_seq2seq(
        args.data,
        columns=args.columns,
        tokenizer=args.tokenizer,
        max_source_length=512,  # longer pairs are left out, and counted
        max_length=64,
        tokens_per_batch=512 if args.smoke else 2048,
        seed=args.seed,
        grammar_size=1_000 if args.smoke else 50_000,
    )
    print(data.describe())

    model = lmzoo.build_transformer_seq2seq(
        data.vocab_size,
        embed_dim=16 if args.smoke else args.embed_dim,
        hidden_dim=32 if args.smoke else 2 * args.embed_dim,
        num_layers=1 if args.smoke else 2,
        num_heads=4,
        norm_first=True,
        dropout=args.dropout,
        copy=args.copy,
    )
    model.summary()

    model.compile(
        keras.optimizers.Adam(3e-3, beta_2=0.98, clipnorm=1.0),
        # Smoothing would favor rivals of a copied word, which has none.
        loss=lmzoo.losses.CrossEntropy(label_smoothing=0.0 if args.copy else 0.1),
        steps_per_execution=10,  # batches between two calls of the callbacks
    )

    # The best model is that with the highest BLEU of greedy answers.
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
    report.metrics |= lmzoo.evaluation.lead_baseline(data)  # ROUGE of each text's first sentence
    report.save(run.folder, seed=args.seed, **run.summary())
    print(f"\n{report}\n\nwritten to {run.folder}\n")

    def summarize(text: str) -> str:
        return lmzoo.answer(model, [text], tokenizer=data.tokenizers)[0]

    cli.answer_prompts(args, summarize)
    print(report.json())


if __name__ == "__main__":
    with cli.errors_in_one_line("summarize"):
        main(parser.parse_args())
