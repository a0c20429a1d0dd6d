"""Heads: hidden states to logits."""
