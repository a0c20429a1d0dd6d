"""The pages of README and of the site, their blocks of code, and how a test runs them."""

import inspect
import re
import sys
import types
from contextlib import contextmanager
from pathlib import Path

import keras

import lmzoo

TENSORBOARD = keras.callbacks.TensorBoard
ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# Every page; those that include a file of the repository's root are that file.
PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *sorted(DOCS.rglob("*.md")),
    ]
    if "_build" not in path.parts and path.parent.name != "api"  # these are generated
}
TEXTS = {name: path.read_text(encoding="utf-8") for name, path in PAGES.items()}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

# What is run as it stands but for the amount of text and of training, in this order.
SMALLER = (
    (r"embed_dim=192, hidden_dim=192", "embed_dim=16, hidden_dim=16"),
    (r"embed_dim=128, hidden_dim=256", "embed_dim=16, hidden_dim=16"),
    (r"grammar_size=(\d\d?_000|\d000)\b", "grammar_size=300"),
    (r'prepare_lm\("grammar",', 'prepare_lm("grammar", grammar_size=4000,'),
    (r"\bepochs=\d+", "epochs=1"),
    (r"TimeBudget\(\d+", "TimeBudget(0.03"),
    (r"language_model\(model, data\)", "language_model(model, data, samples=20)"),
    (r"samples=\d+", "samples=20"),
    (r"limit=\d+", "limit=4"),
    (r"range\(3\)", "range(2)"),
    (r"max_trials=\d+", "max_trials=1"),
    (
        r"(regularized|adversarial)\.fit\(data\.train, validation_data=.*?,",
        r"\1.fit(data.train.take(1),",
    ),
    (r"(sources|references)\[:\d+\]", r"\1[:4]"),
    (r"embed_dim=128,(\s+)hidden_dim=512", r"embed_dim=16,\1hidden_dim=32"),
    (r"embed_dim=64, hidden_dim=128", "embed_dim=16, hidden_dim=16"),
    (r"num_layers=6, num_heads=8", "num_layers=2, num_heads=8, embed_dim=16, hidden_dim=16"),
    (r"num_layers=[23]", "num_layers=1"),
    (r"(batches|similar_sentences)\(4\d+", r"\1(300"),
)


def blocks(text, language):
    """The blocks of a page in one language; "" stands for commands."""
    return [block for found, block in BLOCK.findall(text) if found == language]


def smaller(code):
    """The code with less text and less training."""
    for pattern, replacement in SMALLER:
        code = re.sub(pattern, replacement, code)
    return code


def run_page(name):
    """Run a page's blocks from top to bottom; return the names that they define."""
    names = {"__name__": "page"}
    with unregistered_afterwards():
        for number, block in enumerate(blocks(TEXTS[name], "python")):
            keras.utils.set_random_seed(number)
            exec(compile(smaller(block), f"{name}, block {number + 1}", "exec"), names)
    return names


@contextmanager
def unregistered_afterwards():
    """Takes models that were registered within the block out of the registry."""
    before = set(lmzoo.list_models())
    try:
        yield
    finally:
        for model in set(lmzoo.list_models()) - before:
            lmzoo.unregister(model)


class Tracker(types.ModuleType):
    """Stands in for mlflow, wandb or trackio: keeps what is logged."""

    def __init__(self, name):
        super().__init__(name)
        self.logged = []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None

    def init(self, *, project):
        """wandb's and trackio's."""
        assert project
        return self

    def start_run(self):
        """mlflow's."""
        return self

    def log(self, values):
        """wandb's and trackio's."""
        self.logged.append(values)

    def log_metrics(self, metrics, *, step):
        """mlflow's."""
        self.logged.append({**metrics, "step": step})

    def finish(self):
        """trackio's."""


def tensorboard_stand_in(*args, **kwargs):
    """Stands in for a callback whose package is not installed; the arguments must be its own."""
    inspect.signature(TENSORBOARD).bind(*args, **kwargs)
    return keras.callbacks.Callback()


def install_trackers(monkeypatch):
    """Make `import mlflow` and the like give stand-ins; return these."""
    monkeypatch.setattr(keras.callbacks, "TensorBoard", tensorboard_stand_in)
    trackers = {name: Tracker(name) for name in ("mlflow", "wandb", "trackio")}
    for name, tracker in trackers.items():
        monkeypatch.setitem(sys.modules, name, tracker)
    return trackers
