"""`lmzoo train`: one training, or one for each seed or fold, by the public data and callbacks."""

import argparse
import json
from pathlib import Path

import keras

from lmzoo import callbacks
from lmzoo.cli.flags import Subparsers, add_training_flags, answer_prompts, positive
from lmzoo.cli.prediction import replier
from lmzoo.cli.settings import Settings, settable
from lmzoo.cli.tasks import TASKS, Task
from lmzoo.errors import ArgumentError
from lmzoo.evaluation import Report
from lmzoo.files import readable, to_json, write_json
from lmzoo.metrics import mean_and_deviation

UNLIMITED = 1_000_000  # epochs; --minutes ends the training sooner


def add_command(commands: Subparsers) -> None:
    """Adds `train` to the command line."""
    parser = commands.add_parser("train", help="train a model")
    add = parser.add_argument
    add("task", choices=TASKS, help="what is trained: the suffix of a builder, or dialogue")
    add("--model", help="a model or preset: see `lmzoo models` (default: by the task)")
    add("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
        help="arguments of the model, the data, the optimizer, ...: hidden_dim=512 batch_size=64 "
        "optimizer.learning_rate=1e-3; an unknown KEY lists them all")  # fmt: skip
    add_training_flags(parser, out=None, tokenizer="word", epochs=5)
    add("--seeds", type=positive(int), default=1, metavar="N",
        help="so many trainings, each with its seed: mean and deviation")  # fmt: skip
    add("--folds", type=positive(int), metavar="K", help="cross-validation of a classifier")
    parser.set_defaults(run=train)


def train(args: argparse.Namespace) -> None:
    """Trains what the flags say, and prints the metrics as one JSON line last."""
    task = TASKS[args.task]
    name = args.model or task.model
    settings = task.settings(name, args.set, smoke=args.smoke)
    if "tokenizer" in settable(task.prepare):
        settings["data"].setdefault("tokenizer", args.tokenizer)
    out = Path(args.out or f"runs/{args.task}")
    if args.seeds == 1 and args.folds is None:
        print(train_one(task, name, settings, args, out, args.seed).json())
        return
    if args.seeds > 1 and args.folds is not None:
        raise ArgumentError("--seeds and --folds: choose one; folds are several trainings already")
    found = []
    kind, count = ("fold", args.folds) if args.folds else ("seed", args.seeds)
    for number in range(count):
        folder = out / f"{kind}_{number + 1}"
        print(f"\n{kind} {number + 1} of {count}", flush=True)
        if args.resume and (folder / "metrics.json").exists():
            print(f"{folder} is complete")
            with readable(folder / "metrics.json", "remove it to measure again"):
                found.append(dict(json.loads((folder / "metrics.json").read_text("utf-8"))))
            continue
        seed, fold = (args.seed, (number, count)) if args.folds else (args.seed + number, None)
        report = train_one(task, name, settings, args, folder, seed, fold)
        found.append(json.loads(report.json()))
        keras.utils.clear_session()
    metrics = mean_and_deviation(found) | {"seed": args.seed, "out": str(out)}
    write_json(out / "metrics.json", metrics)
    print(f"\nmean and deviation of {len(found)}")
    for key in metrics:
        if f"{key}_deviation" in metrics and key.partition("_")[0] in ("val", "test"):
            print(f"{key:<24}{metrics[key]:.4f} ± {metrics[key + '_deviation']:.4f}")
    print(to_json(metrics))


def train_one(
    task: Task,
    name: str,
    settings: Settings,
    args: argparse.Namespace,
    out: Path,
    seed: int,
    fold: tuple[int, int] | None = None,
) -> Report:
    """One training from its data to its report."""
    keras.utils.set_random_seed(seed)
    resume = args.resume and callbacks.is_training(out)
    if args.resume and not resume:
        print(f"there is no training to resume in {out}: a new one begins", flush=True)
    run = callbacks.Checkpoint(out, resume=resume)
    data = task.prepare_data(args.data, settings, seed=seed, fold=fold)
    print(data.describe(), flush=True)
    model = task.build(name, data, settings)
    print(f"{name}: {model.count_params():,} parameters", flush=True)
    steps = None if args.minutes else args.epochs * data.steps_per_epoch
    trainer = task.compile(model, settings, steps)
    start = run.start(trainer, data)
    warmup, patience, every = (settings["fit"][k] for k in ("warmup", "patience", "validate_every"))
    run.monitor, run.mode, scores = task.watch(data, settings)
    budget = callbacks.TimeBudget(args.minutes, warmup=warmup, state=start)
    validation = callbacks.PeriodicValidation(data.valid, every_steps=every, state=start)
    curve = callbacks.LearningCurve(run.folder, label=f"loss per {task.unit}", state=start)
    run.patience, stop = patience, callbacks.StopOnSignal(run)
    trainer.fit(
        data.train,
        validation_data=data.valid,
        epochs=UNLIMITED if args.minutes else args.epochs,
        initial_epoch=start["epoch"],
        callbacks=[callbacks.StopOnNaN(), budget, validation, *scores, run, curve, stop],
    )
    evaluate = settings["evaluate"]
    if args.smoke:
        smaller = {"samples": 50, "limit": 20, "num_beams": 1}
        evaluate |= {k: v for k, v in smaller.items() if k in settable(task.evaluation)}
    report = task.evaluation(model, data, **evaluate)
    report.save(run.folder, seed=seed, **run.summary())
    print(f"\n{report}\n\nwritten to {run.folder}")
    answer_prompts(args, replier(model, data.saved_task))
    return report
