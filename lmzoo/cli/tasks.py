"""What `lmzoo train` calls for each task: data, model, loss, noise, evaluation, their defaults."""

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

import lmzoo
from lmzoo import callbacks, data, evaluation, losses, schedules, training
from lmzoo.cli.settings import Settings, parse_settings, settable
from lmzoo.errors import ArgumentError
from lmzoo.registry import builder_of

SMOKE = {"grammar_size": 500, "batch_size": 8, "tokens_per_batch": 512, "sequence_length": 32}
SMOKE_SIZES = {"embed_dim": 16, "hidden_dim": 16, "filters": 8, "num_layers": 1, "num_heads": 2}
FIT = {
    "optimizer": "adam",  # of keras.optimizers or lmzoo.optimizers; optimizer.KEY sets arguments
    "steps_per_execution": 10,  # batches between two calls of the callbacks
    "warmup": 0.05,  # fraction of the training over which the learning rate rises
    "patience": None,  # early stopping after so many epochs without a better model; None: never
    "validate_every": 1000,  # steps between validations inside an epoch; None: at its end only
    "bleu_texts": 500,  # validation texts whose BLEU chooses the best seq2seq model
}
METHODS = {  # wrappers of lmzoo.training, by the name of their strength; the first is innermost
    "r_drop": training.RDrop,
    "adversarial": training.AdversarialTraining,
    "mix_up": training.MixUp,
}


def add_noise(
    prepared: Any,
    *,
    seed: int = 0,
    word_dropout: float = 0.0,  # rate of words that become unknown; in seq2seq also of left out
    rare_word_dropout: float = 0.0,  # the same for words that occur once in training, of taggers
    class_balance: float = 0.0,  # power of a class's rarity as its weight; 1 balances all
) -> None:
    """Registers noise and weights on the training batches; 0 for none."""
    if rare_word_dropout:
        rare = np.flatnonzero(prepared.word_counts == 1)
        prepared.transform_train(data.forget_rare_words(rare, rare_word_dropout, seed=seed))
    if word_dropout:
        prepared.transform_train(data.blank_words(word_dropout, seed=seed))
        if prepared.saved_task.task == "seq2seq":
            prepared.transform_train(data.drop_words(word_dropout, seed=seed + 1))
    if class_balance:
        weights = data.class_weights(prepared.class_counts, power=class_balance)
        prepared.transform_train(data.weigh_classes(weights))


@dataclass(frozen=True)
class Task:
    """One task of the command line."""

    suffix: str  # of its builders
    model: str  # the default one
    read: Callable[..., Any]
    prepare: Callable[..., Any]
    evaluation: Callable[..., evaluation.Report]
    loss: Callable[..., Any] | None  # whose arguments `loss.KEY` sets
    unit: str  # what the loss is per
    sizes: Callable[[Any], dict[str, Any]]  # the builder's arguments that follow from the data
    defaults: Mapping[str, Mapping[str, Any]]  # settings by group

    def settings(self, name: str, items: Sequence[str], *, smoke: bool = False) -> Settings:
        """The arguments of every function, by group, from `--set` and the defaults."""
        if not name.partition("/")[0].endswith(f"_{self.suffix}"):
            raise ArgumentError(
                f"--model {name} is not a {self.suffix}: choose one of "
                f"{', '.join(lmzoo.list_models(f'*_{self.suffix}'))}"
            )
        defaults = {**self.defaults, "fit": {**FIT, **self.defaults.get("fit", {})}}
        chosen = [item.partition("=")[2] for item in items if item.startswith("optimizer=")]
        optimizer = optimizer_class([defaults["fit"]["optimizer"], *chosen][-1])
        read = settable(self.read)
        known = {
            "model": settable(builder_of(name)),
            "read": read,
            "data": [key for key in settable(self.prepare) if key not in read],
            "optimizer": settable(optimizer),
            "fit": list(FIT),
            "training": list(METHODS),
            "noise": settable(add_noise),
            "vectors": ["vectors", "freeze_vectors"],
            "evaluate": settable(self.evaluation),
            "loss": [] if self.loss is None else settable(self.loss),
        }
        given = parse_settings(items, known)
        if name != self.model:  # its builder or preset knows better
            defaults["model"] = {}
        if smoke:
            for group, sizes in (("read", SMOKE), ("data", SMOKE), ("model", SMOKE_SIZES)):
                defaults[group] = {**defaults.get(group, {}), **sizes}
        return {
            group: {k: v for k, v in defaults.get(group, {}).items() if k in names} | given[group]
            for group, names in known.items()
        }

    def prepare_data(
        self, source: str, settings: Settings, *, seed: int, fold: tuple[int, int] | None = None
    ) -> Any:
        """Prepares the data, with noise where that is set; `fold` is (number, of how many)."""
        corpus = self.read(source, **{"seed": seed, **settings["read"]})
        if fold is not None:
            if self.suffix != "classifier" or {"valid", "test"} & set(corpus.splits):
                raise ArgumentError("--folds is for classifiers, and for data without splits")
            folds = data.folds(corpus, fold[1], seed=0)
            corpus = next(itertools.islice(folds, fold[0], None))
        prepared = self.prepare(corpus, **{"seed": seed, **settings["data"]})
        add_noise(prepared, **{"seed": seed, **settings["noise"]})
        return prepared

    def build(self, name: str, prepared: Any, settings: Settings) -> keras.Model:
        """Builds the model with the sizes that follow from the data, and its word vectors."""
        known = inspect.signature(builder_of(name)).parameters
        sizes = {"vocab_size": prepared.vocab_size, **self.sizes(prepared)}
        sizes = {key: value for key, value in sizes.items() if key in known}
        model = lmzoo.build_model(name, **{**sizes, **settings["model"]})
        vectors = settings["vectors"]
        if path := vectors.get("vectors"):  # a GloVe, word2vec or fastText file
            print(lmzoo.pretrained.load_vectors(model, path, prepared.tokenizer).describe())
        if vectors.get("freeze_vectors"):
            model.embedding.trainable = False
        return model

    def compile(self, model: keras.Model, settings: Settings, steps: int | None) -> keras.Model:
        """Compiles the model, or its wrapper of lmzoo.training, which is then what is fitted.

        `steps` are those of the whole training, None where the clock sets the learning rate.
        """
        arguments, fit = dict(settings["optimizer"]), settings["fit"]
        peak = arguments.pop("learning_rate")
        if steps is not None:
            peak = schedules.WarmupCosine(peak, steps, min(round(steps * fit["warmup"]), steps - 1))
        for name, method in METHODS.items():
            if strength := settings["training"].get(name):
                model = method(model, strength)
        model.compile(
            optimizer_class(fit["optimizer"])(peak, **arguments),
            loss=self.loss(**settings["loss"]) if self.loss and settings["loss"] else "auto",
            steps_per_execution=fit["steps_per_execution"],
        )
        return model

    def watch(self, prepared: Any, settings: Settings) -> tuple[str, str, list[Any]]:
        """What the best model is chosen by: a log, "min" or "max", and who writes it."""
        if self.suffix == "classifier":
            return "val_accuracy", "max", []
        if self.suffix == "tagger":
            log = "val_f1" if prepared.has_spans else "val_tag_accuracy"
            return log, "max", [callbacks.SpanF1Callback(prepared)]
        if self.suffix == "lm":
            return "val_loss", "min", []
        sources, references = (x[: settings["fit"]["bleu_texts"]] for x in prepared.texts("valid"))
        join = evaluation.joined(settings["evaluate"].get("joiner", ""))
        tokenizers, references = prepared.tokenizers, list(map(join, references))
        bleu = callbacks.BleuCallback(
            sources, references, tokenizer=tokenizers, finish=join, show=0
        )
        return "val_bleu", "max", [bleu]


def optimizer_class(name: str) -> Callable[..., keras.optimizers.Optimizer]:
    """The optimizer of a name, of Keras or of lmzoo."""
    known: dict[str, Callable[..., keras.optimizers.Optimizer]] = {
        key.lower(): value
        for module in (keras.optimizers, lmzoo.optimizers)
        for key, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, keras.optimizers.Optimizer)
    }
    if name.lower() not in known:
        raise ArgumentError(f"no optimizer {name!r}; choose one of {', '.join(sorted(known))}")
    return known[name.lower()]


def read_replies(
    source: str,
    *,
    window: int | None = None,
    speakers: Sequence[str] | None = None,
    grammar_size: int = 20_000,
    seed: int = 0,
) -> data.Corpus:
    """Pairs of what was said so far and the reply: see `lmzoo.data.dialogue_pairs`."""
    dialogues = data.read_dialogues(source, grammar_size=grammar_size, seed=seed)
    return data.dialogue_pairs(dialogues, window=window, speakers=speakers)


CLIP, ADAMW = {"clipnorm": 1.0}, {"weight_decay": 0.0, "clipnorm": 1.0}
TASKS = {
    "lm": Task(
        "lm", "lstm_lm", data.read_texts, data.prepare_lm,
        evaluation.language_model, losses.CrossEntropy, "token",
        lambda found: {"max_length": found.settings["sequence_length"]},
        {
            "model": {"embed_dim": 128, "hidden_dim": 256, "num_layers": 1, "dropout": 0.1},
            "optimizer": {"learning_rate": 3e-3, **CLIP},
        },
    ),
    "seq2seq": Task(
        "seq2seq", "transformer_seq2seq", data.read_pairs, data.prepare_seq2seq,
        evaluation.seq2seq, losses.CrossEntropy, "token",
        lambda found: {"source_vocab_size": found.source_vocab_size},
        {
            "model": {"embed_dim": 128, "hidden_dim": 256, "num_layers": 3, "num_heads": 4,
                      "dropout": 0.1, "norm_first": True},
            "optimizer": {"learning_rate": 3e-3, "beta_2": 0.98, **CLIP},
            "loss": {"label_smoothing": 0.1},
        },
    ),
    "dialogue": Task(
        "seq2seq", "lstm_seq2seq", read_replies, data.prepare_seq2seq,
        evaluation.seq2seq, losses.CrossEntropy, "token",
        lambda found: {},
        {
            "data": {"max_source_length": 1024, "max_length": 64},
            "model": {"embed_dim": 128, "hidden_dim": 128, "dropout": 0.1, "copy": True},
            "optimizer": {"learning_rate": 3e-3, **CLIP},
        },
    ),
    "classifier": Task(
        "classifier", "cnn_classifier", data.read_labeled, data.prepare_classification,
        evaluation.classification, losses.ClassCrossEntropy, "text",
        lambda found: {"num_classes": found.num_classes},
        {
            "data": {"lowercase": True, "batch_size": 50},
            "optimizer": {"learning_rate": 1e-3, **ADAMW},
            "fit": {"optimizer": "adamw"},
        },
    ),
    "tagger": Task(
        "tagger", "bilstm_crf_tagger", data.read_tagged, data.prepare_tagging,
        evaluation.tagging, None, "word",
        lambda found: {
            "characters": None if found.num_characters is None else "cnn",
            **{key: getattr(found, key) for key in
               ("num_tags", "num_characters", "forbidden", "num_intents")},
        },
        {
            "read": {"repair": True},
            "data": {"batch_size": 32},
            "model": {"embed_dim": 100, "hidden_dim": 200, "dropout": 0.3},
            "optimizer": {"learning_rate": 3e-3, **ADAMW},
            "fit": {"optimizer": "adamw", "steps_per_execution": 5},
        },
    ),
}  # fmt: skip
