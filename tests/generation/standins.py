"""Tiny models and tokenizers that the generation tests can compute by hand."""

import keras
import numpy as np
from keras import ops


class RecurrentModel(keras.Model):
    """h = tanh(h W + E[id]), logits = h V: a language model with init_state and step."""

    def __init__(self, vocab_size=11, dim=6, seed=0, scale=2.0):
        super().__init__()
        self.vocab_size, self.max_length, self.dim = vocab_size, None, dim
        shapes = [(vocab_size, dim), (dim, dim), (dim, vocab_size)]
        self.tables = [self.add_weight(shape, name=f"w{i}") for i, shape in enumerate(shapes)]
        self.randomize(seed, scale)

    def randomize(self, seed, scale=2.0):
        rng = np.random.default_rng(seed)
        for table in self.tables:
            table.assign(rng.normal(size=table.shape) * scale / np.sqrt(table.shape[0]))
        # The first table is an embedding: its size says nothing about its scale.
        self.tables[0].assign(rng.normal(size=self.tables[0].shape) * scale)

    def init_state(self, batch_size, length):
        return {"h": ops.zeros((batch_size, self.dim))}

    def step(self, ids, state, position):
        embedding, recurrent, out = [ops.convert_to_tensor(t) for t in self.tables]

        def advance(hidden, x):
            hidden = ops.tanh(ops.matmul(hidden, recurrent) + x)
            return hidden, hidden

        inputs = ops.take(embedding, ops.transpose(ids), axis=0)  # (n, batch, dim)
        if ids.shape[1] == 1:
            hidden, _ = advance(state["h"], inputs[0])
            outputs = hidden[None]
        else:
            hidden, outputs = ops.scan(advance, state["h"], inputs)
        return ops.matmul(ops.transpose(outputs, (1, 0, 2)), out), {"h": hidden}

    def call(self, ids, training=False):
        return self.step(ids, self.init_state(ids.shape[0], ids.shape[1]), 0)[0]

    def numpy_logits(self, ids):
        """Float64 logits (time, vocab) of one row of ids."""
        embedding, recurrent, out = [ops.convert_to_numpy(t).astype("float64") for t in self.tables]
        hidden, outputs = np.zeros(self.dim), []
        for token in ids:
            hidden = np.tanh(hidden @ recurrent + embedding[token])
            outputs.append(hidden @ out)
        return np.stack(outputs)


class AttentionModel(keras.Model):
    """One causal attention layer with learned positions and a cache of keys."""

    def __init__(self, vocab_size=11, dim=8, max_length=100, seed=0):
        super().__init__()
        self.vocab_size, self.max_length, self.dim = vocab_size, max_length, dim
        rng = np.random.default_rng(seed)
        shapes = [(vocab_size, dim), (max_length, dim), (dim, vocab_size)]
        self.tables = [self.add_weight(shape, name=f"w{i}") for i, shape in enumerate(shapes)]
        for table in self.tables:
            table.assign(rng.normal(size=table.shape))

    def init_state(self, batch_size, length):
        return (ops.zeros((batch_size, length, self.dim)),)

    def step(self, ids, state, position):
        embedding, positions, out = [ops.convert_to_tensor(t) for t in self.tables]
        places = position + ops.arange(ids.shape[1], dtype="int32")  # (n,)
        x = ops.take(embedding, ids, axis=0) + ops.take(positions, places, axis=0)
        columns = ops.arange(state[0].shape[1], dtype="int32")
        writes = ops.cast(columns[:, None] == places[None, :], "float32")  # (length, n)
        cache = state[0] + ops.einsum("ln,bnd->bld", writes, x)
        scores = ops.einsum("bnd,bld->bnl", x, cache) / np.sqrt(self.dim)
        scores = ops.where(columns[None, :] <= places[:, None], scores, -1e9)
        mixed = ops.einsum("bnl,bld->bnd", ops.softmax(scores, axis=-1), cache)
        return ops.matmul(ops.tanh(mixed), out), (cache,)

    def call(self, ids, training=False):
        return self.step(ids, self.init_state(ids.shape[0], ids.shape[1]), 0)[0]

    def numpy_logits(self, ids):
        """Float64 logits (time, vocab) of one row of ids."""
        embedding, positions, out = [ops.convert_to_numpy(t).astype("float64") for t in self.tables]
        x = embedding[ids] + positions[: len(ids)]
        scores = x @ x.T / np.sqrt(self.dim)
        scores[np.triu_indices(len(ids), 1)] = -np.inf
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        return np.tanh(weights / weights.sum(-1, keepdims=True) @ x) @ out


def greedy(model, ids, count):
    """The ids followed by `count` arg-max tokens, by full recomputation."""
    ids = [int(token) for token in ids]
    for _ in range(count):
        ids.append(int(np.argmax(model.numpy_logits(ids)[-1])))
    return ids


def log_softmax(logits):
    logits = np.asarray(logits, "float64")
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


class ByteTokenizer:
    """Ids are bytes plus 4; broken bytes decode to U+FFFD."""

    kind, vocab_size = "byte", 260
    pad_id, unk_id, bos_id, eos_id = 0, None, 2, 3

    def encode(self, text):
        return [byte + 4 for byte in text.encode()]

    def decode(self, ids):
        return bytes(i - 4 for i in ids if i >= 4).decode(errors="replace")


class PieceTokenizer:
    """Pieces of several characters; "_" is a space, which is dropped at a text's start."""

    kind = "unigram"
    pad_id, unk_id, bos_id, eos_id = 0, 1, 2, 3
    pieces = ("", "", "", "", "_the", "_cat", "s", "_sat", ".", "ab", "c", "_a", "bc", "d")
    vocab_size = len(pieces)

    def encode(self, text):
        text, ids = "_" + text.replace(" ", "_"), []
        while text:
            best = max((p for p in self.pieces if p and text.startswith(p)), key=len)
            ids.append(self.pieces.index(best))
            text = text[len(best) :]
        return ids

    def decode(self, ids):
        return "".join(self.pieces[i] for i in ids).replace("_", " ").removeprefix(" ")


class CharTokenizer(PieceTokenizer):
    """Three known characters."""

    kind, vocab_size, known = "char", 11, "abc"

    def encode(self, text):
        return [4 + self.known.index(c) if c in self.known else 1 for c in text]

    def decode(self, ids):
        return "".join(self.known[i - 4] if 4 <= i < 7 else "?" for i in ids)

    def unknown(self, text):
        return [c for c in dict.fromkeys(text) if c not in self.known]


class ScriptedModel(keras.Model):
    """Says the same ids whatever it is given; for tests of stop strings and streaming."""

    def __init__(self, script, start, vocab_size):
        super().__init__()
        self.vocab_size, self.max_length = vocab_size, None
        table = np.full((256, vocab_size), -20.0, "float32")
        for place, token in enumerate(script):
            table[start - 1 + place, token] = 20.0
        self.table = self.add_weight(table.shape, name="table")
        self.table.assign(table)

    def init_state(self, batch_size, length):
        return (ops.zeros((batch_size, 1)),)

    def step(self, ids, state, position):
        places = position + ops.arange(ids.shape[1], dtype="int32")
        logits = ops.take(ops.convert_to_tensor(self.table), places, axis=0)
        return ops.broadcast_to(logits, (ids.shape[0], *logits.shape)), state
