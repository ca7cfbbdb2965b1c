"""Arrays that write down what is computed with them, as nodes of ONNX: one set of equations serves numpy and ONNX.

Axis 0 is the events, of any number. What nets use of numpy is known, and nothing else.
"""
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

UFUNCS = {"add": "Add", "subtract": "Sub", "multiply": "Mul", "true_divide": "Div", "divide": "Div", "matmul": "MatMul",
          "maximum": "Max", "minimum": "Min", "negative": "Neg", "absolute": "Abs", "sign": "Sign", "exp": "Exp",
          "log": "Log", "sqrt": "Sqrt", "tanh": "Tanh", "power": "Pow", "less_equal": "LessOrEqual", "greater": "Greater",
          "less": "Less"}
FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {}


class Tape:
    """The nodes and constants of a model. dtype: of all its numbers."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, values: Any, dtype: Any = None) -> str:
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype or self.dtype), name))
        return name

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        from onnx import helper

        name = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name] if kind != "TopK" else [name, name + "i"], **attributes))
        return name

    def input(self, name: str, shape: Sequence[int]) -> "Traced":
        """shape: of an event"""
        return Traced(self, name, (0, *shape))

    def name_of(self, value: Any) -> str:
        return value.name if isinstance(value, Traced) else self.constant(value)

    def floats(self, kind: str, x: "Traced") -> "Traced":
        """An operator that runtimes have in 32 bits only."""
        from onnx import TensorProto

        return x.like(self.node(kind, self.node("Cast", x.name, to=TensorProto.FLOAT))).to_own_type()


class Traced(NDArrayOperatorsMixin):
    """shape: 0 for the number of events"""

    def __init__(self, tape: Tape, name: str, shape: Sequence[int]) -> None:
        self.tape, self.name, self.shape = tape, name, tuple(shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def like(self, name: str, shape: Sequence[int] | None = None) -> "Traced":
        return Traced(self.tape, name, self.shape if shape is None else shape)

    def to_own_type(self) -> "Traced":
        from onnx import helper

        return self.like(self.tape.node("Cast", self.name, to=helper.np_dtype_to_tensor_dtype(self.tape.dtype)))

    # ---- What numpy asks of arrays of others ---------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            return NotImplemented
        if ufunc.__name__ in OWN:
            return OWN[ufunc.__name__](*inputs)
        if ufunc.__name__ not in UFUNCS:
            return NotImplemented
        shapes = [np.shape(one) if not isinstance(one, Traced) else one.shape for one in inputs]
        shape = _product_shape(*shapes) if ufunc is np.matmul else _broadcast(shapes)
        return self.like(self.tape.node(UFUNCS[ufunc.__name__], *(self.tape.name_of(one) for one in inputs)), shape)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        return FUNCTIONS[function](*arguments, **options) if function in FUNCTIONS else NotImplemented

    # ---- Methods of arrays ---------------------------------------------------------------------------------------------

    def sum(self, axis: int | tuple[int, ...], keepdims: bool = False) -> "Traced":
        axes = [axis] if isinstance(axis, int) else list(axis)
        name = self.tape.node("ReduceSum", self.name, self.tape.constant(axes, "i8"), keepdims=int(keepdims))
        return self.like(name, self._reduced(axes, keepdims))

    def mean(self, axis: int, keepdims: bool = False) -> "Traced":
        return self.like(self.tape.node("ReduceMean", self.name, axes=[axis], keepdims=int(keepdims)), self._reduced([axis], keepdims))

    def max(self, axis: int, keepdims: bool = False) -> "Traced":
        return self.like(self.tape.node("ReduceMax", self.name, axes=[axis], keepdims=int(keepdims)), self._reduced([axis], keepdims))

    def var(self, axis: int, keepdims: bool = False) -> "Traced":
        off: Any = self - self.mean(axis, keepdims=True)
        square: Traced = off * off
        return square.mean(axis, keepdims)

    def _reduced(self, axes: Sequence[int], keepdims: bool) -> tuple[int, ...]:
        gone = {axis % self.ndim for axis in axes}
        return tuple(1 if axis in gone else size for axis, size in enumerate(self.shape) if keepdims or axis not in gone)

    def reshape(self, *shape: Any) -> "Traced":
        """Of an event; axis 0 stays the events, given as 0 or -1."""
        sizes = list(shape[0]) if len(shape) == 1 and isinstance(shape[0], Sequence) else list(shape)
        sizes = [0, *sizes[1:]]
        if -1 in sizes:
            sizes[sizes.index(-1)] = int(np.prod(self.shape[1:])) // -int(np.prod(sizes[1:]))
        return self.like(self.tape.node("Reshape", self.name, self.tape.constant(sizes, "i8")), sizes)

    def swapaxes(self, one: int, other: int) -> "Traced":
        order = list(range(self.ndim))
        order[one], order[other] = order[other], order[one]
        return self.like(self.tape.node("Transpose", self.name, perm=order), [self.shape[axis] for axis in order])

    def __getitem__(self, key: Any) -> "Traced":
        key = key if isinstance(key, tuple) else (key,)
        if Ellipsis in key:
            gap = self.ndim - sum(one is not None and one is not Ellipsis for one in key)
            at = key.index(Ellipsis)
            key = (*key[:at], *[slice(None)] * gap, *key[at + 1:])
        shape: list[int] = []
        cut, added, dropped, axis = [], [], [], 0
        for one in (*key, *[slice(None)] * (self.ndim - sum(one is not None for one in key))):
            if one is None:
                added.append(len(shape))
                shape.append(1)
                continue
            size = self.shape[axis]
            if isinstance(one, int):
                cut.append((axis, one % size, one % size + 1))
                dropped.append(axis)
            elif one == slice(None):
                shape.append(size)
            else:
                first, last, _ = one.indices(size)
                cut.append((axis, first, last))
                shape.append(last - first)
            axis += 1
        name = self.name
        if cut:
            axes, first, last = zip(*cut)
            name = self.tape.node("Slice", name, *(self.tape.constant(list(one), "i8") for one in (first, last, axes)))
        if dropped:
            name = self.tape.node("Squeeze", name, self.tape.constant(dropped, "i8"))
        if added:
            name = self.tape.node("Unsqueeze", name, self.tape.constant(added, "i8"))
        return self.like(name, shape)


def _broadcast(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    ranks = max(len(shape) for shape in shapes)
    full = [(1,) * (ranks - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(0 if 0 in sizes else max(sizes) for sizes in zip(*full))


def _product_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return (*_broadcast([a[:-2], b[:-2]]), a[-2], b[-1])


def _known(function: Callable[..., Any]) -> Callable[..., Any]:
    def keep(own: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS[function] = own
        return own
    return keep


def _traced(values: Sequence[Any]) -> Traced:
    found: Traced = next(value for value in values if isinstance(value, Traced))
    return found


@_known(np.concatenate)
def _concatenate(parts: Sequence[Traced], axis: int = 0) -> Traced:
    one = _traced(parts)
    axis %= one.ndim
    shape = [*one.shape]
    shape[axis] = sum(part.shape[axis] for part in parts)
    return one.like(one.tape.node("Concat", *(part.name for part in parts), axis=axis), shape)


@_known(np.stack)
def _stack(parts: Sequence[Traced], axis: int = 0) -> Traced:
    key = (*[slice(None)] * axis, None)
    joined: Traced = _concatenate([part[key] for part in parts], axis)
    return joined


@_known(np.repeat)
def _repeat(x: Traced, times: int, axis: int) -> Traced:
    """Of an axis of size 1."""
    sizes = [times if one == axis else 1 for one in range(x.ndim)]
    shape = [times if one == axis else size for one, size in enumerate(x.shape)]
    return x.like(x.tape.node("Expand", x.name, x.tape.constant(sizes, "i8")), shape)


@_known(np.einsum)
def _einsum(rule: str, *values: Any) -> Traced:
    one = _traced(values)
    left, result = rule.split("->")
    sizes: dict[str, int] = {}
    for letters, value in zip(left.split(","), values):
        sizes |= dict(zip(letters, value.shape if isinstance(value, Traced) else np.shape(value)))
    name = one.tape.node("Einsum", *(one.tape.name_of(value) for value in values), equation=rule)
    return one.like(name, [sizes[letter] for letter in result])


@_known(np.where)
def _where(condition: Traced, a: Any, b: Any) -> Traced:
    shapes = [value.shape if isinstance(value, Traced) else np.shape(value) for value in (condition, a, b)]
    name = condition.tape.node("Where", condition.name, condition.tape.name_of(a), condition.tape.name_of(b))
    return condition.like(name, _broadcast(shapes))


@_known(np.sort)
def _sort(x: Traced, axis: int) -> Traced:
    return x.like(x.tape.node("TopK", x.name, x.tape.constant([x.shape[axis]], "i8"), axis=axis, largest=0))


# ---- Functions that ONNX, or runtimes, do not have ----------------------------------------------------------------------


def _arctan2(y: Any, x: Any) -> Any:
    angle: Any = y.tape.floats("Atan", np.abs(y) / np.maximum(np.abs(x), 1e-300))  # of the first quadrant
    angle = np.where(x < 0.0, np.pi - angle, angle)
    return np.where(y < 0.0, -angle, angle)


OWN: dict[str, Callable[..., Any]] = {
    "sin": lambda x: x.tape.floats("Sin", x), "cos": lambda x: x.tape.floats("Cos", x), "arctan2": _arctan2,
    "log1p": lambda x: np.log(x + 1.0), "hypot": lambda x, y: np.sqrt(x * x + y * y)}


def gelu(y: Any) -> Any:
    erf = y.tape.floats("Erf", y * 0.5**0.5)
    return 0.5 * y * (erf + 1.0)
