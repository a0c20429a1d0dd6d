"""The errors that lmzoo raises itself: each says what was wrong, the value, and the remedy."""


class LmzooError(Exception):
    """Base of lmzoo's own errors; the examples show these as one line, without a traceback."""


class DataError(LmzooError, ValueError):
    """A text, file or data set that cannot be used as it is."""


class TokenizerError(LmzooError, ValueError):
    """A tokenizer that cannot be trained, loaded, or applied to this text."""


class PromptError(LmzooError, ValueError):
    """A prompt that the model cannot continue: empty, too long, or with ids that it lacks."""


class ArgumentError(LmzooError, ValueError):
    """An argument outside its range."""


class UnknownModelError(LmzooError, LookupError):
    """A model name that nobody registered."""


class TrainingDiverged(LmzooError, ArithmeticError):
    """The loss became NaN or infinite; training stopped at the last good checkpoint."""
