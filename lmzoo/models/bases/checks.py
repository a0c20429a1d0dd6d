"""What models check of their arguments and of their data before they train."""

import contextlib
import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from lmzoo.errors import ArgumentError, DataError, LmzooError, PromptError
from lmzoo.labels import host_array, refuse_no_distribution, refuse_unknown
from lmzoo.losses import ClassCrossEntropy, CRFLoss, CrossEntropy, TagCrossEntropy

OF_CLASSES = (
    ClassCrossEntropy,
    CrossEntropy,
    CRFLoss,
    TagCrossEntropy,
    keras.losses.SparseCategoricalCrossentropy,
)


def named_arguments(method: str, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a method of Keras's Model by their names."""
    bound = inspect.signature(getattr(keras.Model, method)).bind_partial(None, *args, **kwargs)
    arguments = dict(list(bound.arguments.items())[1:])
    return arguments | arguments.pop("kwargs", {})


def ranks_of(*parts: Any) -> tuple[int, ...]:
    """Numbers of axes of arrays, or of the batches of a Dataset; () if these are unknown."""
    spec = getattr(parts[0], "element_spec", None)
    flat = keras.tree.flatten(parts if spec is None else spec)
    shapes = [getattr(part, "shape", None) for part in flat if part is not None]
    return () if None in shapes else tuple(len(shape) for shape in shapes if shape is not None)


class BatchCheck:
    """Checks ids, labels and the number of rows, of arrays at once and of batches as they come.

    Args:
        model: a ZooModel; what its inputs and labels may hold is asked of it.
        is_training: whether recurrent blocks carry their state on.
    """

    def __init__(self, model: Any, *, is_training: bool = False) -> None:
        self.names = [part.name for part in model.inputs]
        self.sizes = model.input_sizes()
        losses = keras.tree.flatten(model.loss) if model.compiled else []
        classes = model.label_sizes()
        if len(losses) != len(classes):
            losses = [None] * len(classes)
        self.labels = [
            (size, len(output.shape), output.shape[-1] == 1)
            if size is not None and isinstance(loss, OF_CLASSES)
            else None
            for size, output, loss in zip(classes, model.outputs, losses, strict=True)
        ]
        layers = model._flatten_layers() if is_training else ()
        self.rows = max((getattr(layer, "carry_batch_size", 0) for layer in layers), default=0)

    def data(self, x: Any) -> Any:
        """Batches that are checked as they come; arrays as they are."""
        if hasattr(x, "element_spec"):
            return self._dataset(x) if hasattr(x, "map") else x
        if isinstance(x, keras.utils.PyDataset):
            return _CheckedPyDataset(x, self)
        if hasattr(x, "__next__"):
            return (self._batch(batch) for batch in x)
        return x

    def arrays(self, x: Any, y: Any = None, weights: Any = None) -> None:
        """Raises an error for the first id or label that the model does not know."""
        for part, size in self._inputs(x):
            ids = host_array(part)
            if ids is None:
                continue
            if ids.ndim > 1 and 0 in ids.shape:
                raise PromptError(
                    f"the ids have shape {ids.shape}: give at least one row of at least one token"
                )
            _check_range(ids, size)
        for part, weight, (size, rank, is_soft) in self._outputs(y, weights):
            labels = host_array(part)
            if labels is None or labels.ndim not in (rank, rank - 1):
                continue
            weight = host_array(weight)
            if labels.ndim == rank and labels.shape[-1] in (size, 1):
                if labels.shape[-1] == size:
                    refuse_no_distribution(labels, weight=_fitting(weight, rank - 1))
                    continue
                labels = labels[..., 0]
            if labels.ndim == rank - 1:
                weight = _fitting(weight, rank - 1)
                refuse_unknown(labels, size, weight=weight, soft=is_soft)

    def check_rows(self, count: int, batch_size: int) -> None:
        """Raises an ArgumentError for rows that do not fill the batches of a carried state."""
        if self.rows and (batch_size != self.rows or count % self.rows):
            raise ArgumentError(
                f"{count} rows in batches of {batch_size}, and the model carries its state from "
                f"batch to batch of carry_batch_size={self.rows}: give batch_size={self.rows} and "
                "a multiple of it"
            )

    def _inputs(self, x: Any) -> Iterator[tuple[Any, int]]:
        if isinstance(x, dict):
            parts = [x.get(name) for name in self.names]
        elif len(self.sizes) > 1:
            parts = list(x) if isinstance(x, list | tuple) else []
        else:
            is_packed = isinstance(x, list | tuple) and len(x) == 1 and hasattr(x[0], "shape")
            parts = [x[0] if is_packed else x]
        for part, size in zip(parts, self.sizes, strict=False):
            if part is not None and size is not None:
                yield part, size

    def _outputs(self, y: Any, weights: Any) -> Iterator[tuple[Any, Any, tuple[int, int, bool]]]:
        several = len(self.labels) > 1
        if y is None or (several and not isinstance(y, list | tuple)):
            return
        parts = y if several else [y]
        given = weights if isinstance(weights, list | tuple) and several else [weights] * len(parts)
        for part, weight, label in zip(parts, given, self.labels, strict=False):
            if label is not None and part is not None:
                yield part, weight, label

    def _batch(self, batch: Any) -> Any:
        try:
            x, y, weights = keras.utils.unpack_x_y_sample_weight(batch)
            self.arrays(x, y, weights)
            rows = len(keras.tree.flatten(x)[0])
            self.check_rows(rows, rows)
        except LmzooError as error:  # TensorFlow hands on the text only
            raise type(error)(f"lmzoo<{error}>") from None
        return batch

    def _dataset(self, dataset: Any) -> Any:
        import tensorflow as tf

        @tf.autograph.experimental.do_not_convert
        def check(*batch: Any) -> Any:
            batch = batch if len(batch) > 1 else batch[0]
            x, y, weights = keras.utils.unpack_x_y_sample_weight(batch)
            for part, size in self._inputs(x):
                if part.dtype.is_floating:
                    _refuse_floats(part.dtype.name)
                self._assert_ids(part, size)
            for labels, weight, label in self._outputs(y, weights):
                _assert_labels(labels, weight, *label)
            return batch

        return dataset.map(check)

    def _assert_ids(self, ids: Any, size: int) -> None:
        import tensorflow as tf

        remedy = f" is outside the vocabulary of {size} ids (0 to {size - 1}): use the tokenizer "
        _assert_range(ids, size - 1, "id ", f"{remedy}that the model was built for.")
        shape = tf.shape(ids)
        told = "sequences without a token: leave them out"
        if 0 in ids.shape[1:].as_list():
            raise PromptError(told)
        _refuse(tf.reduce_any(shape[1:] == 0), told)
        if self.rows:
            told = " rows in a batch, and the model carries its state from batch to batch of "
            told += f"carry_batch_size={self.rows}: leave out rows that do not fill a batch"
            _refuse(shape[0] != self.rows, shape[0], told)


def _refuse(wrong: Any, *words: Any) -> None:
    """Fails in a data pipeline with a message that `lmzoo_errors` finds."""
    import tensorflow as tf

    shown = [w if isinstance(w, str) else tf.strings.as_string(w, shortest=w.dtype.is_floating)
             for w in words]  # fmt: skip
    tf.debugging.Assert(~wrong, [tf.strings.join(["lmzoo<", *shown, ">"])])


def _assert_range(values: Any, last: int, name: str, remedy: str) -> None:
    import tensorflow as tf

    dtype = tf.float64 if values.dtype.is_floating else tf.int64
    # With a zero: an empty batch has no largest value.
    values = tf.concat([tf.zeros((1,), dtype), tf.reshape(tf.cast(values, dtype), (-1,))], 0)
    low, high = tf.reduce_min(values), tf.reduce_max(values)
    _refuse(~((low >= 0) & (high <= last)), name, tf.where(low < 0, low, high), remedy)


def _assert_labels(labels: Any, weight: Any, size: int, rank: int, is_soft: bool) -> None:
    import tensorflow as tf

    if labels.shape.rank == rank and labels.shape[-1] == 1 != size:
        labels = labels[..., 0]
    if labels.shape.rank != rank - 1 or labels.dtype == tf.string:
        return  # distributions, and what the loss refuses
    weight = _fitting(weight, rank - 1)
    if weight is not None:
        counts = tf.broadcast_to(weight != 0, tf.shape(labels))
        labels = tf.where(counts, labels, tf.zeros((), labels.dtype))
    if labels.dtype.is_floating and not is_soft:
        values = tf.concat([tf.zeros((1,), labels.dtype), tf.reshape(labels, (-1,))], 0)
        broken = values != tf.floor(values)
        first = tf.gather(values, tf.argmax(tf.cast(broken, tf.int32)))
        told = f" is not the id of a class: give 0 to {size - 1}, no fractions."
        _refuse(tf.reduce_any(broken), "label ", first, told)
    told = f" is outside 0 to {size - 1}: ids of {size} classes begin with 0."
    _assert_range(labels, size - 1, "label ", told)


class _CheckedPyDataset(keras.utils.PyDataset):
    """A PyDataset whose batches are checked."""

    def __init__(self, data: Any, check: BatchCheck) -> None:
        names = ("workers", "use_multiprocessing", "max_queue_size")
        super().__init__(**{name: getattr(data, name) for name in names})
        self._data, self._check = data, check

    def __getitem__(self, index: int) -> Any:
        return self._check._batch(self._data[index])

    @property
    def num_batches(self) -> int | None:
        return self._data.num_batches

    def on_epoch_begin(self) -> None:
        self._data.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self._data.on_epoch_end()


@contextlib.contextmanager
def lmzoo_errors() -> Iterator[None]:
    """Raises what a check in a data pipeline found, of which TensorFlow hands on the text only."""
    try:
        yield
    except Exception as error:
        found = re.search(r"lmzoo<(.*?)>", str(error), re.DOTALL)
        if found is None:
            raise
        raise DataError(found[1]) from None


def _fitting(weight: Any, rank: int) -> Any:
    """Weights with as many axes as the labels, or None if they have more."""
    if weight is None or len(weight.shape) > rank + 1:
        return None
    if len(weight.shape) == rank + 1:
        return weight[..., 0] if weight.shape[-1] == 1 else None
    return weight[(..., *(None,) * (rank - len(weight.shape)))]


def _check_range(ids: np.ndarray, size: int) -> None:
    """Raises for an id in an array that is not among `size` ids."""
    if ids.dtype.kind == "f" and (ids != np.floor(ids)).any():
        _refuse_floats(ids.dtype)
    if ids.dtype.kind not in "fiu" or not ids.size:
        return
    outside = ids[(ids < 0) | (ids >= size)]
    if outside.size:
        raise PromptError(
            f"id {outside.flat[0]} is outside the vocabulary of {size} ids "
            f"(0 to {size - 1}): use the tokenizer that the model was built for."
        )


def _refuse_floats(dtype: Any) -> None:
    raise PromptError(f"the ids are {dtype}: give integers, such as a tokenizer's.")


def refuse_probabilities(loss: Any, default: Any) -> None:
    """Raises an ArgumentError, which names the default loss, for one that expects probabilities."""
    for one in keras.tree.flatten(loss):
        function = keras.losses.get(one) if isinstance(one, str) else one
        if _expects_probabilities(function):
            name = getattr(function, "__name__", type(function).__name__)
            own = [type(x).__name__ for x in keras.tree.flatten(default) if x is not None]
            hint = f"leave loss out for {' and '.join(own)}" if own else "use a loss of logits"
            raise ArgumentError(
                f"The loss {name!r} expects probabilities, and this model gives logits: {hint}, or "
                "give the loss from_logits=True."
            )


def _expects_probabilities(function: Any) -> bool:
    """Whether a loss or a metric takes what a softmax or a sigmoid gives."""
    given = getattr(function, "from_logits", getattr(function, "_from_logits", None))
    given = getattr(function, "_fn_kwargs", {}).get("from_logits", given)
    if given is not None:
        return not given
    function = getattr(function, "_fn", getattr(function, "fn", function))  # Keras's wrappers
    if function in (keras.losses.kl_divergence,) or hasattr(function, "num_thresholds"):
        return True
    if not inspect.isfunction(function):
        return False
    parameter = inspect.signature(function).parameters.get("from_logits")
    return parameter is not None and parameter.default is False


def refuse_metrics_of_probabilities(metrics: Any, is_binary: bool) -> None:
    """Raises an ArgumentError for a metric that expects probabilities, since outputs are logits.

    If `is_binary`, the model gives one logit, which Keras's accuracy would compare with 0.5.
    """
    for metric in keras.tree.flatten(metrics):
        name = metric if isinstance(metric, str) else getattr(metric, "name", str(metric))
        is_accuracy = metric in ("acc", "accuracy", "binary_accuracy")
        is_entropy = metric in ("ce", "crossentropy")
        if isinstance(metric, str) and not (is_accuracy or is_entropy):
            metric = keras.metrics.get(metric)
        limits = [getattr(metric, "threshold", None), *(getattr(metric, "thresholds", None) or ())]
        if is_binary and (is_accuracy or (0.5 in limits and not _expects_probabilities(metric))):
            raise ArgumentError(
                f"The metric {name!r} compares with 0.5, and this model gives logits: leave it out "
                "for ClassAccuracy, or use keras.metrics.BinaryAccuracy(threshold=0.0)."
            )
        if is_entropy or _expects_probabilities(metric):
            raise ArgumentError(
                f"The metric {name!r} expects probabilities, and this model gives logits: "
                "give it from_logits=True."
            )
