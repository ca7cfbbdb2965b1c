"""Nets as ONNX: raw features in, ln r out, with the scaling and the calibration inside.

Opset 17; input `x` [events, features], f32, in the units and the order of the events file; output `log_ratio`
[events], f32. The metadata name the features, the ensemble and its digest. Needs the extra `ratiofarm[onnx]`.
"""
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from .files import Array, Problem, needed, published
from .nets import Ensemble, Net

OPSET, IR_VERSION = 17, 8


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        from onnx import helper

        name = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def activation(self, name: str, y: str) -> str:
        if name == "silu":
            return self.node("Mul", y, self.node("Sigmoid", y))
        if name == "gelu":
            erf = self.node("Erf", self.node("Mul", y, self.constant(0.5**0.5)))
            return self.node("Mul", self.node("Mul", y, self.constant(0.5)), self.node("Add", erf, self.constant(1.0)))
        return self.node({"relu": "Relu", "tanh": "Tanh"}[name], y)

    def net(self, net: Net, x: str) -> str:
        """Returns ln r as [events, 1]."""
        if net.kind not in ("mlp", "residual_mlp"):
            raise Problem(f"nets of kind '{net.kind}' read particle lists, and there is no ONNX of them")
        if net.network.get("gram", 0):
            raise Problem("nets with network.gram read particle lists, and there is no ONNX of them")
        if net.log_features:
            size = self.node("Log", self.node("Add", self.node("Abs", x), self.constant(1.0)))
            x = self.node("Mul", self.node("Sign", x), size)
        y = self.node("Mul", self.node("Sub", x, self.constant(net.block["feature_shift"])),
                      self.constant(net.block["feature_scale"]))
        for layer in range(net.layers):
            z = self.node("Gemm", y, self.constant(net.block[f"layer{layer}.weight"]),
                          self.constant(net.block[f"layer{layer}.bias"]), transB=1)
            if layer + 1 < net.layers:
                if net.layer_norm:
                    z = self.node("LayerNormalization", z, self.constant(net.block[f"layer{layer}.norm.gain"]),
                                  self.constant(net.block[f"layer{layer}.norm.offset"]), epsilon=1e-5)
                z = self.activation(net.activation, z)
            y = self.node("Add", y, z) if net.adds(layer) else z
        return self.calibrated(net.knots, y) if net.knots.shape[1] > 0 else y

    def calibrated(self, knots: Array, y: str) -> str:
        """y + shift(y), piecewise linear between the knots and constant beyond them."""
        at, shift = knots[0], knots[1] - knots[0]
        if len(at) == 1:
            return self.node("Add", y, self.constant(shift[0]))
        low, high = at[:-1], at[1:]
        held = self.node("Min", self.node("Max", y, self.constant(low)), self.constant(high))  # [events, knots - 1]
        slopes = np.diff(shift) / np.diff(at)
        bent = self.node("MatMul", self.node("Sub", held, self.constant(low)), self.constant(slopes[:, None]))
        return self.node("Add", self.node("Add", y, bent), self.constant(shift[0]))


def export(ensemble: Ensemble, path: str | os.PathLike[str], *, net: int | None = None, log_z: float = 0.0) -> Path:
    """Writes the mean of an ensemble, or one net of it, as an ONNX model.

    net: number of the net; None: all of them, averaged as the ensemble says. With cross-fitting these are the nets of
    all folds, as for data. log_z: what is subtracted, `run.ratios.log_z[process]` for ratios normalised as in ratios.h5.
    Raises Problem for classifiers, whose outputs are no ratio.
    """
    needed("onnx", "onnx")
    from onnx import TensorProto, checker, helper, save

    if ensemble.network["outputs"] != 1:
        raise Problem(f"ensemble '{ensemble.name}' has {ensemble.network['outputs']} outputs: only nets of one ratio can be exported")
    if net is not None and not 0 <= net < len(ensemble):
        raise Problem(f"ensemble '{ensemble.name}' has the nets 0 to {len(ensemble) - 1}, not {net}")
    graph, chosen = _Graph(), ensemble.nets if net is None else [ensemble.nets[net]]
    columns = [graph.net(one, "x") for one in chosen]
    y = graph.node("Concat", *columns, axis=1) if len(columns) > 1 else columns[0]
    if ensemble.combine == "mean_ratio":
        total = graph.node("ReduceLogSumExp", y, axes=[1], keepdims=0)
        mean = graph.node("Sub", total, graph.constant(np.log(len(columns))))
    else:
        mean = graph.node("ReduceMean", y, axes=[1], keepdims=0)
    graph.node("Sub", mean, graph.constant(log_z), output="log_ratio")
    model = helper.make_model(
        helper.make_graph(graph.nodes, "ratiofarm", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["events", len(ensemble.features)])],
                          [helper.make_tensor_value_info("log_ratio", TensorProto.FLOAT, ["events"])], graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="ratiofarm")
    helper.set_model_props(model, {
        "ensemble": ensemble.name, "process": ensemble.process, "features": json.dumps(ensemble.features),
        "nets": json.dumps(ensemble.names if net is None else [ensemble.names[net]]), "combine": ensemble.combine,
        "log_z": repr(log_z), "digest": ensemble.digest})
    checker.check_model(model, full_check=True)
    with published(path) as partial:
        save(model, str(partial))
    return Path(path)
