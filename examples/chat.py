"""Train a model that answers in a dialogue, then talk to it.

    python examples/chat.py
    python examples/chat.py --data dialogues/ --minutes 20
    python examples/chat.py --resume --interactive --persona "i live in Rome ."

dialogues/ holds train.jsonl, whose lines are {"turns": [["user", "hi"], ["bot", "hello"]]}, or .txt
files in the form of the dialog bAbI tasks. Everything it makes lies in runs/chat.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is loaded

import keras

from lmzoo import experiment
from lmzoo.data import Pairs, read_dialogues

# The recipe: what the model is, and how it learns. Each is a flag: --hidden-dim 256 --dropout 0.3
DEFAULTS = {
    "model": "lstm",
    "copy": True,  # names that the user says come back in the reply
    "hidden_dim": 128,
    "num_layers": 1,
    "dropout": 0.0,  # the grammar never repeats itself; small sets of dialogues want 0.2
    "grammar_documents": 10_000,  # dialogues
    "tokenizer": "word",
    "sequence_length": 64,  # tokens of a reply
    "learning_rate": 3e-3,
    "minutes": 4.0,
}
CONTEXT = 1024  # most tokens of what was said before a reply


def read(args: argparse.Namespace) -> Pairs:
    """What was said so far, and the reply."""
    return read_dialogues(args.data, grammar_dialogues=args.grammar_documents, seed=args.seed)


def train(run: experiment.Seq2SeqExperiment) -> None:
    """Dialogues in; a trained model, its accuracy and replies out."""
    data = run.prepare_seq2seq(read, max_source_length=CONTEXT)

    model = run.build(data)  # lmzoo.build_lstm_seq2seq(...), or what --model names
    model.compile(
        optimizer=keras.optimizers.Adam(run.args.learning_rate, clipnorm=1.0),
        r_drop=run.args.r_drop,
        steps_per_execution=10,  # ten batches between two looks of Python
    )

    run.fit(model, data)  # model.fit(data.train, ...) with a budget, checkpoints and --resume
    talk = experiment.Conversation(model, data.tokenizers, facts=[run.args.persona])
    run.report(model, data, reply=talk.reply)


class ChatExperiment(experiment.Seq2SeqExperiment):
    """Adds the persona to the flags."""

    @staticmethod
    def add_flags(parser: argparse.ArgumentParser) -> None:
        """Adds `--persona`."""
        experiment.Seq2SeqExperiment.add_flags(parser)
        parser.add_argument(
            "--persona", default="", help="a fact that the model knows from the start"
        )


if __name__ == "__main__":
    experiment.main(
        train,
        name="chat",
        description=__doc__,
        defaults=DEFAULTS,
        experiment=ChatExperiment,
    )
