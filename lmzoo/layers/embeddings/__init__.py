"""Embeddings: ids to vectors."""
