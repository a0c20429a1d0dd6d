"""Models that give each word of a sentence a tag, and the sentence an intent."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers import Dropout, TokenEmbedding
from lmzoo.layers.embeddings.characters import CharacterEncoder
from lmzoo.layers.heads.crf import CRF
from lmzoo.layers.pooling import Pooling
from lmzoo.layers.slot_gate import SlotGate
from lmzoo.losses.classes import ClassCrossEntropy, TagCrossEntropy
from lmzoo.losses.crf import CRFLoss, crf_marginals, split_scores
from lmzoo.losses.viterbi import crf_decode
from lmzoo.metrics.classification import ClassAccuracy
from lmzoo.metrics.tags import TagAccuracy
from lmzoo.models.zoo_model import ZooModel, refuse_class_weight, xla_on
from lmzoo.typing import Tensor

PAD = 0
ROWS = 64  # sentences that `decode` reads at once


@keras.saving.register_keras_serializable(package="lmzoo")
class TaggerModel(ZooModel):
    """A functional model from words to a tag for each.

    int32 word ids (batch, time), 0 padding; with `characters` a pair of them and int32 character
    ids (batch, time, characters). It gives float32 CRF scores (batch, time + num_tags + 2,
    num_tags), see `lmzoo.losses.split_scores`, or without a CRF the tags' probabilities (batch,
    time, num_tags). With `num_intents` it gives a list: the intents' probabilities (batch,
    num_intents), and that.

    Args:
        embedding: Word ids to vectors.
        blocks: Layers with `call(x, mask, training)`, (batch, time, dim) both ways.
        num_tags: Number of tags.
        characters: Character ids to vectors of words, joined to the embedding's; or None.
        projection: A layer behind the joined vectors, or None.
        norm: A normalization layer behind the blocks, or None.
        dropout: Share of the blocks' output dropped in training, 0 to 1.
        crf: What chooses the tags together, or None.
        num_intents: Number of intents of a sentence, or None.
        pooling: The blocks' output to the vector from which the intent is read.
        gate: What the sentence's vector says about the words', or None.

    Attributes:
        head: the blocks' output to a score for each tag.
        intent_head: the sentence's vector to the intents' probabilities, or None.

    Example:
        >>> import numpy as np
        >>> import lmzoo
        >>> model = lmzoo.build_bilstm_crf_tagger(50, num_tags=3, embed_dim=8, hidden_dim=8)
        >>> model.decode(np.array([[5, 6, 7, 0]])).shape
        (1, 4)
    """

    def __init__(
        self,
        embedding: TokenEmbedding,
        blocks: Sequence[keras.layers.Layer],
        num_tags: int,
        *,
        characters: CharacterEncoder | None = None,
        projection: keras.layers.Layer | None = None,
        norm: keras.layers.Layer | None = None,
        dropout: float = 0.0,
        crf: CRF | None = None,
        num_intents: int | None = None,
        pooling: Pooling | None = None,
        gate: SlotGate | None = None,
        name: str | None = None,
    ) -> None:
        inputs, x, mask = _read(embedding, blocks, characters, projection, norm)
        x = Dropout(dropout)(x)
        intent_head = None
        if num_intents is not None:
            assert pooling is not None
            sentence = pooling(x, mask=mask)
            intent_head = keras.layers.Dense(
                num_intents, activation="softmax", dtype="float32", name="intent"
            )
            x = x if gate is None else gate(x, sentence)
        head = keras.layers.Dense(num_tags, dtype="float32", name="emissions")
        if crf is not None:
            outputs = crf(head(x), mask=mask)
        else:
            outputs = keras.layers.Activation("softmax", dtype="float32", name="tag")(head(x))
        if intent_head is not None:
            outputs = [intent_head(sentence), outputs]
        one = inputs[0] if len(inputs) == 1 else inputs
        super().__init__(inputs=one, outputs=outputs, name=name)
        self.embedding = embedding
        self.characters = characters
        self.blocks = list(blocks)
        self.head = head
        self.intent_head = intent_head
        self.crf = crf
        self.num_tags = num_tags
        self.num_intents = num_intents

    def input_sizes(self) -> list[int | None]:
        """How many ids the words and the characters may hold."""
        sizes: list[int | None] = [self.embedding.vocab_size]
        return sizes if self.characters is None else [*sizes, self.characters.num_characters]

    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        label_smoothing: float = 0.0,
        focal_gamma: float = 0.0,
    ) -> None:
        """Keras's `compile`; loss and metric are those of tags, and XLA is on.

        Args:
            optimizer: Name or optimizer.
            loss: None for the mean nats per word: lmzoo.losses.CRFLoss(), or, without a CRF,
                lmzoo.losses.TagCrossEntropy(). With intents, lmzoo.losses.ClassCrossEntropy() is
                added to it, with the same weight.
            loss_weights: As Keras.
            metrics: As Keras.
            weighted_metrics: None for [lmzoo.metrics.TagAccuracy(...)], and the intents' accuracy.
            run_eagerly: As Keras.
            steps_per_execution: As Keras; 10 or more is faster for small models.
            jit_compile: "auto" compiles with XLA, which Keras's "auto" does not do on a CPU.
            auto_scale_loss: As Keras.
            label_smoothing: That of the default losses but CRFLoss, 0 to below 1.
            focal_gamma: That of the default losses but CRFLoss, 0 or above.

        Raises:
            ArgumentError: If label_smoothing or focal_gamma is given beside a loss, which has its
                own, or where the only loss is that of a CRF.
        """
        of_losses: dict[str, Any] = {"label_smoothing": label_smoothing, "focal_gamma": focal_gamma}
        for argument, value in of_losses.items():
            if value and (loss is not None or (self.crf and not self.num_intents)):
                raise ArgumentError(
                    f"{argument}={value} is that of the default loss where tags are chosen one by "
                    "one: build the model with crf=False and leave loss out, or give it to a loss."
                )
        if loss is None:
            loss = CRFLoss() if self.crf else TagCrossEntropy(**of_losses)
            loss = [ClassCrossEntropy(**of_losses), loss] if self.num_intents else loss
        if weighted_metrics is None:
            weighted_metrics = [TagAccuracy(crf=self.crf is not None)]
            if self.num_intents:
                weighted_metrics = [[ClassAccuracy()], weighted_metrics]
        super().compile(
            optimizer=optimizer,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=xla_on(jit_compile, run_eagerly),
            auto_scale_loss=auto_scale_loss,
        )

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Keras's `fit`; ids in arrays are checked against the vocabularies first.

        Raises:
            PromptError: If an id is outside the vocabulary.
            ArgumentError: If class_weight is given: Keras takes each row of tags for one-hot.
        """
        refuse_class_weight(kwargs.get("class_weight"))
        return super().fit(x, *args, **kwargs)

    def decode(self, inputs: Any) -> np.ndarray:
        """The best tags: with a CRF the best sequence, else the likeliest tag of each word.

        Args:
            inputs: Word ids (sentences, time), or a pair of them and character ids, as arrays.

        Returns:
            Tag ids, int32 (sentences, time), 0 at padding.

        Raises:
            PromptError: If an id is outside the vocabulary.
        """
        found = [self.best_tags(output, real) for output, real in self._pieces(inputs)]
        return np.concatenate(found)

    def best_tags(self, scores: Any, real: np.ndarray) -> np.ndarray:
        """The tags that `decode` reads from the model's output.

        Args:
            scores: What the model gives of tags, as an array.
            real: Where words are real, bool (sentences, time).

        Returns:
            Tag ids, int32 (sentences, time), 0 at padding.
        """
        if self.crf is not None:
            return np.asarray(ops.convert_to_numpy(crf_decode(scores, real)), "int32")
        return np.where(real, np.argmax(scores, axis=-1), 0).astype("int32")

    def marginals(self, inputs: Any) -> np.ndarray:
        """The probability of each tag at each word, over all sequences of tags.

        Args:
            inputs: Word ids (sentences, time), or a pair of them and character ids, as arrays.

        Returns:
            Float32 (sentences, time, num_tags), adding up to 1 at words, 0 at padding.

        Raises:
            PromptError: If an id is outside the vocabulary.
        """
        found = []
        for output, real in self._pieces(inputs):
            if self.crf is not None:
                output = ops.convert_to_numpy(crf_marginals(*split_scores(output), real))
            found.append(np.where(real[..., None], output, 0))
        return np.concatenate(found).astype("float32")

    def decode_intents(self, inputs: Any) -> np.ndarray:
        """The likeliest intent of each sentence.

        Args:
            inputs: Word ids (sentences, time), or a pair of them and character ids, as arrays.

        Returns:
            Intent ids, int32 (sentences,).

        Raises:
            ArgumentError: If the model has no intents.
            PromptError: If an id is outside the vocabulary.
        """
        if self.num_intents is None:
            raise ArgumentError(f"{self.name} has no intents: build_lstm_intent_tagger makes one.")
        found = [np.argmax(intents, -1) for intents, _ in self._pieces(inputs, output=0)]
        return np.concatenate(found).astype("int32")

    def _pieces(self, inputs: Any, output: int = -1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """One of the model's outputs, and where words are real, some sentences at a time."""
        parts = [np.asarray(part) for part in keras.tree.flatten(inputs)]
        self._check_ids(parts)
        count = len(parts[0])
        for start in range(0, max(count, 1), ROWS):
            pieces = [part[start : start + ROWS] for part in parts]
            rows = len(pieces[0])
            # Every piece of a long list has the same shape, so that one function serves.
            missing = (ROWS if count > ROWS else max(rows, 1)) - rows
            pieces = [np.pad(p, ((0, missing), *((0, 0),) * (p.ndim - 1))) for p in pieces]
            found = self.predict_on_batch(pieces if len(pieces) > 1 else pieces[0])
            found = found[output] if self.num_intents else found
            yield np.asarray(found)[:rows], pieces[0][:rows] != PAD

    def _check_ids(self, x: Any) -> None:
        """As every model; a list of one array is that array."""
        one = len(self.inputs) == 1 and isinstance(x, list | tuple) and len(x) == 1
        super()._check_ids(x[0] if one else x)


def _read(
    embedding: TokenEmbedding,
    blocks: Sequence[keras.layers.Layer],
    characters: CharacterEncoder | None,
    projection: keras.layers.Layer | None,
    norm: keras.layers.Layer | None,
) -> tuple[list[Tensor], Tensor, Tensor]:
    """The inputs, what stands behind the blocks, and where words are real."""
    words = keras.Input((None,), dtype="int32", name="words")
    inputs, x = [words], embedding(words)
    if characters is not None:
        inputs.append(keras.Input((None, None), dtype="int32", name="characters"))
        x = ops.concatenate([x, characters(inputs[1])], axis=-1)
    mask = ops.not_equal(words, PAD)
    x = x if projection is None else projection(x)
    for block in blocks:
        x = block(x, mask=mask)
    return inputs, x if norm is None else norm(x), mask
