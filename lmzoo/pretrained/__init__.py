"""Pretrained weights for models of lmzoo: word vectors (GloVe, word2vec, fastText)."""

from lmzoo.pretrained.coverage import Coverage
from lmzoo.pretrained.vectors import WordVectors, load_vectors, read_vectors

__all__ = ["Coverage", "WordVectors", "load_vectors", "read_vectors"]
