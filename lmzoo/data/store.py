"""Keeps token ids: in memory while they are few, in a file when they are many."""

import mmap
import shutil
import tempfile
import weakref
from pathlib import Path

import numpy as np

MEMORY_BYTES = 1 << 27


class TokenStore:
    """A long row of token ids, written once from front to back and then read anywhere.

    Ids take one, two or four bytes, as the vocabulary needs. Beyond `memory_bytes` they go to a
    file in a temporary folder, which is removed when the store is no longer used.

    Args:
        vocab_size: number of different ids.
        cache_dir: where the temporary folder is made; None is the system's place for such.
        memory_bytes: ids that take more are kept in a file.

    Example:
        >>> store = TokenStore(vocab_size=300)
        >>> store.append(np.array([5, 6, 7], np.int32))
        >>> store.close()
        >>> store.ids.tolist(), store.ids.dtype.name
        ([5, 6, 7], 'uint16')
    """

    def __init__(
        self, vocab_size: int, cache_dir: str | Path | None = None, memory_bytes: int = MEMORY_BYTES
    ) -> None:
        self.dtype = np.min_scalar_type(max(vocab_size, 1) - 1)
        self.size = 0
        self._cache_dir, self._memory_bytes = cache_dir, memory_bytes
        self._parts: list[np.ndarray] = []
        self._path: Path | None = None
        self._ids: np.ndarray | None = None
        self._pages: mmap.mmap | None = None

    def append(self, ids: np.ndarray) -> None:
        """Writes ids, shape (n,), at the end."""
        self._parts.append(np.asarray(ids).astype(self.dtype))
        self.size += len(ids)
        if self._path is None and self.size * self.dtype.itemsize > self._memory_bytes:
            if self._cache_dir is not None:
                Path(self._cache_dir).mkdir(parents=True, exist_ok=True)
            folder = tempfile.mkdtemp(prefix="lmzoo-", dir=self._cache_dir)
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._path = Path(folder, "tokens.bin")
        if self._path is not None:
            with self._path.open("ab") as file:
                file.writelines(part.tobytes() for part in self._parts)
            self._parts = []

    def close(self) -> None:
        """Ends the writing; from here on `ids` can be read."""
        if self._path is None:
            self._ids = np.concatenate([np.zeros(0, self.dtype), *self._parts])
        else:
            with self._path.open("rb") as file:
                self._pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._ids = np.frombuffer(self._pages, self.dtype)
        self._parts = []

    @property
    def ids(self) -> np.ndarray:
        """All ids, shape (n,): an array, or a view of the file."""
        if self._ids is None:
            self.close()
        assert self._ids is not None
        return self._ids

    def take(self, index: np.ndarray) -> np.ndarray:
        """Reads the ids at any places, as int32 of the shape of `index`."""
        taken = self.ids.take(index).astype(np.int32)
        if self._pages is not None and hasattr(mmap, "MADV_DONTNEED"):
            # The pages that were read stay in the system's cache but no longer count as ours.
            self._pages.madvise(mmap.MADV_DONTNEED)
        return taken
