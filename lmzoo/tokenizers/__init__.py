"""Tokenizers: text to ids and back, trained on any text, usable inside TensorFlow graphs.

Every tokenizer offers:

- `vocab_size`, and the ids `pad_id`, `unk_id`, `bos_id`, `eos_id`: 0 to 3 in every kind
  (`lmzoo.special_ids`); `unk_id` is None where no text is unknown;
- `encode(text)` -> list of ints, `encode_batch(texts)` -> int32 arrays (time,), without padding,
  begin or end, and `decode(ids)` -> text, which drops these;
- `tokenizer(texts)`: strings (batch,) -> ragged int32 ids (batch, None), and `detokenize(ids)`:
  the same as TensorFlow ops, inside tf.data and SavedModels;
- `save(path)`, one JSON file for `load_tokenizer`; `fingerprint`, equal for equal tokenizers;
- `id_to_token`, `token_bytes`, `unknown(text)`, `lossless`, `concatenates`, `report`.
"""

import difflib
import os
from collections.abc import Iterable

from lmzoo.errors import TokenizerError
from lmzoo.files import read_json, reading
from lmzoo.tokenizers.base import FORMAT, VERSION, Tokenizer
from lmzoo.tokenizers.byte import ByteTokenizer
from lmzoo.tokenizers.char import CharTokenizer
from lmzoo.tokenizers.sentencepiece import BPETokenizer, UnigramTokenizer
from lmzoo.tokenizers.word import WhitespaceTokenizer, WordTokenizer
from lmzoo.tokenizers.wordpiece import WordPieceTokenizer
from lmzoo.typing import plain

__all__ = ["Tokenizer", "load_tokenizer", "train_tokenizer"]

_CLASSES: tuple[type[Tokenizer], ...] = (
    ByteTokenizer, CharTokenizer, WordTokenizer, WhitespaceTokenizer, BPETokenizer,
    UnigramTokenizer, WordPieceTokenizer,
)  # fmt: skip
_KINDS = {family.kind: family for family in _CLASSES}


def train_tokenizer(
    texts: Iterable[str],
    *,
    kind: str = "unigram",
    vocab_size: int | None = None,
    lowercase: bool = False,
    normalize: bool = False,
) -> Tokenizer:
    """Train a tokenizer on texts.

    Args:
        texts: any iterable of strings; it is read once, as a stream.
        kind: "byte" (UTF-8 bytes), "char" (characters), "word" (words and punctuation marks),
            "whitespace" (text that is already tokenized), "bpe" or "unigram" (pieces of words and
            bytes, lossless on every text), "wordpiece" (pieces of words).
        vocab_size: number of ids, special ones included. None: all characters or words for "char",
            "word" and "whitespace", but at most the 20,000 most frequent; 8000, or what the texts
            can fill, for pieces; "byte" has 260.
        lowercase: lower-case these texts and every later one.
        normalize: clean these texts and every later one by the harmless rules of `clean_text`:
            Unicode's composed form NFC, "\\n" as the line end, no controls. The tasks of
            `lmzoo.data` set it, because what is typed later should meet what was learned.

    Returns:
        The tokenizer; equal texts give equal ones.

    Raises:
        TokenizerError: no text, an unknown kind, a vocab_size out of reach, or a missing package.

    Example:
        >>> tokenizer = train_tokenizer(["red boats", "old boats"], kind="char")
        >>> tokenizer.vocab_size
        14
        >>> tokenizer.decode(tokenizer.encode("sold boats"))
        'sold boats'
    """
    family, vocab_size = _family(kind), plain(vocab_size)
    return family.train(texts, vocab_size=vocab_size, lowercase=lowercase, normalize=normalize)


def load_tokenizer(path: str | os.PathLike[str]) -> Tokenizer:
    """Load a tokenizer that `Tokenizer.save` wrote.

    Args:
        path: the file.

    Returns:
        A tokenizer equal to the one that was saved.

    Raises:
        TokenizerError: there is no such file, it is not a tokenizer, or it is damaged.

    Example:
        >>> train_tokenizer(["tea for two"], kind="char").save("tokenizer.json")
        >>> load_tokenizer("tokenizer.json").decode([10, 6, 5])
        'tea'
    """
    try:
        with reading(path, TokenizerError):
            record = read_json(path)
    except TokenizerError:
        raise
    except ValueError as error:
        raise TokenizerError(
            f"{path} is not a complete tokenizer file ({error}); save the tokenizer again"
        ) from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise TokenizerError(f"{path} is JSON, but not a file that tokenizer.save(path) wrote")
    if record.get("version") != VERSION:
        raise TokenizerError(
            f"{path} has version {record.get('version')!r} of the tokenizer format, this lmzoo "
            f"reads version {VERSION}; use the lmzoo that wrote it"
        )
    try:
        tokenizer = _family(record["kind"]).from_payload(
            record["content"],
            lowercase=bool(record["lowercase"]),
            normalize=bool(record.get("normalize", False)),
            report=dict(record["report"]),
        )
    except TokenizerError as error:
        raise TokenizerError(f"{path} is a damaged tokenizer file: {error}") from error
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError, AttributeError) as error:
        raise TokenizerError(f"{path} is a damaged tokenizer file: {error!r}") from error
    if tokenizer.fingerprint != record.get("fingerprint"):
        raise TokenizerError(f"{path} is damaged: its content does not match its fingerprint")
    return tokenizer


def _family(kind: str) -> type[Tokenizer]:
    """The class of a kind."""
    if isinstance(kind, str) and kind in _KINDS:
        return _KINDS[kind]
    close = difflib.get_close_matches(str(kind), _KINDS, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise TokenizerError(f"no tokenizer kind {kind!r}: the kinds are {', '.join(_KINDS)}{hint}")
