"""Train a tagger on the built-in grammar, or on your own sentences: entities, tags, slots.

    python examples/tag_entities.py --prompt "The old farmer met Anna in the village ."
    python examples/tag_entities.py --data news/ --epochs 20
    python examples/tag_entities.py --data en_ewt/ --columns FORM UPOS
    python examples/tag_entities.py --data snips/ --interactive

news/ holds train.conll, valid.conll, test.conll: a word and its tag in each line. Where sentences
have an intent too (seq.in, seq.out and label in each folder), one model predicts both. What it
writes lies in runs/tag_entities: model, vocabulary, a report, a learning curve.
"""

import argparse

import keras

import lmzoo
from lmzoo import callbacks, cli

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
# --data --minutes --epochs --seed --out --resume --smoke --prompt --interactive
cli.add_training_flags(parser, tokenizer=None, minutes=1.0, out="runs/tag_entities")
parser.add_argument("--columns", nargs=2, help="columns or keys of word and tag")
parser.add_argument("--vectors", help="word vectors: a GloVe, word2vec or fastText file")
parser.add_argument("--dropout", type=float, default=0.3, help="dropout rate")


def main(args: argparse.Namespace) -> None:
    """Tagged sentences in; a trained tagger, its span F1 and tagged sentences out."""
    keras.utils.set_random_seed(args.seed)
    run = callbacks.Checkpoint(args.out, resume=args.resume, mode="max")

    # data.train and data.valid are tf.data.Datasets of ((words, characters), tags, weights)
    sentences = lmzoo.data.read_tagged(
        args.data,
        columns=args.columns,
        repair=True,  # tags that break their scheme are repaired, and counted
        grammar_size=500 if args.smoke else 5_000,
        seed=args.seed,
    )
    data = lmzoo.data.prepare_tagging(sentences, batch_size=32, seed=args.seed)
    print(data.describe())
    run.monitor = "val_f1" if data.has_spans else "val_tag_accuracy"

    encoder = lmzoo.build_lstm_encoder(
        data.vocab_size,
        embed_dim=8 if args.smoke else 100,
        hidden_dim=16 if args.smoke else 200,
        characters="cnn",
        num_characters=data.num_characters,
        dropout=args.dropout,
    )
    model = lmzoo.build_tagger(
        encoder,
        num_tags=data.num_tags,
        num_intents=data.num_intents,
        forbidden=data.forbidden,  # transitions that the tags' scheme rules out
        dropout=args.dropout,
    )  # a CRF decodes the tags jointly
    model.summary()
    if args.vectors:
        found = lmzoo.pretrained.load_vectors(model, args.vectors, data.tokenizer, seed=args.seed)
        print(found.describe())

    model.compile(
        keras.optimizers.AdamW(3e-3, weight_decay=0.0, clipnorm=1.0),
        steps_per_execution=5,  # batches between two calls of the callbacks
    )  # loss: negative log-likelihood of the tags in nats per word

    start = run.start(model, data)
    # The learning rate rises to that of the optimizer, then decays to 0 at the end.
    budget = callbacks.TimeBudget(args.minutes, epochs=args.epochs, warmup=0.05, state=start)
    curve = callbacks.LearningCurve(run.folder, state=start)
    stop = callbacks.StopOnSignal(run)
    spans = callbacks.SpanF1Callback(data)
    model.fit(
        data.train,
        validation_data=data.valid,
        epochs=args.epochs or 10_000,  # the time budget ends it sooner
        initial_epoch=start["epoch"],
        callbacks=[callbacks.StopOnNaN(), budget, spans, run, curve, stop],
    )

    report = lmzoo.evaluation.tagging(model, data)
    report.save(run.folder, seed=args.seed, **run.summary())
    print(f"\n{report}\n\nwritten to {run.folder}\n")

    def tag(text: str) -> str:
        return lmzoo.evaluation.colored(*lmzoo.tag(model, text, vocabulary=data.vocabulary))

    cli.answer_prompts(args, tag)
    print(report.json())


if __name__ == "__main__":
    with cli.errors_in_one_line("tag_entities"):
        main(parser.parse_args())
