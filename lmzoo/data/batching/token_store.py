"""Keeps token ids: in memory while they are few, in a file when they are many."""

import mmap
import shutil
import tempfile
import weakref
from array import array
from pathlib import Path

import numpy as np

from lmzoo.files import reading
from lmzoo.special_ids import PAD_ID

MEMORY_BYTES = 1 << 27


class TokenStore:
    """A long array of token ids, appended, then read; beyond `memory_bytes` a temporary file."""

    def __init__(self, vocab_size: int, memory_bytes: int = MEMORY_BYTES) -> None:
        self.dtype = np.min_scalar_type(max(vocab_size, 1) - 1)
        self.size = 0
        self._memory_bytes = memory_bytes
        self._parts: list[np.ndarray] = []
        self._path: Path | None = None
        self._ids: np.ndarray | None = None
        self._pages: mmap.mmap | None = None

    def append(self, ids: np.ndarray) -> None:
        """Appends ids, shape (n,)."""
        self._parts.append(np.asarray(ids).astype(self.dtype))
        self.size += len(ids)
        if self._path is None and self.size * self.dtype.itemsize > self._memory_bytes:
            folder = tempfile.mkdtemp(prefix="lmzoo-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._path = Path(folder, "tokens.bin")
        if self._path is not None:
            with reading(self._path.parent, regular=False), self._path.open("ab") as file:
                file.writelines(part.tobytes() for part in self._parts)
            self._parts = []

    @property
    def ids(self) -> np.ndarray:
        """All ids, shape (n,): an array, or a view of the file. Reading ends the writing."""
        if self._ids is None and self._path is not None:
            with self._path.open("rb") as file:
                self._pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._ids = np.frombuffer(self._pages, self.dtype)
        if self._ids is None:
            self._ids = np.concatenate([np.zeros(0, self.dtype), *self._parts])
            self._parts = []
        return self._ids

    def take(self, index: np.ndarray) -> np.ndarray:
        """Reads the ids at any positions: int32 of the shape of `index`."""
        taken = self.ids.take(index).astype(np.int32)
        if self._pages is not None and hasattr(mmap, "MADV_DONTNEED"):
            # These pages stay in the system's cache but no longer count as this process's memory.
            self._pages.madvise(mmap.MADV_DONTNEED)
        return taken


class Sequences:
    """Sequences of ids of unequal length, each read by its number."""

    def __init__(self, vocab_size: int) -> None:
        self.store = TokenStore(vocab_size)
        self._edges = array("q", [0])

    def append(self, ids: np.ndarray) -> None:
        """Appends one sequence, shape (n,)."""
        self.store.append(ids)
        self._edges.append(self.store.size)

    def __len__(self) -> int:
        """Number of sequences."""
        return len(self._edges) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Ids in each sequence, int64 (sequences,)."""
        return np.diff(np.frombuffer(self._edges, np.int64))

    def gather(self, rows: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Reads sequences by number, -1 an empty one: padded int32 (n, width), and where real."""
        edges = np.frombuffer(self._edges, np.int64)
        stop = np.where(rows < 0, 0, edges[rows + 1])
        index = edges[rows][:, None] + np.arange(width)
        real = index < stop[:, None]
        ids = self.store.take(np.minimum(index, self.store.size - 1))
        return np.where(real, ids, PAD_ID).astype(np.int32), real
