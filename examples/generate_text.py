"""Let a trained model write.

    python examples/generate_text.py runs/train_lstm_lm --prompt "The old fisherman"
    python examples/generate_text.py runs/train_lstm_lm --interactive --temperature 0.7
    python examples/generate_text.py runs/train_lstm_lm --prompt "The" --beams 4

The folder is what a training example wrote: it holds model.keras and tokenizer.json.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is loaded

import argparse
from pathlib import Path

import lmzoo
from lmzoo import experiment


def flags() -> argparse.Namespace:
    """The command line; the sampling flags are the arguments of lmzoo.stream."""
    parser = argparse.ArgumentParser(description="Let a trained model write.")
    add = parser.add_argument
    add("folder", type=Path, help="the folder of a training")
    add("--prompt", default="", help="text to continue")
    add("--interactive", action="store_true", help="ask for prompts until the input ends")
    add("--max-new-tokens", type=int, default=128)
    add("--temperature", type=float, default=1.0, help="0 takes the most probable token")
    add("--top-k", type=int, help="sample among the k most probable tokens")
    add("--top-p", type=float, help="sample among tokens that together have this probability")
    add("--min-p", type=float, help="sample among tokens this probable relative to the best")
    add("--repetition-penalty", type=float, help="above 1 makes repetition less likely")
    add("--no-repeat-ngram", type=int, help="no sequence of so many tokens comes twice")
    add("--stop", action="append", help="text that ends the answer; may be given several times")
    add("--seed", type=int, help="the same seed, the same text")
    add("--num-samples", type=int, default=1, help="how many texts to write")
    add("--beams", type=int, help="search the most probable text with so many beams instead")
    return parser.parse_args()


def write(args: argparse.Namespace) -> None:
    """Continues the prompt, or those that are typed."""
    model, tokenizer, is_stream = experiment.load_training(args.folder)
    if args.beams is not None:
        begin = experiment.Writer(model, tokenizer, is_stream=is_stream).prompt_ids(args.prompt)
        found = lmzoo.beam_search(
            model,
            begin,
            tokenizer=tokenizer,
            num_beams=args.beams,
            num_return=min(args.num_samples, args.beams),
            max_new_tokens=args.max_new_tokens,
        )
        for ids in [found] if args.num_samples == 1 else found:
            print(tokenizer.decode(ids))
        return
    names = "max_new_tokens temperature top_k top_p min_p repetition_penalty no_repeat_ngram"
    settings = {name: getattr(args, name) for name in [*names.split(), "stop", "seed"]}
    writer = experiment.Writer(model, tokenizer, is_stream=is_stream, settings=settings)
    if args.interactive:
        writer.interact()
        return
    for number in range(args.num_samples):
        if args.seed is not None:
            writer.settings["seed"] = args.seed + number
        writer.show(args.prompt)


if __name__ == "__main__":
    with experiment.errors_in_one_line("generate_text"):
        write(flags())
