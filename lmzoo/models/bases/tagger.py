"""Taggers: an encoder, and for each word the emissions of its tags; for the sentence an intent."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers import CRF, Dropout, Pooling, SlotGate
from lmzoo.losses import ClassCrossEntropy, CRFLoss, TagCrossEntropy
from lmzoo.metrics import ClassAccuracy, TagAccuracy
from lmzoo.models.bases.encoder import Encoder
from lmzoo.models.bases.zoo_model import ZooModel
from lmzoo.special_ids import PAD_ID

ROWS = 64  # sentences decoded in one batch


@keras.saving.register_keras_serializable(package="lmzoo")
class TaggerModel(ZooModel):
    """An encoder's inputs -> float32 emissions of tags, (batch, time, num_tags).

    With a CRF they are its inputs; without one the tags' logits. With `num_intents` the output is
    [the intents' logits (batch, num_intents), emissions]. The default loss is the mean nats per
    word: `lmzoo.losses.CRFLoss`, or without a CRF `TagCrossEntropy`; with intents,
    `ClassCrossEntropy` is added with equal weight.

    Args:
        encoder: What the sentences are encoded with; several models may share it.
        num_tags: Number of tags.
        dropout: Dropout rate of the encoder's output, 0 to 1.
        crf: The CRF that decodes the tags jointly, or None.
        num_intents: Number of intents of a sentence, or None.
        pooling: The encoder's output to the vector of which the intent is predicted.
        gate: Scales the words' vectors by the sentence's, or None.

    Example:
        >>> import numpy as np
        >>> import lmzoo
        >>> model = lmzoo.build_bilstm_crf_tagger(50, num_tags=3, embed_dim=8, hidden_dim=8)
        >>> model.decode(np.array([[5, 6, 7, 0]])).shape
        (1, 4)
    """

    labels_have_time = True

    def __init__(
        self,
        encoder: Encoder,
        num_tags: int,
        *,
        dropout: float = 0.0,
        crf: CRF | None = None,
        num_intents: int | None = None,
        pooling: Pooling | None = None,
        gate: SlotGate | None = None,
        name: str | None = None,
    ) -> None:
        hidden, mask = encoder.outputs
        x = Dropout(dropout)(hidden)
        intent_head, outputs = None, []
        if num_intents is not None:
            assert pooling is not None
            sentence = pooling(x, mask=mask)
            intent_head = keras.layers.Dense(num_intents, dtype="float32", name="intent")
            outputs = [intent_head(sentence)]
            x = x if gate is None else gate(x, sentence)
        # Keras names losses and metrics after the layers of the outputs.
        head_name = "tag" if crf is None else "emissions"
        head = keras.layers.Dense(num_tags, dtype="float32", name=head_name)
        emissions = head(x) if crf is None else crf(head(x))
        outputs = [*outputs, emissions] if outputs else emissions
        super().__init__(inputs=encoder.input, outputs=outputs, name=name)
        self.encoder, self.head, self.intent_head, self.crf = encoder, head, intent_head, crf
        self.num_tags, self.num_intents = num_tags, num_intents

    @property
    def embedding(self) -> keras.layers.Layer:
        """The encoder's embedding of words."""
        return self.encoder.embedding

    @property
    def characters(self) -> keras.layers.Layer | None:
        """The encoder's layer of characters, or None."""
        return self.encoder.characters

    def input_sizes(self) -> list[int | None]:
        """How many ids the words and the characters may hold."""
        return self.encoder.input_sizes()

    def label_sizes(self) -> list[int | None]:
        """The numbers of intents, if there are any, and of tags."""
        return [self.num_intents, self.num_tags] if self.num_intents else [self.num_tags]

    def default_loss(self) -> Any:
        """The mean nats per word, and beside it those per intent."""
        loss = TagCrossEntropy() if self.crf is None else CRFLoss(self.crf)
        return [ClassCrossEntropy(), loss] if self.num_intents else loss

    def default_metrics(self) -> Any:
        """The accuracy of tags, and beside it that of intents, 0 to 1."""
        metrics = [TagAccuracy(self.crf)]
        return [[ClassAccuracy()], metrics] if self.num_intents else metrics

    def accept_loss(self, loss: Any) -> Any:
        """The loss, or an ArgumentError if it takes probabilities, or does not train the model's
        CRF."""
        loss = super().accept_loss(loss)
        if self.crf is not None and any(
            isinstance(one, TagCrossEntropy) for one in keras.tree.flatten(loss)
        ):
            raise ArgumentError(
                "TagCrossEntropy does not train the CRF, which decodes the tags jointly: use "
                "lmzoo.losses.CRFLoss(model.crf), or build the model with crf=False."
            )
        return loss

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles a loaded model as the saved one was; its losses and metrics get its CRF."""
        arguments = keras.saving.deserialize_keras_object(config)
        for part in keras.tree.flatten(arguments):
            if self.crf is not None and getattr(part, "crf", None) == self.crf.name:
                part.crf = self.crf
        self.compile(**arguments)
        self.build_optimizer()

    def compute_loss(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Keras's loss; with a CRF the metrics count here, by the weights of the forward pass:
        later these have changed, and on JAX Keras hands metrics no weights.
        """
        if self.crf is not None and self._compile_metrics is not None:
            fixed = keras.tree.map_structure(ops.stop_gradient, y_pred)
            self._compile_metrics.update_state(y, fixed, sample_weight)
        return super().compute_loss(x, y, y_pred, sample_weight, training=training)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Keras's metrics; with a CRF they have counted in `compute_loss`."""
        if self.crf is None:
            return super().compute_metrics(x, y, y_pred, sample_weight)
        if self._compile_metrics is not None and not self._compile_metrics.built:
            self._compile_metrics.build(y, y_pred)  # Keras asks for results before the first loss
        return self.get_metrics_result()

    def decode(self, inputs: Any) -> np.ndarray:
        """Ids of the best tags, int32 (sentences, time), 0 at padding.

        Args:
            inputs: Arrays: word ids (sentences, time), or a pair of them and character ids.

        Raises:
            PromptError: If an id is outside the vocabulary.
        """
        return np.concatenate([self.best_tags(*batch) for batch in self._batches(inputs)])

    def best_tags(self, emissions: Any, real: np.ndarray) -> np.ndarray:
        """The tags, as `decode`, of the model's emissions and where words are real, as arrays."""
        _refuse_nan(np.asarray(emissions)[real], *(self.crf.scores() if self.crf else ()))
        if self.crf is not None:
            return np.asarray(ops.convert_to_numpy(self.crf.decode(emissions, real)), "int32")
        return np.where(real, np.argmax(emissions, axis=-1), 0).astype("int32")

    def marginals(self, inputs: Any) -> np.ndarray:
        """The probability of each tag at each word, over all sequences of tags; `inputs` as
        `decode`.

        Returns:
            Float32 (sentences, time, num_tags), adding up to 1 at words, 0 at padding.
        """
        batches = []
        for emissions, real in self._batches(inputs):
            _refuse_nan(emissions[real], *(self.crf.scores() if self.crf else ()))
            if self.crf is not None:
                p = self.crf.marginals(emissions, real)
            else:
                p = ops.softmax(ops.convert_to_tensor(emissions), axis=-1)
            batches.append(np.where(real[..., None], ops.convert_to_numpy(p), 0))
        return np.concatenate(batches).astype("float32")

    def decode_intents(self, inputs: Any) -> np.ndarray:
        """The most probable intent of each sentence, int32 (sentences,); `inputs` as `decode`.

        Raises:
            ArgumentError: If the model has no intents.
        """
        if self.num_intents is None:
            raise ArgumentError(f"{self.name} has no intents: build_lstm_intent_tagger makes one.")
        logits = np.concatenate([logits for logits, _ in self._batches(inputs, output=0)])
        _refuse_nan(logits)
        return np.argmax(logits, axis=-1).astype("int32")

    def _batches(self, inputs: Any, output: int = -1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """One of the model's outputs, and where words are real, for some sentences at a time."""
        arrays = [np.asarray(array) for array in keras.tree.flatten(inputs)]
        count = len(arrays[0])
        for start in range(0, max(count, 1), ROWS):
            batch = [array[start : start + ROWS] for array in arrays]
            rows = len(batch[0])
            # Every batch of a long list has the same shape, so that one function serves.
            missing = (ROWS if count > ROWS else max(rows, 1)) - rows
            batch = [np.pad(a, ((0, missing), *((0, 0),) * (a.ndim - 1))) for a in batch]
            outputs = self.predict_on_batch(batch if len(batch) > 1 else batch[0])
            outputs = outputs[output] if self.num_intents else outputs
            real = batch[0][:rows] != PAD_ID
            yield np.asarray(outputs)[:rows], real if real.ndim == 2 else real.any(axis=-1)


def _refuse_nan(*scores: Any) -> None:
    """Raises an ArgumentError for scores that are not numbers."""
    if not all(np.isfinite(ops.convert_to_numpy(x)).all() for x in scores):
        raise ArgumentError(
            "the model's scores are NaN: its training diverged; use an earlier checkpoint"
        )
