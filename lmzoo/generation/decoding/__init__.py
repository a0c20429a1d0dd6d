"""Decoding one token after another: filters, sampling, and the compiled loop."""
