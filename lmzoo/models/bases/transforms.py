"""Functions model -> model that a recipe repeats: quantized weights, frozen layers."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from lmzoo.registry import register_transform


def layers_inside(model: Any) -> list[keras.layers.Layer]:
    """All layers that are no models, each before those inside it; recipes name them by place.

    (The names of layers count up with every model of a process.)
    """
    layers = model._flatten_layers(include_self=False)
    return [layer for layer in layers if not isinstance(layer, keras.Model)]


def _quantized_layers(model: Any) -> dict[str, Any] | None:
    modes: dict[str, list[int]] = {}
    for place, layer in enumerate(layers_inside(model)):
        mode = getattr(layer, "quantization_mode", None)
        if mode is not None:
            modes.setdefault(mode, []).append(place)
    return {"layers": modes} if modes else None


@register_transform(observe=_quantized_layers)
def quantized(model: Any, layers: Mapping[str, Sequence[int]]) -> Any:
    """Quantizes layers, mode -> places, of a model in place, as `model.quantize(mode)` did."""
    inside = layers_inside(model)
    for mode, places in layers.items():
        for place in places:
            if getattr(inside[place], "quantization_mode", None) is None:
                inside[place].quantize(mode)
    return model


def _frozen_layers(model: Any) -> dict[str, Any] | None:
    layers = [i for i, layer in enumerate(layers_inside(model)) if not layer.trainable]
    if not model.trainable:
        return {"layers": layers, "trainable": False}
    return {"layers": layers} if layers or model.is_built_frozen else None


@register_transform(observe=_frozen_layers)
def frozen(model: Any, layers: Sequence[int], trainable: bool = True) -> Any:
    """Freezes the layers at these places, and no others, as `layer.trainable = False` did, and the
    model itself if it is not trainable."""
    if not trainable:
        model.trainable = False
    for place, layer in enumerate(layers_inside(model)):
        layer.trainable = place not in layers
    return model
