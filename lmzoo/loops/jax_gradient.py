"""Functions on JAX whose gradient is written by hand, and whose other derivatives are JAX's own.

`jax.custom_vjp` refuses forward mode. Here a function's tangent is a primitive: evaluated, batched
or differentiated it is what JAX derives; transposed, as for a gradient, it is the given `backward`.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from lmzoo.typing import Tensor


def by_hand_jax(forward: Callable, backward: Callable, inputs: tuple, fixed: tuple) -> Any:
    """Outputs of forward(*inputs, *fixed) -> outputs, needed; see `lmzoo.loops.by_hand`."""
    return _function(forward, backward, tuple(inputs), tuple(fixed))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _function(forward: Callable, backward: Callable, inputs: tuple, fixed: tuple) -> Any:
    return forward(*inputs, *fixed)[0]


@_function.defjvp
def _differentiated(
    forward: Callable, backward: Callable, primals: tuple, tangents: tuple
) -> tuple[Any, Any]:
    inputs, fixed = primals
    outputs, needed = forward(*inputs, *fixed)
    known, tree = jax.tree.flatten((inputs, fixed, needed))
    structure = jax.tree.structure(outputs)
    flat = _tangent.bind(
        *known, *tangents[0], forward=forward, backward=backward, tree=tree, structure=structure
    )
    return outputs, jax.tree.unflatten(structure, flat)


def _evaluate(*arguments: Tensor, forward: Callable, tree: Any, **_: Any) -> list[Tensor]:
    """The tangents of the outputs, by the function itself."""
    inputs, fixed, _ = jax.tree.unflatten(tree, arguments[: tree.num_leaves])
    tangents = tuple(arguments[tree.num_leaves :])
    _, found = jax.jvp(lambda *inputs: forward(*inputs, *fixed)[0], inputs, tangents)
    return jax.tree.leaves(found)


def _transpose(upstream: list, *arguments: Any, backward: Callable, tree: Any, **_: Any) -> list:
    inputs, fixed, needed = jax.tree.unflatten(tree, arguments[: tree.num_leaves])
    found = backward(needed, tuple(map(ad.instantiate_zeros, upstream)), *fixed)
    own = [g.astype(x.dtype) for g, x in zip(found, inputs, strict=True)]
    return [None] * tree.num_leaves + own


def _jvp(primals: tuple, tangents: tuple, **settings: Any) -> Any:
    zeros = map(ad.instantiate_zeros, tangents)
    return jax.jvp(functools.partial(_evaluate, **settings), tuple(primals), tuple(zeros))


def _batch(arguments: tuple, axes: tuple, **settings: Any) -> tuple[list, list]:
    found = jax.vmap(functools.partial(_evaluate, **settings), axes)(*arguments)
    return found, [0] * len(found)


_tangent = Primitive("tangent_by_hand")
_tangent.multiple_results = True
_tangent.def_impl(_evaluate)
_tangent.def_abstract_eval(
    lambda *avals, **settings: [
        jax.core.ShapedArray(x.shape, x.dtype)
        for x in jax.eval_shape(functools.partial(_evaluate, **settings), *avals)
    ]
)
ad.primitive_jvps[_tangent] = _jvp
ad.primitive_transposes[_tangent] = _transpose
batching.primitive_batchers[_tangent] = _batch
mlir.register_lowering(_tangent, mlir.lower_fun(_evaluate, multiple_results=True))
