"""Sequence to sequence: an encoder and a decoder that attends to its hidden states."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.models.bases.decoder import Decoder
from lmzoo.models.bases.encoder import Encoder
from lmzoo.models.bases.token_model import TokenModel
from lmzoo.special_ids import BOS_ID
from lmzoo.typing import Tensor


@keras.saving.register_keras_serializable(package="lmzoo")
class Seq2SeqModel(TokenModel):
    """Source and target -> logits (batch, time, vocab_size) of each next target id.

    Inputs are the encoder's, padded on the right (ids by 0), and target ids (batch, time), which
    begin with id 2.

    Args:
        encoder: Ids, or features, to hidden states and their mask.
        decoder: Attends to them.

    Raises:
        ArgumentError: If the decoder is for a memory of another width, or copies ids that the
            encoder does not take.

    Example:
        >>> import numpy as np
        >>> import lmzoo
        >>> model = lmzoo.build_transformer_seq2seq(50, embed_dim=8, hidden_dim=16, num_heads=2)
        >>> source, target = np.array([[5, 6, 7, 0]]), np.array([[2, 8]])
        >>> model.predict([source, target], verbose=0).shape
        (1, 2, 50)
    """

    def __init__(self, encoder: Encoder, decoder: Decoder, *, name: str | None = None) -> None:
        if encoder.dim != decoder.memory_dim:
            raise ArgumentError(
                f"The encoder's hidden states have width {encoder.dim}: build the decoder with "
                f"memory_dim={encoder.dim}, not {decoder.memory_dim}."
            )
        if decoder.copies and encoder.input_sizes() != [decoder.vocab_size]:
            raise ArgumentError(
                f"The decoder copies from a vocabulary of {decoder.vocab_size}, and the encoder's "
                f"inputs have {encoder.input_sizes()}: both need one vocabulary."
            )
        target = keras.Input((None,), dtype="int32", name="target")
        inputs = [*encoder.inputs, target]
        memory, mask = encoder.outputs
        source = encoder.inputs[0] if decoder.copies else None
        hidden, logits = decoder.graph(target, memory, mask, source)
        super().__init__(inputs=inputs, outputs=logits, name=name)
        self.encoder, self.decoder = encoder, decoder
        self.embedding, self.head = decoder.embedding, decoder.head
        if hidden is not None:
            self.hidden = keras.Model(inputs, hidden, name="hidden")

    def input_sizes(self) -> list[int | None]:
        """How many ids the encoder's inputs and the target may hold; None for features."""
        return [*self.encoder.input_sizes(), self.decoder.input_sizes()[0]]

    @property
    def max_length(self) -> int | None:
        """The longest target, or None if there is no limit."""
        return self.decoder.max_length

    @property
    def copies(self) -> bool:
        """Whether tokens may be copied from the source."""
        return self.decoder.copies

    def init_state(self, source: Tensor, length: int, coverage: bool = False) -> dict[str, Any]:
        """Encodes the source, for targets of up to `length` ids.

        Args:
            source: int32 (batch, source_time), or float features; a list for several inputs.
            length: How many target ids the state must hold.
            coverage: Whether to add up the attention that fell on each source token.

        Returns:
            As `Decoder.start_state`.
        """
        memory, mask = self.encoder(source)
        return self.decoder.start_state(memory, mask, length, source, coverage)

    def start(
        self, source: Tensor, length: int, ids: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Any], Tensor]:
        """Encodes the source and prefills the first target ids.

        Args:
            source: int32 (batch, source_time), or float features; a list for several inputs.
            length: How many target ids the state must hold, these and all that follow.
            ids: int32 (batch, n), the first target ids; None for the one that begins a text.

        Returns:
            Logits (batch, n, vocab_size), the state, and the position int32 () of the next id.
        """
        source = keras.tree.map_structure(ops.convert_to_tensor, source)
        rows = keras.tree.flatten(source)[0].shape[0]
        ids = ops.full((rows, 1), BOS_ID, "int32") if ids is None else ids
        ids = ops.convert_to_tensor(ids, dtype="int32")
        position = ops.zeros((), "int32")
        logits, state = self.step(ids, self.init_state(source, length), position)
        return logits, state, position + ids.shape[1]

    def step(
        self, ids: Tensor, state: dict[str, Any], position: Tensor
    ) -> tuple[Tensor, dict[str, Any]]:
        """Takes n more target ids; as `LanguageModel.step`."""
        return self.decoder.step(ids, state, position)

    def attention(self, source: Tensor, target: Tensor) -> Tensor:
        """The attention weights of the last layer that attends to the source.

        Position t is the one from which target t + 1 is predicted.

        Args:
            source: int32 (batch, source_time), or float features.
            target: int32 (batch, time), beginning with id 2.

        Returns:
            float32 (batch, time, source_time), each row adding up to 1.
        """
        weights: list[Tensor] = []
        target = ops.convert_to_tensor(target, dtype="int32")
        source = keras.tree.map_structure(ops.convert_to_tensor, source)
        state = self.init_state(source, target.shape[1], coverage=True)
        self.decoder.step(target, state, ops.zeros((), "int32"), weights)
        return weights[-1]
