"""Words of texts in any script, also of those that put no spaces between words."""

import unicodedata

# The first and the last character of blocks whose scripts separate no words: Han, kana, bopomofo;
# Thai, Lao, Tibetan, Burmese, Khmer, and the smaller scripts of their region.
_HAN = [
    (0x2E80, 0x2FFF), (0x3005, 0x3007), (0x3021, 0x3029), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF), (0x20000, 0x3FFFF),
]  # fmt: skip
_OTHERS = [
    (0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x1AAF), (0x1B00, 0x1B7F),
    (0x3031, 0x3035), (0x303B, 0x303C), (0x3040, 0x312F), (0x31A0, 0x31BF), (0x31F0, 0x31FF),
    (0xA000, 0xA4CF), (0xA980, 0xA9FF), (0xAA60, 0xAADF), (0xFF66, 0xFF9F), (0x1AFF0, 0x1B16F),
]  # fmt: skip
# Punctuation of East Asia, which stands without spaces too.
_PUNCTUATION = [(0x3001, 0x3003), (0x3008, 0x3020), (0xFF01, 0xFF0F), (0xFF1A, 0xFF20),
                (0xFF3B, 0xFF40), (0xFF5B, 0xFF65)]  # fmt: skip


def _is_in(code: int, blocks: list[tuple[int, int]]) -> bool:
    return any(first <= code <= last for first, last in blocks)


def is_chinese(word: str) -> bool:
    """Whether a word is a Chinese character."""
    return _is_in(ord(word[0]), _HAN)


def is_spaceless(word: str) -> bool:
    """Whether a word is of a script that does not separate words by spaces."""
    return _is_in(ord(word[0]), _HAN) or _is_in(ord(word[0]), _OTHERS)


class _Table(dict[int, str]):
    """What `str.translate` puts in the place of each character, found at its first use."""

    def __init__(self, keeps_punctuation: bool) -> None:
        self.keeps_punctuation = keeps_punctuation

    def __missing__(self, code: int) -> str:
        character = chr(code)
        # Letters, marks, which some scripts write vowels by, and numbers.
        if self.keeps_punctuation or unicodedata.category(character)[0] in "LMN":
            is_alone = is_spaceless(character) or _is_in(code, _PUNCTUATION)
            found = f" {character} " if is_alone else character
        else:
            found = " "
        self[code] = found
        return found


_WORDS, _TOKENS = _Table(keeps_punctuation=False), _Table(keeps_punctuation=True)


def split_words(text: str) -> list[str]:
    """The tokens of ROUGE, in every script.

    Args:
        text: any text.

    Returns:
        Runs of letters and digits, lowercased; in scripts without spaces each character.

    Example:
        >>> split_words("Don't panic! Не паникуй, 别慌。")
        ['don', 't', 'panic', 'не', 'паникуй', '别', '慌']
    """
    text = unicodedata.normalize("NFC", text.lower())
    return text.translate(_WORDS).split()


def split_tokens(text: str) -> list[str]:
    """What spaces separate; in scripts without spaces each character."""
    return text.translate(_TOKENS).split()


def split_characters(text: str) -> list[str]:
    """The tokens of ROUGE in Chinese.

    Args:
        text: any text.

    Returns:
        The characters, white space left out.

    Example:
        >>> split_characters("好 书")
        ['好', '书']
    """
    return [character for character in text if not character.isspace()]
