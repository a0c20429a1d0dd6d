"""What `lmzoo train` calls for each task: data, model, loss, noise, evaluation, their defaults."""

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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


def fit_options(
    *,
    optimizer: str = "adam",
    steps_per_execution: int = 10,
    warmup: float = 0.05,
    patience: int | None = None,
    validate_every: int | None = 1000,
    bleu_texts: int = 500,
) -> None:
    """Options of compiling and fitting, read from this signature.

    Args:
        optimizer: a class of keras.optimizers or lmzoo.optimizers, in lower case; its arguments
            are optimizer.learning_rate=1e-3 and so on.
        steps_per_execution: batches between two calls of the callbacks.
        warmup: fraction of the training over which the learning rate rises.
        patience: early stopping after so many epochs without a better model; None: never.
        validate_every: steps between two validations inside an epoch; None: at its end only.
        bleu_texts: validation texts whose BLEU chooses the best seq2seq model.
    """


def training_options(
    *, r_drop: float = 0.0, mix_up: float = 0.0, adversarial: float = 0.0
) -> Callable[[keras.Model], keras.Model]:
    """The wrappers of lmzoo.training that are asked for; 0 for none.

    Args:
        r_drop: alpha of RDrop.
        mix_up: alpha of MixUp.
        adversarial: epsilon of AdversarialTraining.

    Returns:
        A function from a model to the model or wrapper that is fitted.
    """

    def wrap(model: keras.Model) -> keras.Model:
        model = training.RDrop(model, r_drop) if r_drop else model
        model = training.AdversarialTraining(model, adversarial) if adversarial else model
        return training.MixUp(model, mix_up) if mix_up else model

    return wrap


def noise_options(
    prepared: Any,
    *,
    seed: int = 0,
    word_dropout: float = 0.0,
    rare_word_dropout: float = 0.0,
    class_balance: float = 0.0,
) -> None:
    """Registers noise and weights on the training batches; 0 for none.

    Args:
        prepared: prepared data.
        seed: of the noise.
        word_dropout: rate of words that become unknown; in seq2seq also of words left out.
        rare_word_dropout: the same for words that occur once in training, of taggers.
        class_balance: power of a class's rarity with which it is weighted; 1 balances all.
    """
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


def vector_options(
    model: Any, tokenizer: Any, *, vectors: str | None = None, freeze_vectors: bool = False
) -> None:
    """Loads word vectors into a model's embedding.

    Args:
        model: the model, before it is compiled.
        tokenizer: its tokenizer.
        vectors: a GloVe, word2vec or fastText file; None: none.
        freeze_vectors: whether training leaves the embedding as it is.
    """
    if vectors:
        print(lmzoo.pretrained.load_vectors(model, vectors, tokenizer).describe())
    if freeze_vectors:
        model.embedding.trainable = False


@dataclass(frozen=True)
class Task:
    """One task of the command line.

    Args:
        suffix: of its builders.
        model: the default one.
        read, prepare: functions of lmzoo.data.
        evaluation: the function of lmzoo.evaluation.
        loss: whose arguments `loss.KEY` sets; None: the model's own loss has none.
        sizes: from prepared data to the builder's arguments that follow from them.
        unit: of the loss.
        optimizer: the default one.
        defaults: settings by group.
    """

    suffix: str
    model: str
    read: Callable[..., Any]
    prepare: Callable[..., Any]
    evaluation: Callable[..., evaluation.Report]
    loss: Callable[..., Any] | None
    sizes: Callable[[Any], dict[str, Any]]
    unit: str = "loss (nats per token)"
    optimizer: str = "adam"
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def settings(self, name: str, items: Sequence[str], *, smoke: bool = False) -> Settings:
        """The arguments of every function, by group, from `--set` and the defaults.

        Args:
            name: the model's registered name, with or without a preset.
            items: "key=value".
            smoke: whether sizes are tiny unless they are set.

        Returns:
            Arguments by group: model, data, optimizer, loss, fit, training, noise, vectors,
            evaluate.

        Raises:
            ArgumentError: the model is of another task, or an unknown key.
        """
        if not name.partition("/")[0].endswith(f"_{self.suffix}"):
            raise ArgumentError(
                f"--model {name} is not a {self.suffix}: choose one of "
                f"{', '.join(lmzoo.list_models(f'*_{self.suffix}'))}"
            )
        chosen = [item.partition("=")[2] for item in items if item.startswith("optimizer=")]
        optimizer = optimizer_class(chosen[-1] if chosen else self.optimizer)
        known = {
            "model": settable(builder_of(name)),
            "read": settable(self.read),
            "data": settable(self.prepare),
            "optimizer": settable(optimizer),
            "fit": settable(fit_options),
            "training": settable(training_options),
            "noise": settable(noise_options),
            "vectors": settable(vector_options),
            "evaluate": settable(self.evaluation),
            "loss": [] if self.loss is None else settable(self.loss),
        }
        known["data"] = [key for key in known["data"] if key not in known["read"]]
        given = parse_settings(items, known)
        defaults = {"fit": {**_defaults(fit_options), "optimizer": self.optimizer}}
        if name != self.model:  # its builder or preset knows better
            defaults["model"] = {}
        if smoke:
            defaults |= {"read": SMOKE, "data": SMOKE, "model": SMOKE_SIZES}
        found: Settings = {}
        for group, names in known.items():
            values = {**self.defaults.get(group, {}), **defaults.get(group, {}), **given[group]}
            found[group] = {key: value for key, value in values.items() if key in names}
        return found

    def prepare_data(
        self, source: str, settings: Settings, *, seed: int, fold: tuple[int, int] | None = None
    ) -> Any:
        """Prepares the data, with noise where that is set.

        Args:
            source: what `--data` names.
            settings: by group.
            seed: of split, order and noise.
            fold: (number, of how many); None: no cross-validation.

        Returns:
            The prepared data.

        Raises:
            ArgumentError: cross-validation of a task or a corpus that has none.
        """
        corpus = self.read(source, **{"seed": seed, **settings["read"]})
        if fold is not None:
            if self.suffix != "classifier" or {"valid", "test"} & set(corpus.splits):
                raise ArgumentError("--folds is for classifiers, and for data without splits")
            folds = data.folds(corpus, fold[1], seed=0)
            corpus = next(itertools.islice(folds, fold[0], None))
        prepared = self.prepare(corpus, **{"seed": seed, **settings["data"]})
        noise_options(prepared, **{"seed": seed, **settings["noise"]})
        return prepared

    def build(self, name: str, prepared: Any, settings: Settings) -> keras.Model:
        """Builds the model with the sizes that follow from the data.

        Args:
            name: the model's registered name, with or without a preset.
            prepared: the data.
            settings: by group.

        Returns:
            The model, not compiled.
        """
        known = inspect.signature(builder_of(name)).parameters
        sizes = {"vocab_size": prepared.vocab_size, **self.sizes(prepared)}
        sizes = {key: value for key, value in sizes.items() if key in known}
        model = lmzoo.build_model(name, **{**sizes, **settings["model"]})
        vector_options(model, prepared.tokenizer, **settings["vectors"])
        return model

    def compile(self, model: keras.Model, settings: Settings, steps: int | None) -> keras.Model:
        """Compiles the model.

        Args:
            model: what `build` returned.
            settings: by group.
            steps: of the whole training; None where the clock sets the learning rate.

        Returns:
            What is fitted: the model, or a wrapper of lmzoo.training.
        """
        arguments, fit = dict(settings["optimizer"]), settings["fit"]
        peak = arguments.pop("learning_rate")
        if steps is not None:
            peak = schedules.WarmupCosine(peak, steps, min(round(steps * fit["warmup"]), steps - 1))
        trainer = training_options(**settings["training"])(model)
        trainer.compile(
            optimizer_class(fit["optimizer"])(peak, **arguments),
            loss=self.loss(**settings["loss"]) if self.loss and settings["loss"] else "auto",
            steps_per_execution=fit["steps_per_execution"],
        )
        return trainer

    def watch(self, prepared: Any, settings: Settings) -> tuple[str, str, list[Any]]:
        """What the best model is chosen by: a log, "min" or "max", and who writes it."""
        if self.suffix == "classifier":
            return "val_accuracy", "max", []
        if self.suffix == "tagger":
            log = "val_f1" if prepared.has_spans else "val_tag_accuracy"
            return log, "max", [callbacks.SpanF1Callback(prepared)]
        if self.suffix == "lm":
            return "val_loss", "min", []
        sources, references = prepared.texts("valid")
        limit = settings["fit"]["bleu_texts"]
        join = evaluation.joined(settings["evaluate"].get("joiner", ""))
        bleu = callbacks.BleuCallback(
            sources[:limit],
            [join(text) for text in references[:limit]],
            tokenizer=prepared.tokenizers,
            finish=join,
            show=0,
        )
        return "val_bleu", "max", [bleu]


def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def optimizer_class(name: str) -> Callable[..., keras.optimizers.Optimizer]:
    """The optimizer of a name, of Keras or of lmzoo.

    Args:
        name: such as "adamw", upper or lower case.

    Returns:
        The class.

    Raises:
        ArgumentError: there is none of that name.

    Example:
        >>> optimizer_class("adamw").__name__
        'AdamW'
    """
    known = {
        key.lower(): value
        for module in (keras.optimizers, lmzoo.optimizers)
        for key, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, keras.optimizers.Optimizer)
    }
    if name.lower() not in known:
        raise ArgumentError(f"no optimizer {name!r}; choose one of {', '.join(sorted(known))}")
    found: Callable[..., keras.optimizers.Optimizer] = known[name.lower()]
    return found


TASKS = {
    "lm": Task(
        "lm",
        "lstm_lm",
        data.read_texts,
        data.prepare_lm,
        evaluation.language_model,
        losses.CrossEntropy,
        lambda found: {"max_length": found.settings["sequence_length"]},
        defaults={
            "model": {"embed_dim": 128, "hidden_dim": 256, "num_layers": 1, "dropout": 0.1},
            "optimizer": {"learning_rate": 3e-3, "clipnorm": 1.0},
        },
    ),
    "seq2seq": Task(
        "seq2seq",
        "transformer_seq2seq",
        data.read_pairs,
        data.prepare_seq2seq,
        evaluation.seq2seq,
        losses.CrossEntropy,
        lambda found: {"source_vocab_size": found.source_vocab_size},
        defaults={
            "model": {
                "embed_dim": 128, "hidden_dim": 256, "num_layers": 3, "num_heads": 4,
                "dropout": 0.1, "norm_first": True,
            },
            "optimizer": {"learning_rate": 3e-3, "beta_2": 0.98, "clipnorm": 1.0},
            "loss": {"label_smoothing": 0.1},
        },
    ),
    "classifier": Task(
        "classifier",
        "cnn_classifier",
        data.read_labeled,
        data.prepare_classification,
        evaluation.classification,
        losses.ClassCrossEntropy,
        lambda found: {"num_classes": found.num_classes},
        unit="loss (nats per text)",
        defaults={
            "data": {"lowercase": True, "batch_size": 50},
            "optimizer": {"learning_rate": 1e-3, "weight_decay": 0.0, "clipnorm": 1.0},
        },
        optimizer="adamw",
    ),
    "tagger": Task(
        "tagger",
        "bilstm_crf_tagger",
        data.read_tagged,
        data.prepare_tagging,
        evaluation.tagging,
        None,
        lambda found: {
            "num_tags": found.num_tags,
            "num_characters": found.num_characters,
            "characters": None if found.num_characters is None else "cnn",
            "forbidden": found.forbidden,
            "num_intents": found.num_intents,
        },
        unit="loss (nats per word)",
        defaults={
            "data": {"batch_size": 32},
            "model": {"embed_dim": 100, "hidden_dim": 200, "dropout": 0.3},
            "optimizer": {"learning_rate": 3e-3, "weight_decay": 0.0, "clipnorm": 1.0},
            "fit": {"steps_per_execution": 5},
            "read": {"repair": True},
        },
        optimizer="adamw",
    ),
}  # fmt: skip
