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
        encoder, decoder: Ids, or features, to hidden states and their mask; what attends to them.

    Raises:
        ArgumentError: If the decoder is for a memory of another width, or copies ids that the
            encoder does not take.

    Example:
        >>> import numpy as np, lmzoo
        >>> model = lmzoo.build_gru_seq2seq(50, embed_dim=8, hidden_dim=8)
        >>> model.predict([np.array([[5, 6, 7, 0]]), np.array([[2, 8]])], verbose=0).shape
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

    def init_state(self, source: Tensor, length: int, coverage: bool = False) -> dict[str, Any]:
        """Encodes the source; otherwise as `Decoder.start_state`."""
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
            As `LanguageModel.start`.
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
        """Attention weights of the last attending layer, float32 (batch, time, source_time).

        Each row adds up to 1; position t is the one from which target t + 1 is predicted. `source`
        is as for `start`, `target` int32 (batch, time), beginning with id 2.
        """
        weights: list[Tensor] = []
        target = ops.convert_to_tensor(target, dtype="int32")
        source = keras.tree.map_structure(ops.convert_to_tensor, source)
        state = self.init_state(source, target.shape[1], coverage=True)
        self.decoder.step(target, state, ops.zeros((), "int32"), weights)
        return weights[-1]
