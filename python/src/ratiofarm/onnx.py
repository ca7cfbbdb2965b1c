"""Nets as ONNX: raw features in, ln r out, with the scaling and the calibration inside.

Opset 17; input `x` [events, features], f32, in the units and the order of the events file; output `log_ratio`
[events], f32. Nets of particle lists compute in 64 bits and have more inputs, f64, which `inputs()` makes of events:
`multiplicity` [events, 1] and `particles` [events, max_particles, 1 + columns + 4], of which a row is 1, the columns of
`network.particles` and E, px, py, pz of a particle, by falling pT, or zeros where there is none; with `network.gram`
`momenta` [events, gram, 4] by falling pT, or zeros. The metadata name the features, the columns of a particle, what
makes the inputs (`network`), the ensemble and its digest; `Model` reads them and evaluates events. Needs the extra `ratiofarm[onnx]`.
"""
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from . import particles, traced
from .files import Array, Problem, needed, published
from .nets import ACTIVATIONS, Ensemble, EventReader, Net
from .traced import Tape

OPSET, IR_VERSION = 17, 8
#: Of the network, what makes the inputs: stored with a model, so that it can be evaluated without the ensemble.
INPUT_KEYS = ("kind", "particles", "max_particles", "gram", "log_features")


class Model(EventReader):
    """An exported model, evaluated by onnxruntime."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Raises Problem if the file is none that `export` wrote."""
        onnxruntime = needed("onnxruntime", "onnx")
        try:
            self._session = onnxruntime.InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])
            facts = self._session.get_modelmeta().custom_metadata_map
            self.name, self.process, self.digest = facts["ensemble"], facts["process"], facts["digest"]
            self.features = [str(name) for name in json.loads(facts["features"])]
        except Exception as error:  # onnxruntime has no type of its own for what it cannot read
            raise Problem(f"'{path}' is no model that ratiofarm exported ({type(error).__name__}: {error})") from error
        if "network" not in facts and "particles" in facts:
            raise Problem(f"'{path}' was exported by a version that did not say how its particles are made; export it again")
        self.network = json.loads(facts.get("network", '{"kind": "mlp"}'))

    def log_ratio(self, events: Any) -> Array:
        """ln p_process(x) / p_reference(x) less the log_z of the export, f32 [n]. events: as Ensemble.log_ratio takes them"""
        return np.asarray(self._session.run(None, inputs(self, events))[0])


def inputs(ensemble: EventReader, events: Any) -> dict[str, Array]:
    """What an exported model takes, of events as `Ensemble.log_ratio` takes them."""
    network, x = ensemble.network, ensemble.raw(events)
    made = {"x": x.astype("f4")}
    if "gram" in ensemble.reads:
        made["momenta"] = particles.leading_momenta(events, int(network["gram"]))
    if "particles" in ensemble.reads:
        rows = particles.event_rows(network, x, events)[:, x.shape[1]:]
        made |= {"multiplicity": rows[:, :1], "particles": rows[:, 1:].reshape(len(x), int(network["max_particles"]), -1)}
    return made


def _inputs(ensemble: Ensemble) -> dict[str, list[int]]:
    """The shape of an event in each input."""
    network, shapes = ensemble.network, {"x": [len(ensemble.features)]}
    if "gram" in ensemble.reads:
        shapes["momenta"] = [int(network["gram"]), 4]
    if "particles" in ensemble.reads:
        shapes |= {"multiplicity": [1], "particles": [int(network["max_particles"]), 1 + len(network["particles"]) + 4]}
    return shapes


def _columns(ensemble: Ensemble, given: dict[str, Any]) -> Any:
    """What the nets see of the inputs: as Ensemble.columns()."""
    x = given["x"].to_own_type()
    x = particles.signed_log(x) if ensemble.network.get("log_features", False) else x
    more: list[Any] = []
    if "momenta" in given:
        more = [particles.pair_products(given["momenta"])]
    if "particles" in given:
        more = [given["multiplicity"], given["particles"].reshape(0, -1)]
    return np.concatenate([x, *more], axis=1) if more else x


def _log_ratio(net: Net, x: Any) -> Any:
    """ln r as [events, 1]: as Net.log_ratio()."""
    y: Any = net.logits(x, {**ACTIVATIONS, "gelu": traced.gelu})
    if net.knots.shape[1] == 0:
        return y
    at, shift = net.knots[0], net.knots[1] - net.knots[0]  # piecewise linear, constant beyond the outer ones
    held = np.minimum(np.maximum(y, at[:-1]), at[1:])      # [events, knots - 1]
    return y + (held - at[:-1]) @ (np.diff(shift) / np.diff(at))[:, None] + shift[0] if len(at) > 1 else y + shift[0]


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
    if not np.isfinite(log_z):
        raise Problem(f"log_z is {log_z} (must be finite)")
    tape, shapes = Tape("f8" if ensemble.reads else "f4"), _inputs(ensemble)
    x = _columns(ensemble, {name: tape.input(name, shape) for name, shape in shapes.items()})
    chosen = ensemble.nets if net is None else [ensemble.nets[net]]
    mean = _mean([_log_ratio(one, x) for one in chosen], ensemble.combine) - log_z
    tape.node("Cast", mean.name, to=TensorProto.FLOAT, output="log_ratio")
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT if name == "x" else TensorProto.DOUBLE, ["events", *shape])
             for name, shape in shapes.items()]
    found = helper.make_tensor_value_info("log_ratio", TensorProto.FLOAT, ["events"])
    model = helper.make_model(
        helper.make_graph(tape.nodes, "ratiofarm", given, [found], tape.constants),
        opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="ratiofarm")
    helper.set_model_props(model, {
        "ensemble": ensemble.name, "process": ensemble.process, "features": json.dumps(ensemble.features),
        "nets": json.dumps(ensemble.names if net is None else [ensemble.names[net]]), "combine": ensemble.combine,
        "log_z": repr(log_z), "digest": ensemble.digest, "network": json.dumps(_input_keys(ensemble))}
        | ({"particles": json.dumps([str(name) for name in ensemble.network["particles"]])} if "particles" in shapes else {}))
    checker.check_model(model, full_check=True)
    with published(path) as partial:
        save(model, str(partial))
    return Path(path)


def _input_keys(ensemble: Ensemble) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key in INPUT_KEYS:
        if key in ensemble.network:
            value = ensemble.network[key]
            plain[key] = value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
    return plain


def _mean(columns: list[Any], combine: str) -> Any:
    """[events] of [events, 1] each."""
    y = np.concatenate(columns, axis=1) if len(columns) > 1 else columns[0]
    if combine != "mean_ratio":
        return y.mean(1)
    top = y.max(1, keepdims=True)
    return np.log(np.exp(y - top).mean(1)) + top[:, 0]
