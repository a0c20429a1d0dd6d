"""Train a model that replies in a dialogue, then talk to it.

    python examples/chat.py
    python examples/chat.py --data dialogues/ --minutes 20
    python examples/chat.py --resume --interactive --persona "i live in Rome ."

dialogues/ holds train.jsonl, whose lines are {"turns": [["user", "hi"], ["bot", "hello"]]}, or .txt
files in the form of the dialog bAbI tasks. What it writes lies in runs/chat.
"""

import argparse

import keras

import lmzoo
from lmzoo import callbacks, cli

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
# --data --tokenizer --minutes --epochs --seed --out --resume --smoke --prompt --interactive
cli.add_training_flags(parser, tokenizer="word", minutes=4.0, out="runs/chat")
parser.add_argument("--persona", default="", help="a fact that the model knows from the start")
parser.add_argument("--hidden-dim", type=int, default=128, help="width of the LSTMs")
parser.add_argument("--dropout", type=float, default=0.0, help="small corpora want 0.3")


def main(args: argparse.Namespace) -> None:
    """Dialogues in; a trained model, its accuracy and replies out."""
    keras.utils.set_random_seed(args.seed)
    run = callbacks.Checkpoint(args.out, resume=args.resume, monitor="val_bleu", mode="max")

    # what was said so far -> the reply; data.train yields ((source, target), next ids, weights)
    dialogues = lmzoo.data.read_dialogues(
        args.data, grammar_size=500 if args.smoke else 10_000, seed=args.seed
    )
    data = lmzoo.data.prepare_seq2seq(
        lmzoo.data.dialogue_pairs(dialogues),
        tokenizer=args.tokenizer,
        max_source_length=1024,  # longer dialogues are left out, and counted
        max_length=64,
        tokens_per_batch=512 if args.smoke else 2048,
        seed=args.seed,
    )
    print(data.describe())

    width = 16 if args.smoke else args.hidden_dim
    model = lmzoo.build_lstm_seq2seq(
        data.vocab_size,
        embed_dim=width,
        hidden_dim=width,
        num_layers=1,
        dropout=args.dropout,
        copy=True,  # names that the user says come back in the reply
    )
    model.summary()

    model.compile(
        keras.optimizers.Adam(3e-3, clipnorm=1.0),
        steps_per_execution=10,  # batches between two calls of the callbacks
    )

    # The best model is that with the highest BLEU of greedy replies.
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

    talk = lmzoo.generation.Conversation(model, data.tokenizers, facts=[args.persona])
    cli.answer_prompts(args, talk.reply)
    print(report.json())


if __name__ == "__main__":
    with cli.errors_in_one_line("chat"):
        main(parser.parse_args())
