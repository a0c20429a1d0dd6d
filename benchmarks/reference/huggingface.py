"""Hugging Face transformers' side: GPT2LMHeadModel.generate, random weights."""

from typing import Any

import numpy as np
import torch
from runner import Job
from transformers import GPT2Config, GPT2LMHeadModel


def generate_gpt2(batch: int, prompt: int = 32, new: int = 128, static: bool = False) -> Job:
    """Greedy generation from a GPT-2 of 124 M parameters.

    `static` compiles the forward pass with a static cache, as the manual's "optimizing inference"
    does for GPUs.
    """
    model = GPT2LMHeadModel(GPT2Config(attn_implementation="sdpa")).eval()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    ids = torch.as_tensor(np.random.default_rng(0).integers(0, 50257, (batch, prompt)))
    mask = torch.ones_like(ids)
    settings: dict[str, Any] = {"max_new_tokens": new, "do_sample": False, "use_cache": True}
    if static:
        settings["cache_implementation"] = "static"
        model.forward = torch.compile(model.forward)

    @torch.inference_mode()
    def run() -> Any:
        found = model.generate(ids, attention_mask=mask, **settings)
        assert found.shape == (batch, prompt + new)
        return found

    note = "static cache, torch.compile" if static else "dynamic cache"
    return Job(run, batch * new, note=f"inference_mode, {note}", warm=1)
