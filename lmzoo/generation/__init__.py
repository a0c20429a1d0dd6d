"""Generation: `generate`, `beam_search`, `stream` and `score`, written once for every model."""

from lmzoo.generation.answer import answer
from lmzoo.generation.beam import beam_search
from lmzoo.generation.copied import answer_text
from lmzoo.generation.decode import generate
from lmzoo.generation.score import score
from lmzoo.generation.stream import stream

__all__ = ["answer", "answer_text", "beam_search", "generate", "score", "stream"]
