"""Generation: `generate`, `beam_search`, `stream` and `score`, written once for every model."""

from lmzoo.generation.answering import answer
from lmzoo.generation.conversation import Conversation
from lmzoo.generation.copying import answer_text
from lmzoo.generation.decoding.batch import generate
from lmzoo.generation.scoring import score
from lmzoo.generation.search.beam import beam_search
from lmzoo.generation.streaming import stream
from lmzoo.generation.text_generator import TextGenerator

__all__ = [
    "Conversation",
    "TextGenerator",
    "answer",
    "answer_text",
    "beam_search",
    "generate",
    "score",
    "stream",
]
