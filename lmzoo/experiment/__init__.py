"""What the examples share: flags, a folder for each training, budgets, resuming, the report."""

from lmzoo.experiment.arguments import add_arguments, parse
from lmzoo.experiment.classify import ClassifyExperiment
from lmzoo.experiment.comparison import Comparison
from lmzoo.experiment.conversation import Conversation, converse
from lmzoo.experiment.folder import load_training
from lmzoo.experiment.run import Experiment, errors_in_one_line, main
from lmzoo.experiment.samples import Writer
from lmzoo.experiment.seq2seq import Seq2SeqExperiment
from lmzoo.experiment.tag import TagExperiment

__all__ = [
    "ClassifyExperiment",
    "Comparison",
    "Conversation",
    "Experiment",
    "Seq2SeqExperiment",
    "TagExperiment",
    "Writer",
    "add_arguments",
    "converse",
    "errors_in_one_line",
    "load_training",
    "main",
    "parse",
]
