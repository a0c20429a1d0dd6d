"""The commands that use a trained model: generate, chat, translate, classify, tag, score, evaluate.

RUN is the folder that `lmzoo train` or an example wrote: it holds model.keras and task.json.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import keras

import lmzoo
from lmzoo.cli.flags import ask
from lmzoo.cli.settings import parse_settings, settable
from lmzoo.cli.tasks import TASKS
from lmzoo.data import Corpus, load_task
from lmzoo.errors import ArgumentError
from lmzoo.evaluation import Report, colored, score_tags
from lmzoo.generation import Conversation, TextGenerator

Reply = Callable[[str], Iterable[str]]


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the commands to the command line."""
    generate = _command(commands, "generate", _generate, "continue a prompt")
    add = generate.add_argument
    add("--max-new-tokens", type=int, default=128)
    add("--temperature", type=float, default=1.0, help="0 is greedy (default: 1)")
    add("--top-k", type=int, help="sample among the k most probable tokens")
    add("--top-p", type=float, help="sample among tokens that together have this probability")
    add("--min-p", type=float, help="sample among tokens this probable relative to the best")
    add("--repetition-penalty", type=float, help="above 1 makes repetition less probable")
    add("--no-repeat-ngram", type=int, help="no sequence of so many tokens occurs twice")
    add("--stop", action="append", help="text that ends the continuation; repeatable")
    add("--seed", type=int, help="same seed, same text")
    add("--num-samples", type=int, default=1, help="how many continuations")
    add("--num-beams", type=int, help="search the most probable continuation instead")

    chat = _command(commands, "chat", _chat, "talk to a model of dialogues")
    chat.add_argument("--persona", default="", help="a fact that the model knows from the start")
    translate = _command(commands, "translate", _translate, "translate or summarize texts")
    translate.add_argument("--num-beams", type=int, default=5, help="hypotheses of the search")
    classify = _command(commands, "classify", _classify, "classify texts")
    classify.add_argument("--top", type=int, default=5, help="labels that are shown")
    _command(commands, "tag", _tag, "tag the words of sentences")
    _command(commands, "score", _score, "log-probability of texts, in nats")

    evaluate = commands.add_parser("evaluate", help="measure a model on other data")
    evaluate.add_argument("folder", metavar="RUN", type=Path)
    evaluate.add_argument("--data", required=True, metavar="SOURCE", help="as in `lmzoo train`")
    evaluate.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
        help="arguments of the reader and of the evaluation")  # fmt: skip
    evaluate.set_defaults(run=_evaluate)


def load_run(folder: Path) -> tuple[keras.Model, Any]:
    """Loads what a training left behind.

    Args:
        folder: that of the training.

    Returns:
        The model, and the SavedTask beside it.

    Raises:
        ArgumentError: the folder holds no model.
    """
    path = folder / "model.keras"
    if not path.exists():
        begun = "its training has not got so far" if (folder / "task.json").exists() else (
            "name the folder of a training"
        )  # fmt: skip
        raise ArgumentError(f"{folder} holds no model.keras: {begun}")
    return keras.saving.load_model(path), load_task(folder)


def replier(model: keras.Model, saved: Any, **settings: Any) -> Reply:
    """What `lmzoo train --prompt` and the commands answer to a text.

    Args:
        model: a trained model.
        saved: its SavedTask, or its prepared data, which has the same attributes.
        **settings: of the function that predicts.

    Returns:
        A function from a text to the pieces of the reply.
    """
    functions = {
        "lm": _generate_reply,
        "seq2seq": _translate_reply,
        "classifier": _classify_reply,
        "tagger": _tag_reply,
    }
    return functions[saved.task](model, saved, **settings)


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], None],
    help_text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help_text)
    parser.add_argument("folder", metavar="RUN", type=Path, help="the folder of a training")
    parser.add_argument("--prompt", metavar="TEXT", help="the text; none: asks for texts, or reads "
        "them from a pipe, a line each")  # fmt: skip
    parser.set_defaults(run=run)
    return parser


def _answer(args: argparse.Namespace, reply: Reply) -> None:
    """Replies to --prompt, to the lines of a pipe, or to what is typed."""
    if args.prompt is not None:
        print("".join(reply(args.prompt)))
    elif sys.stdin.isatty():
        ask(reply)
    else:
        for line in sys.stdin:
            if line.strip():
                print("".join(reply(line.rstrip("\r\n"))), flush=True)


def _generate(args: argparse.Namespace) -> None:
    model, saved = load_run(args.folder)
    if args.num_beams is not None:
        _answer(args, lambda text: [_search(model, saved, text, args)])
        return
    names = "max_new_tokens temperature top_k top_p min_p repetition_penalty no_repeat_ngram stop"
    settings = {name: getattr(args, name) for name in names.split()}

    def reply(text: str) -> Iterator[str]:
        for number in range(args.num_samples):
            seed = None if args.seed is None else args.seed + number
            yield ("\n" if number else "") + text
            yield from _generate_reply(model, saved, seed=seed, **settings)(text)

    args.prompt = "" if args.prompt is None and sys.stdin.isatty() else args.prompt
    _answer(args, reply)


def _search(model: keras.Model, saved: Any, text: str, args: argparse.Namespace) -> str:
    generator = TextGenerator(model, saved.tokenizer, documents=saved.has_documents)
    ids = lmzoo.beam_search(
        model,
        generator.prompt_ids(text),
        tokenizer=saved.tokenizer,
        num_beams=args.num_beams,
        max_new_tokens=args.max_new_tokens,
    )
    return str(saved.tokenizer.decode(ids))


def _generate_reply(model: keras.Model, saved: Any, **settings: Any) -> Reply:
    return TextGenerator(model, saved.tokenizer, documents=saved.has_documents, **settings).stream


def _chat(args: argparse.Namespace) -> None:
    model, saved = load_run(args.folder)
    _answer(args, Conversation(model, saved.tokenizers, facts=[args.persona]).reply)


def _translate(args: argparse.Namespace) -> None:
    _answer(args, _translate_reply(*load_run(args.folder), num_beams=args.num_beams))


def _translate_reply(model: keras.Model, saved: Any, *, num_beams: int = 5) -> Reply:
    return lambda text: lmzoo.answer(model, [text], tokenizer=saved.tokenizers, num_beams=num_beams)


def _classify(args: argparse.Namespace) -> None:
    _answer(args, _classify_reply(*load_run(args.folder), top=args.top))


def _classify_reply(model: keras.Model, saved: Any, *, top: int = 5) -> Reply:
    def reply(text: str) -> list[str]:
        probabilities = lmzoo.classify(
            model,
            text,
            tokenizer=saved.tokenizer,
            labels=saved.settings["labels"],
            max_length=saved.settings["max_length"],
            probabilities=True,
        )
        best = sorted(probabilities, key=lambda label: -probabilities[label])[:top]
        return [", ".join(f"{label} {probabilities[label]:.1%}" for label in best)]

    return reply


def _tag(args: argparse.Namespace) -> None:
    _answer(args, _tag_reply(*load_run(args.folder)))


def _tag_reply(model: keras.Model, saved: Any) -> Reply:
    return lambda text: [colored(*lmzoo.tag(model, text, vocabulary=saved.vocabulary))]


def _score(args: argparse.Namespace) -> None:
    model, saved = load_run(args.folder)

    def reply(text: str) -> list[str]:
        ids = TextGenerator(model, saved.tokenizer, documents=saved.has_documents).prompt_ids(text)
        values = lmzoo.score(model, [ids])[0]
        return [f"{float(sum(values)):.4f} nats, {len(values)} tokens"]

    _answer(args, reply)


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
        splits = {"train": _training_text(opener), "valid": opener}
        same = Corpus(corpus.name, splits, [], corpus.grammar)
        arguments = {**saved.settings, "tokenizer": saved.tokenizer, "deduplicate": False}
        arguments |= {"source_tokenizer": saved.source_tokenizer, **settings["data"]}
        kept = {k: v for k, v in arguments.items() if k in settable(task.prepare) and v is not None}
        report = task.evaluation(model, task.prepare(same, **kept), **settings["evaluate"])
    print(f"\n{report}\n\n{report.json()}")


def _training_text(opener: Callable[[], Iterable[dict[str, Any]]]) -> Callable[[], Iterable[Any]]:
    """Something for the training split, which must not hold the validation documents."""

    def read() -> Iterator[dict[str, Any]]:
        for record in opener():
            yield {**record, "text": record["text"][::-1]} if "text" in record else record

    return read
