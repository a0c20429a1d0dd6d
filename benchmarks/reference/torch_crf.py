"""PyTorch's side of crf_step.py: a CRF as users write it, summed in logs by a loop over time."""

from typing import Any

import torch
from runner import Job
from torch import nn

FEATURES = 200


class CRF(nn.Module):
    """Linear-chain CRF: the negative log-likelihood of tags, and the best tags."""

    def __init__(self, tags: int) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.start, self.end = nn.Parameter(torch.zeros(tags)), nn.Parameter(torch.zeros(tags))

    def forward(self, emissions: Any, tags: Any, mask: Any) -> Any:
        """(time, batch, tags), (time, batch), bool (time, batch) -> the sum over the batch."""
        return (self.partition(emissions, mask) - self.score(emissions, tags, mask)).sum()

    def partition(self, emissions: Any, mask: Any) -> Any:
        """Log of the sum over all sequences, (batch,)."""
        logs = self.start + emissions[0]
        for t in range(1, len(emissions)):
            new = torch.logsumexp(logs.unsqueeze(2) + self.transitions, 1) + emissions[t]
            logs = torch.where(mask[t].unsqueeze(1), new, logs)
        return torch.logsumexp(logs + self.end, 1)

    def score(self, emissions: Any, tags: Any, mask: Any) -> Any:
        """Score of the given sequences, (batch,)."""
        weights = mask.float()
        words = emissions.gather(2, tags.unsqueeze(2)).squeeze(2) * weights
        pairs = self.transitions[tags[:-1], tags[1:]] * weights[1:]
        last = tags.gather(0, mask.sum(0, keepdim=True) - 1).squeeze(0)
        return words.sum(0) + pairs.sum(0) + self.start[tags[0]] + self.end[last]

    def decode(self, emissions: Any, mask: Any) -> Any:
        """The best tags, (time, batch), by the Viterbi algorithm."""
        best, history = self.start + emissions[0], []
        for t in range(1, len(emissions)):
            found, before = (best.unsqueeze(2) + self.transitions).max(1)
            best = torch.where(mask[t].unsqueeze(1), found + emissions[t], best)
            history.append(before)
        now = (best + self.end).argmax(1)
        tags = [now]
        for t in range(len(history), 0, -1):
            before = history[t - 1].gather(1, now.unsqueeze(1)).squeeze(1)
            now = torch.where(mask[t], before, now)
            tags.append(now)
        return torch.stack(tags[::-1])


def crf(tags: int, batch: int = 32, time: int = 30, decode: bool = False) -> Job:
    """Training steps with fused Adam, or decoding."""
    torch.manual_seed(0)
    linear, chain = nn.Linear(FEATURES, tags), CRF(tags)
    x = torch.randn(time, batch, FEATURES)
    y = torch.randint(0, tags, (time, batch))
    mask = torch.arange(time).unsqueeze(1) < torch.randint(time // 2, time + 1, (batch,))
    if decode:
        with torch.inference_mode():
            emissions = linear(x)

        @torch.inference_mode()
        def find() -> Any:
            return chain.decode(emissions, mask)

        return Job(find, batch * time, note="inference_mode")
    parameters = [*linear.parameters(), *chain.parameters()]
    optimizer = torch.optim.Adam(parameters, fused=True)
    words = mask.sum()

    def step() -> None:
        loss = chain(linear(x), y, mask) / words
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return Job(step, batch * time, note="Adam(fused=True)")
