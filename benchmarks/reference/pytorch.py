"""PyTorch's side: what a user writes from its public interface, as fast as its manual says.

All cores, float32, `torch.compile` where asked, `inference_mode` for generation, fused AdamW.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from runner import Job
from torch import nn
from torch.nn import functional

GPT2_124M = {"vocab_size": 50257, "embed_dim": 768, "num_layers": 12, "num_heads": 12}


def matmul(size: int = 2048) -> Job:
    """The rate of square float32 matrix products."""
    a, b = torch.rand(size, size), torch.rand(size, size)
    return Job(lambda: a @ b, 1, flops=2 * size**3)


def memory_read(megabytes: int = 1024) -> Job:
    """The rate at which a large matrix is read by a sum, with all cores."""
    table = torch.ones(megabytes * 2**20 // 4)
    return Job(lambda: float(table.sum()), 1, bytes=megabytes * 2**20)


def lstm_layer(units: int, batch: int, time: int = 35) -> Job:
    """`torch.nn.LSTM` forward and backward, gradients of weights and inputs."""
    layer = nn.LSTM(units, units)
    x = torch.randn(time, batch, units, requires_grad=True)

    def run() -> None:
        layer.zero_grad(set_to_none=True)
        x.grad = None
        layer(x)[0].sum().backward()

    return Job(run, batch * time, flops=3 * 2 * time * batch * 2 * units * 4 * units)


class LSTMModel(nn.Module):
    """A word language model: embedding, LSTM, linear output."""

    def __init__(self, vocab_size: int, units: int, layers: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, units)
        self.lstm = nn.LSTM(units, units, layers)
        self.head = nn.Linear(units, vocab_size)

    def forward(self, ids: Any, state: Any = None) -> Any:
        """ids (time, batch) -> logits (time, batch, vocab), state."""
        hidden, state = self.lstm(self.embedding(ids), state)
        return self.head(hidden), state


def lstm_lm(
    vocab_size: int = 33278, units: int = 200, batch: int = 20, time: int = 35, steps: int = 1
) -> Job:
    """Training of a word LSTM with fused Adam."""
    model = LSTMModel(vocab_size, units)
    ids = torch.randint(0, vocab_size, (time + 1, batch))
    run = training_step(
        model,
        torch.optim.Adam(model.parameters(), fused=True),
        lambda: functional.cross_entropy(
            model(ids[:-1])[0].view(-1, vocab_size), ids[1:].reshape(-1)
        ),
    )
    recurrent = 2 * 2 * units * 4 * units
    flops = 3 * 2 * (recurrent + units * vocab_size) * batch * time
    return Job(run, batch * time, flops=flops, note="Adam(fused=True)")


class Block(nn.Module):
    """A pre-norm Transformer block."""

    def __init__(self, dim: int, heads: int, bias: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim, bias=bias), nn.LayerNorm(dim, bias=bias)
        self.qkv, self.out = nn.Linear(dim, 3 * dim, bias), nn.Linear(dim, dim, bias)
        self.expand, self.contract = nn.Linear(dim, 4 * dim, bias), nn.Linear(4 * dim, dim, bias)

    def forward(self, x: Any) -> Any:
        """(batch, time, dim) -> (batch, time, dim)."""
        batch, time, dim = x.shape
        parts = self.qkv(self.norm1(x)).split(dim, dim=2)
        q, k, v = (p.view(batch, time, self.heads, -1).transpose(1, 2) for p in parts)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, time, dim))
        inner = functional.gelu(self.expand(self.norm2(x)), approximate="tanh")
        return x + self.contract(inner)


class GPT(nn.Module):
    """GPT-2: learned positions, tied output."""

    def __init__(
        self, vocab_size: int, embed_dim: int, num_layers: int, num_heads: int, max_length: int,
        bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, embed_dim)
        self.positions = nn.Embedding(max_length, embed_dim)
        self.blocks = nn.ModuleList(Block(embed_dim, num_heads, bias) for _ in range(num_layers))
        self.norm = nn.LayerNorm(embed_dim, bias=bias)
        self.head = nn.Linear(embed_dim, vocab_size, bias=False)
        self.head.weight = self.tokens.weight
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                residual = name.endswith(("out.weight", "contract.weight"))
                scale = 0.02 / math.sqrt(2 * num_layers) if residual else 0.02
                nn.init.normal_(weight, std=scale)

    def forward(self, ids: Any) -> Any:
        """ids (batch, time) -> logits (batch, time, vocab)."""
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def gpt(
    embed_dim: int, num_layers: int, num_heads: int, batch: int, time: int, vocab_size: int = 65,
    compile: bool = False,
) -> Job:  # fmt: skip
    """Training of a GPT-2 with fused AdamW."""
    model = GPT(vocab_size, embed_dim, num_layers, num_heads, time)
    ids = torch.randint(0, vocab_size, (batch, time + 1))
    x, y = ids[:, :-1].contiguous(), ids[:, 1:].reshape(-1)
    run_model = torch.compile(model) if compile else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1, fused=True)
    run = training_step(
        model,
        optimizer,
        lambda: functional.cross_entropy(run_model(x).view(-1, vocab_size), y),
    )
    weights = 12 * num_layers * embed_dim**2 + vocab_size * embed_dim
    flops = 3 * 2 * (weights + 2 * num_layers * time * embed_dim) * batch * time
    note = "AdamW(fused=True)" + (", torch.compile" if compile else "")
    return Job(run, batch * time, flops=flops, note=note, warm=5)


def training_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss_of: Callable[[], Any]
) -> Callable[[], None]:
    """Forward, backward and update."""

    def run() -> None:
        loss = loss_of()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return run


def generate_lstm(batch: int, prompt: int = 32, new: int = 128, vocab_size: int = 10000) -> Job:
    """Greedy generation from an LSTM of 2 x 650 units by a loop in Python."""
    model = LSTMModel(vocab_size, 650).eval()
    ids = torch.as_tensor(np.random.default_rng(0).integers(0, vocab_size, (prompt, batch)))

    @torch.inference_mode()
    def run() -> Any:
        hidden, state = model.lstm(model.embedding(ids))
        last = model.head(hidden[-1:]).argmax(-1)
        found = [last]
        for _ in range(new - 1):
            logits, state = model(last, state)
            last = logits.argmax(-1)
            found.append(last)
        return torch.cat(found)

    read = new * 4 * (sum(p.numel() for p in model.parameters()) - vocab_size * 650)
    return Job(run, batch * new, bytes=read, note="inference_mode")
