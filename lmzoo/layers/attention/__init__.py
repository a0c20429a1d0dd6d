"""Attention: over the sequence itself, and from a decoder to the states of an encoder."""
