"""Recurrent layers and blocks, and the compiled recurrences beneath them."""
