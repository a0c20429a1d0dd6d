"""What the examples share: flags, a folder for each training, budgets, resuming, the report."""

from lmzoo.experiment.arguments import add_arguments, parse
from lmzoo.experiment.comparison import Comparison
from lmzoo.experiment.folder import load_training
from lmzoo.experiment.run import Experiment, errors_in_one_line, main
from lmzoo.experiment.samples import Writer

__all__ = [
    "Comparison",
    "Experiment",
    "Writer",
    "add_arguments",
    "errors_in_one_line",
    "load_training",
    "main",
    "parse",
]
