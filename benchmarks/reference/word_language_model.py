"""The recipe of PyTorch's word_language_model example, for so many minutes, in PyTorch.

    python benchmarks/reference/word_language_model.py ../shared/data/lm_word --minutes 20

2 x 200 LSTM, dropout 0.2, batches of 20 x 35 with the state carried, SGD at 20 clipped at 0.25, the
rate divided by 4 whenever an epoch brings no better validation loss
(https://github.com/pytorch/examples/tree/main/word_language_model, written anew). An epoch that
the time would cut is validated where it stands. The last line is JSON.
"""

import argparse
import gzip
import json
import math
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from reference.pytorch import LSTMModel

BATCH, TIME, CLIP, PARTS = 20, 35, 0.25, 4


def main() -> None:
    """Trains for the given time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--units", type=int, default=200)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1111)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    words: dict[str, int] = {}
    train = lanes(read(args.folder / "train.txt.gz", words), BATCH)
    valid = lanes(read(args.folder / "valid.txt.gz", words), 10)
    model = LSTMModel(len(words), args.units)
    model.lstm.dropout = args.dropout
    for weight in (model.embedding.weight, model.head.weight):
        nn.init.uniform_(weight, -0.1, 0.1)
    nn.init.zeros_(model.head.bias)
    best, rate, start, epoch = math.inf, 20.0, time.perf_counter(), 0
    deadline = start + 60 * args.minutes
    while time.perf_counter() < deadline:
        train_epoch(model, train, rate, args.dropout, deadline)
        epoch += 1
        loss = measure(model, valid)
        print(f"epoch {epoch}, rate {rate:g}: valid {math.exp(loss):.2f}, "
              f"{time.perf_counter() - start:.0f} s", flush=True)  # fmt: skip
        if loss < best:
            best = loss
        else:
            rate /= PARTS
    found = {"val_loss": best, "val_perplexity": math.exp(best), "epochs": epoch}
    print(json.dumps({**found, "minutes": args.minutes, "vocab_size": len(words)}))


def read(path: Path, words: dict[str, int]) -> torch.Tensor:
    """The words of a file as ids, an end token for each line."""
    text = gzip.decompress(path.read_bytes()).decode("utf-8")
    ids = [
        words.setdefault(word, len(words))
        for line in text.splitlines()
        for word in [*line.split(), "<eos>"]
    ]
    return torch.tensor(ids)


def lanes(ids: torch.Tensor, batch: int) -> torch.Tensor:
    """(time, batch): each column one part of the text."""
    length = len(ids) // batch
    return ids[: length * batch].view(batch, length).t().contiguous()


def train_epoch(
    model: LSTMModel, ids: torch.Tensor, rate: float, dropout: float, deadline: float
) -> None:
    """One pass, or as much of it as the time allows."""
    model.train()
    state = None
    for first in range(0, len(ids) - 1, TIME):
        if time.perf_counter() > deadline:
            return
        x, y = ids[first : first + TIME], ids[first + 1 : first + 1 + TIME]
        x = x[: len(y)]
        hidden = functional.dropout(model.embedding(x), dropout)
        hidden, state = model.lstm(hidden, state)
        state = tuple(part.detach() for part in state)
        logits = model.head(functional.dropout(hidden, dropout))
        loss = functional.cross_entropy(logits.flatten(0, 1), y.flatten())
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(weight.grad, alpha=-rate)


@torch.inference_mode()
def measure(model: LSTMModel, ids: torch.Tensor) -> float:
    """Mean nats per token, the state carried."""
    model.eval()
    state, nats, count = None, 0.0, 0
    for first in range(0, len(ids) - 1, TIME):
        y = ids[first + 1 : first + 1 + TIME]
        logits, state = model(ids[first : first + len(y)], state)
        nats += functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        count += y.numel()
    return nats / count


if __name__ == "__main__":
    main()
