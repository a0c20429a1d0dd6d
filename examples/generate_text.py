"""Generate text from a trained language model in four ways.

    python examples/generate_text.py runs/train_lstm_lm --prompt "The old fisherman"

The folder is what a training example or `lmzoo train lm` wrote. For generation without Python see
`lmzoo generate --help`.
"""

import argparse

import lmzoo
from lmzoo import cli

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("folder", help="the folder of a training")
parser.add_argument("--prompt", default="", help="text to continue")
parser.add_argument("--seed", type=int, default=0, help="same seed, same text")


def main(args: argparse.Namespace) -> None:
    """A prompt in; a greedy, a sampled and a searched continuation and its score out."""
    # the best model; its tokenizer, and what a document was
    model, saved = lmzoo.load_run(args.folder)
    generator = lmzoo.generation.TextGenerator(
        model,
        saved.tokenizer,
        documents=saved.has_documents,
        temperature=0.8,
        top_p=0.95,
        max_new_tokens=60,
        seed=args.seed,
    )
    ids = generator.prompt_ids(args.prompt)  # a document begins after an end token

    print("sampled, as it comes:")
    generator.show(args.prompt)

    greedy = lmzoo.generate(
        model, [ids], tokenizer=saved.tokenizer, temperature=0, max_new_tokens=60
    )[0]
    print(f"greedy:\n  {saved.tokenizer.decode(greedy)}")

    best = lmzoo.beam_search(model, ids, tokenizer=saved.tokenizer, num_beams=4, max_new_tokens=60)
    print(f"the most probable of four beams:\n  {saved.tokenizer.decode(best)}")
    for name, row in (("greedy", greedy), ("beam search", best)):
        print(f"log-probability, {name}: {sum(lmzoo.score(model, [row])[0]):.2f} nats")


if __name__ == "__main__":
    with cli.errors_in_one_line("generate_text"):
        main(parser.parse_args())
