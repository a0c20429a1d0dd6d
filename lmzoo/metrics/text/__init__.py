"""Scores of generated texts, 0 to 100, in every script."""
