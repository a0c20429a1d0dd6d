"""Train a model to write headlines or summaries, of the built-in grammar or of your own texts.

    python examples/summarize.py
    python examples/summarize.py --data papers/ --fields abstract title --tokenizer bpe --minutes 60
    python examples/summarize.py --no-copy --out runs/without_copying

papers/ holds train.jsonl, train.tsv or parallel files. Everything it makes lies in runs/summarize:
the model, its tokenizer, ROUGE beside that of the first sentence, the answers, a curve.
"""

import os
import re

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is loaded

import keras

import lmzoo
from lmzoo import experiment

# The recipe: what the model is, and how it learns. Each is a flag: --hidden-dim 256 --dropout 0.3
DEFAULTS = {
    "data": "grammar:headlines",
    "copy": True,  # rare words are taken over as they stand
    "hidden_dim": 128,
    "num_layers": 2,
    "dropout": 0.0,  # the grammar never repeats itself; small corpora want 0.3
    "tokenizer": "word",
    "grammar_documents": 50_000,
    "sequence_length": 64,  # tokens of a summary; longer ones are left out, and counted
    "learning_rate": 3e-3,
    "minutes": 3.0,
}
LONGEST = 512  # tokens of a text; longer ones are left out, and counted


def train(run: experiment.Seq2SeqExperiment) -> None:
    """Texts and summaries in; a trained model, ROUGE and summaries out."""
    # data.train yields ((source, target), next ids, weights)
    data = run.prepare_seq2seq(max_source_length=LONGEST)

    model = run.build(data)  # lmzoo.build_transformer_seq2seq(...), or what --model names
    model.compile(
        optimizer=keras.optimizers.Adam(run.args.learning_rate, beta_2=0.98, clipnorm=1.0),
        label_smoothing=0.0 if run.args.copy else 0.1,  # copied words have no rivals
        r_drop=run.args.r_drop,
        steps_per_execution=10,  # ten batches between two looks of Python
    )

    run.fit(model, data)  # model.fit(data.train, ...) with a budget, checkpoints and --resume
    run.report(model, data, more=lead_scores(data))


def lead_scores(data: lmzoo.data.Seq2SeqData) -> dict[str, float]:
    """ROUGE of each text's first sentence, the baseline of every summary."""
    part = "test" if "test" in data.batches else "valid"
    sources, references = data.texts(part)
    rouge = lmzoo.metrics.Rouge()
    rouge.add([re.split(r"(?<=[.!?])\s", text)[0] for text in sources], references)
    return {f"lead_{name}": value for name, value in rouge.result().items()}


if __name__ == "__main__":
    experiment.main(
        train,
        name="summarize",
        description=__doc__,
        defaults=DEFAULTS,
        experiment=experiment.Seq2SeqExperiment,
    )
