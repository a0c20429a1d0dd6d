"""The commands that use a trained model: generate, chat, translate, classify, tag, score, evaluate.

RUN is the folder that `lmzoo train` or an example wrote: it holds model.keras and task.json.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras

import lmzoo
from lmzoo.cli.flags import Reply, ShowDefaults, Subparsers, ask, reply_to_lines
from lmzoo.cli.settings import parse_settings, settable
from lmzoo.cli.tasks import TASKS
from lmzoo.data import Corpus
from lmzoo.evaluation import Report, colored, score_tags
from lmzoo.generation import Conversation, TextGenerator
from lmzoo.runs import load_run

Flags = dict[str, tuple[Callable[[str], Any], Any, str | None]]  # type, default, help
SAMPLING: Flags = {
    "max_new_tokens": (int, 128, None),
    "min_new_tokens": (int, 0, "no end before so many tokens"),
    "temperature": (float, 1.0, "0 is greedy (default: 1)"),
    "top_k": (int, None, "sample among the k most probable tokens"),
    "top_p": (float, None, "sample among tokens that together have this probability"),
    "min_p": (float, None, "sample among tokens this probable relative to the best"),
    "repetition_penalty": (float, None, "above 1 makes repetition less probable"),
    "no_repeat_ngram": (int, None, "no sequence of so many tokens occurs twice"),
    "seed": (int, None, "same seed, same text"),
    "num_samples": (int, 1, "how many continuations"),
    "num_beams": (int, None, "search the most probable continuation instead"),
}


def add_commands(commands: Subparsers) -> None:
    """Adds the commands to the command line."""
    generate = _add(commands, "generate", _continue, "continue a prompt", SAMPLING)
    generate.add_argument(
        "--stop", action="append", help="text that ends the continuation; repeatable"
    )
    persona: Flags = {"persona": (str, "", "a fact that the model knows from the start")}
    _add(commands, "chat", _chat, "talk to a model of dialogues", persona)
    beams: Flags = {"num_beams": (int, 5, "hypotheses of the search")}
    _add(commands, "translate", _translate, "translate or summarize texts", beams)
    top: Flags = {"top": (int, 5, "labels that are shown")}
    _add(commands, "classify", _classify, "classify texts", top)
    _add(commands, "tag", _tag, "tag the words of sentences", {})
    _add(commands, "score", _score, "log-probability of texts, in nats", {})

    evaluate = commands.add_parser("evaluate", help="measure a model on other data")
    evaluate.add_argument("folder", metavar="RUN", type=Path)
    evaluate.add_argument("--data", required=True, metavar="SOURCE", help="as in `lmzoo train`")
    evaluate.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
        help="arguments of the reader and of the evaluation")  # fmt: skip
    evaluate.set_defaults(run=_evaluate)


def _add(
    commands: Subparsers, name: str, make: Callable[..., Reply], help_text: str, flags: Flags
) -> argparse.ArgumentParser:
    """Adds a command that replies to texts, by a function of the model, its task and the flags."""
    parser = commands.add_parser(name, help=help_text, formatter_class=ShowDefaults)
    parser.add_argument("folder", metavar="RUN", type=Path, help="the folder of a training")
    parser.add_argument("--prompt", metavar="TEXT", help="the text; none: asks for texts, or reads "
        "them from a pipe, a line each")  # fmt: skip
    for flag, (kind, default, text) in flags.items():
        parser.add_argument(f"--{flag.replace('_', '-')}", type=kind, default=default, help=text)

    def run(args: argparse.Namespace) -> None:
        known = ("command", "run", "folder", "prompt")
        settings = {key: value for key, value in vars(args).items() if key not in known}
        reply = make(*load_run(args.folder), **settings)
        prompt = args.prompt
        if name == "generate" and prompt is None and args.num_beams is None and sys.stdin.isatty():
            prompt = ""  # a text from its beginning
        if prompt is not None:
            print("".join(reply(prompt)))
        elif sys.stdin.isatty():
            ask(reply)
        else:
            reply_to_lines(reply)

    parser.set_defaults(run=run)
    return parser


def replier(model: keras.Model, saved: Any) -> Reply:
    """What `lmzoo train --prompt` answers to a text, by the model's SavedTask."""
    makers = {"seq2seq": _translate, "classifier": _classify, "tagger": _tag}
    return (
        _generator(model, saved).stream if saved.task == "lm" else makers[saved.task](model, saved)
    )


def _generator(model: keras.Model, saved: Any, **settings: Any) -> TextGenerator:
    return TextGenerator(model, saved.tokenizer, documents=saved.has_documents, **settings)


def _continue(
    model: keras.Model, saved: Any, *, seed: Any, num_samples: int, num_beams: Any, **settings: Any
) -> Reply:
    known = {"num_beams": num_beams, "max_new_tokens": settings["max_new_tokens"]}

    def search(text: str) -> list[str]:
        prompt = _generator(model, saved).prompt_ids(text)
        ids = lmzoo.beam_search(model, prompt, tokenizer=saved.tokenizer, **known)
        return [saved.tokenizer.decode(ids)]

    def sample(text: str) -> Iterator[str]:
        for number in range(num_samples):
            own = None if seed is None else seed + number
            yield ("\n" if number else "") + text
            yield from _generator(model, saved, seed=own, **settings).stream(text)

    return sample if num_beams is None else search


def _chat(model: keras.Model, saved: Any, *, persona: str) -> Reply:
    return Conversation(model, saved.tokenizers, facts=[persona]).reply


def _translate(model: keras.Model, saved: Any, *, num_beams: int = 5) -> Reply:
    return lambda text: lmzoo.answer(model, [text], tokenizer=saved.tokenizers, num_beams=num_beams)


def _classify(model: keras.Model, saved: Any, *, top: int = 5) -> Reply:
    settings = {key: saved.settings[key] for key in ("labels", "max_length")}

    def reply(text: str) -> list[str]:
        probabilities = lmzoo.classify(
            model, text, tokenizer=saved.tokenizer, probabilities=True, **settings
        )
        best = sorted(probabilities, key=lambda label: -probabilities[label])[:top]
        return [", ".join(f"{label} {probabilities[label]:.1%}" for label in best)]

    return reply


def _tag(model: keras.Model, saved: Any) -> Reply:
    return lambda text: [colored(*lmzoo.tag(model, text, vocabulary=saved.vocabulary))]


def _score(model: keras.Model, saved: Any) -> Reply:
    def reply(text: str) -> list[str]:
        values = lmzoo.score(model, [_generator(model, saved).prompt_ids(text)])[0]
        return [f"{float(sum(values)):.4f} nats, {len(values)} tokens"]

    return reply


def _evaluate(args: argparse.Namespace) -> None:
    model, saved = load_run(args.folder)
    task = TASKS[saved.task]
    known = {"read": settable(task.read), "evaluate": settable(task.evaluation)}
    known["data"] = [key for key in settable(task.prepare) if key not in known["read"]]
    settings = parse_settings(args.set, known)
    corpus = task.read(args.data, **settings["read"])
    split = next(name for name in ("test", "valid", "train") if name in corpus.splits)
    print(f"{corpus.name}: the split {split!r} is measured")
    if saved.task == "tagger":
        records = list(corpus.read(split))
        tagged = lmzoo.tag(model, [r["tokens"] for r in records], vocabulary=saved.vocabulary)
        tags = [row[1] for row in tagged]
        scores = score_tags(tags, [r["tags"] for r in records], saved.vocabulary.has_spans)
        report = Report(scores, [(key, f"{value:.4f}") for key, value in scores.items()])
    else:
        opener = corpus.splits[split]

        def reversed_texts() -> Iterator[dict[str, Any]]:
            # For the training split, which must not hold the validation documents.
            for record in opener():
                yield {**record, "text": record["text"][::-1]} if "text" in record else record

        same = Corpus(corpus.name, {"train": reversed_texts, "valid": opener}, [], corpus.grammar)
        arguments = {**saved.settings, "tokenizer": saved.tokenizer, "deduplicate": False}
        arguments |= {"source_tokenizer": saved.source_tokenizer, **settings["data"]}
        kept = {k: v for k, v in arguments.items() if k in settable(task.prepare) and v is not None}
        report = task.evaluation(model, task.prepare(same, **kept), **settings["evaluate"])
    print(f"\n{report}\n\n{report.json()}")
