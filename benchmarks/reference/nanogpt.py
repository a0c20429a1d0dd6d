"""nanoGPT's CPU configuration in PyTorch: 2,000 steps of 12 x 64 characters, then the loss.

    python benchmarks/reference/nanogpt.py ../shared/data/lm_char/input.txt.gz

Sizes, schedule and optimizer are those that nanoGPT's README gives for a laptop without a GPU
(https://github.com/karpathy/nanoGPT: 4 layers, 4 heads, 128 wide, no dropout, AdamW at 1e-3 falling
to 1e-4, 100 steps of warm-up, clipping at 1, weight decay 0.1 of the matrices). The last tenth of
the text is for validation, all of it is measured. The last line is JSON.
"""

import argparse
import gzip
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from reference.pytorch import GPT

BATCH, TIME, WARMUP, PEAK, LOWEST = 12, 64, 100, 1e-3, 1e-4


def main() -> None:
    """Trains, then measures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--seed", type=int, default=1337)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    ids, vocab_size = read(args.text)
    train, valid = ids[: int(0.9 * len(ids))], ids[int(0.9 * len(ids)) :]
    model = GPT(vocab_size, 128, 4, 4, TIME, bias=False)
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK, betas=(0.9, 0.99), fused=True)
    run = torch.compile(model) if args.compile else model
    start = time.perf_counter()
    for step in range(args.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, args.steps)
        at = torch.randint(len(train) - TIME, (BATCH,))
        x = torch.stack([train[i : i + TIME] for i in at])
        y = torch.stack([train[i + 1 : i + 1 + TIME] for i in at])
        loss = functional.cross_entropy(run(x).view(-1, vocab_size), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 200 == 0:
            print(
                f"step {step}: {loss.item():.4f}, {time.perf_counter() - start:.1f} s", flush=True
            )
    seconds = time.perf_counter() - start
    result = {"val_loss": measure(model, valid), "training_seconds": seconds, "steps": args.steps}
    print(json.dumps({**result, "compile": args.compile, "seed": args.seed}))


def read(path: Path) -> tuple[torch.Tensor, int]:
    """The text's characters as ids, and how many different ones there are."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    place = {c: i for i, c in enumerate(sorted(set(text)))}
    return torch.tensor([place[c] for c in text]), len(place)


def rate(step: int, steps: int) -> float:
    """Warm-up, then half a cosine down to a tenth."""
    if step < WARMUP:
        return PEAK * (step + 1) / (WARMUP + 1)
    share = (step - WARMUP) / (steps - WARMUP)
    return LOWEST + 0.5 * (1 + math.cos(math.pi * share)) * (PEAK - LOWEST)


@torch.inference_mode()
def measure(model: GPT, valid: torch.Tensor) -> float:
    """Mean nats over the whole validation text, in rows of 64."""
    rows = (len(valid) - 1) // TIME
    x = valid[: rows * TIME].view(rows, TIME)
    y = valid[1 : rows * TIME + 1].view(rows, TIME)
    nats = [
        functional.cross_entropy(model(a).flatten(0, 1), b.flatten(), reduction="sum").item()
        for a, b in zip(x.split(64), y.split(64), strict=True)
    ]
    return float(np.sum(nats) / (rows * TIME))


if __name__ == "__main__":
    main()
