"""ensembles/*.h5: the trained nets, and ln r (or ln g) of any event as they give it."""
import json
import math
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from . import particles
from .events import Events
from .files import Array, Problem, open_table
from .split import fold_of
from .table import Table

FORMAT, VERSIONS = "ratiofarm-ensemble", [3, 4, 5, 6]
NO_FOLDS = 4294967295
#: Events that are evaluated at a time.
EVENTS_PER_STEP = 16384

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda y: np.maximum(y, 0.0), "tanh": np.tanh, "silu": lambda y: y / (1.0 + np.exp(-y)),
    "gelu": lambda y: 0.5 * y * (1.0 + np.vectorize(math.erf, otypes=[float])(y / math.sqrt(2.0)))}


class Net:
    """One net. `block` holds its arrays by name: `feature_shift`, `layer0.weight` [outputs, inputs], ..."""

    def __init__(self, row: Array, layout: list[dict[str, Any]], network: dict[str, Any], calibration: Array) -> None:
        self.block = {part["name"]: row[part["offset"]:][:int(np.prod(part["shape"]))].reshape(part["shape"]).astype(float)
                      for part in layout}
        self.network, self.kind = network, str(network["kind"])
        self.residual = self.kind == "residual_mlp"
        self.layer_norm = bool(network.get("layer_norm", False))
        self.log_features = bool(network.get("log_features", False))
        self.activation = str(network["activation"])
        self.layers = len(network["hidden"]) + 1
        self.knots = calibration[:, np.isfinite(calibration[0])].astype(float)  #: [2, k]: logit, calibrated logit; k = 0: none

    def adds(self, layer: int) -> bool:
        """Whether a hidden layer adds to its input."""
        return self.residual and 0 < layer < self.layers - 1 and np.ptp(self.block[f"layer{layer}.weight"].shape) == 0

    def logits(self, x: Array, activations: Mapping[str, Callable[[Any], Any]] = ACTIVATIONS) -> Array:
        """Before calibration. x: what Ensemble.columns() gives [n, d]; returns [n, outputs]"""
        activation = activations[self.activation]
        if self.kind in particles.KINDS:
            return particles.logits(self.block, self.network, x, activation)
        y = (x - self.block["feature_shift"]) * self.block["feature_scale"]
        for layer in range(self.layers):
            z = y @ self.block[f"layer{layer}.weight"].T + self.block[f"layer{layer}.bias"]
            if layer + 1 < self.layers:
                if self.layer_norm:
                    z = particles.layer_norm(self.block, f"layer{layer}.norm", z)
                z = activation(z)
            y = y + z if self.adds(layer) else z
        result: Array = y
        return result

    def log_ratio(self, x: Array) -> Array:
        """ln p_process(x) / p_reference(x) [n], calibrated if the net is."""
        y = self.logits(x)[:, 0]
        if self.knots.shape[1] > 0:
            y = y + np.interp(y, self.knots[0], self.knots[1] - self.knots[0])
        return y


class EventReader:
    """What nets read of events: `features`, and with `network` what they see of particle lists. `name` is for messages."""

    name: str
    features: list[str]
    network: dict[str, Any]

    @property
    def reads(self) -> str:
        """What the nets see beside features: "particles" (their lists), "gram" (products of the momenta) or ""."""
        return "gram" if int(self.network.get("gram", 0)) else "particles" if self.network["kind"] in particles.KINDS else ""

    def raw(self, events: Any) -> Array:
        """The features [n, d] of 64 bits, rounded to 32 bits as the events file stores them.

        events: a table with columns of these names, or an array [n, d] in the order of `features`; of nets that read
        particle lists what `read_events` gives
        """
        if self.reads and not isinstance(events, Events):
            raise Problem(f"ensemble '{self.name}' reads particle lists: give it the Events of read_events()")
        if isinstance(events, Events):
            missing = [name for name in self.features if name not in events.columns]
            if missing:
                raise Problem(f"ensemble '{self.name}': sample '{events.name}' has no column '{missing[0]}'")
            x = events.features[:, [events.columns.index(name) for name in self.features]]
        elif isinstance(events, np.ndarray) and events.dtype.names is None:
            x = events
        else:
            try:
                x = np.stack([np.asanyarray(events[name]) for name in self.features], axis=1)
            except (KeyError, TypeError, ValueError, IndexError) as error:
                raise Problem(f"ensemble '{self.name}' needs the columns {', '.join(self.features)} "
                              f"({type(error).__name__}: {error})") from None
        if x.ndim != 2 or x.shape[1] != len(self.features):
            raise Problem(f"ensemble '{self.name}' needs an array [events, {len(self.features)}] of {', '.join(self.features)}, "
                          f"not {list(x.shape)}")
        if np.ma.is_masked(x) or x.dtype.kind not in "biuf":
            raise Problem(f"ensemble '{self.name}': the features have missing values or no numbers (type {x.dtype})")
        x = np.asarray(x).astype(np.float32).astype(float)
        if not np.isfinite(x).all():
            row, k = np.argwhere(~np.isfinite(x))[0]
            raise Problem(f"ensemble '{self.name}': {self.features[k]} is {x[row, k]} in row {row} (must be finite)")
        return x


class Ensemble(EventReader):
    """The nets of one file, which are averaged to one ratio (or are replicas, or classifiers).

    Evaluation is in 64 bits. The program computes in 32 bits, so its ratios differ by rounding (about 1e-6), and for
    nets with `training.precision` "bf16" or "tf32" by that of their products (about 1e-2).
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Raises Problem if the file is missing, damaged or of another version."""
        self.path = Path(path)
        with open_table(path, FORMAT, VERSIONS) as file:
            attributes, nets = dict(file.attrs), file["nets"]
            self.name, self.process = str(attributes["ensemble"]), str(attributes["process"])
            self.features = [str(name) for name in attributes["features"]]
            self.combine, self.folds = str(attributes["combine"]), int(attributes["folds"])
            self.digest = str(attributes["digest"])
            self.network = dict(file["network"].attrs)
            self.training: dict[str, Any] = dict(file["training"].attrs)
            self.names = [str(name) for name in nets.attrs["names"]]
            self.fold = nets["fold"][()]
            self.excluded = Table.of([{"net": str(name), "reason": str(reason)} for name, reason in
                                      zip(file["excluded"].attrs["names"], file["excluded"].attrs["reasons"])], ["net", "reason"])
            layout = json.loads(self.network["parameter_layout"])
            self.nets = []
            for net, name in enumerate(self.names):
                row = nets["weights"][net][:int(attributes["row_size"])]
                if zlib.crc32(row) != nets["crc"][net]:
                    raise Problem(f"'{path}': the weights of net '{name}' do not match their checksum; remove the file and "
                                  "run 'ratiofarm gather'")
                self.nets.append(Net(row, layout, self.network, nets["calibration"][net]))
            self.table = self._facts(nets)
            self.training_loss, self.validation_loss = nets["training_loss"][()], nets["validation_loss"][()]  #: [net, epoch]
            self.calibration = {name: nets["quality/calibration_" + name][()] for name in ("predicted", "observed", "error")}

    def __len__(self) -> int:
        return len(self.nets)

    def __repr__(self) -> str:
        return f"<Ensemble '{self.name}': {len(self)} nets of {', '.join(self.features)}>"

    def _facts(self, nets: h5py.Group) -> Table:
        table = Table({"net": np.array(self.names, dtype=object)})
        for group in (nets, nets["quality"]):
            for name, item in group.items():
                if isinstance(item, h5py.Dataset) and item.ndim == 1 and name not in ("crc", "table_crc"):
                    table[name] = item[()]
        return table

    def columns(self, events: Any) -> Array:
        """What the nets see before it is scaled, [n, d] of 64 bits: the features, or sign(x) ln(1 + |x|) of them with
        `network.log_features`; behind them what they see of particle lists.

        events: as in raw()
        """
        x = self._seen(self.raw(events))
        if self.reads == "gram":
            return particles.with_products(x, events, int(self.network["gram"]))
        return particles.event_rows(self.network, x, events) if self.reads else x

    def _seen(self, x: Array) -> Array:
        return particles.signed_log(x).astype(np.float32).astype(float) if self.network.get("log_features", False) else x

    def log_ratios(self, events: Any) -> Array:
        """ln r of every net by itself [nets, n]. events: as in columns()"""
        return self._evaluated(events, lambda net, x: net.log_ratio(x))

    def log_ratio(self, events: Any, id: Array | None = None) -> Array:
        """ln p_process(x) / p_reference(x) of the ensemble [n], not normalised: `Run.evaluate` is.

        id: u64 [n]. With cross-fitting (`folds`) an event that trained nets needs it: only the nets of its fold, which
        never saw it, count. Without ids, as for data, all nets count.
        """
        return self._averaged(self.log_ratios(events)[:, :, None], id, self.combine == "mean_ratio")[:, 0]

    def log_probabilities(self, events: Any, id: Array | None = None) -> Array:
        """ln s_k of the classes of a classifier (the preselection) [n, classes], which sum to 1."""
        def log_softmax(net: Net, x: Array) -> Array:
            y = net.logits(x)
            return np.asarray(y - np.logaddexp.reduce(y, axis=1, keepdims=True))

        mean = self._averaged(self._evaluated(events, log_softmax), id, False)
        return np.asarray(mean - np.logaddexp.reduce(mean, axis=1, keepdims=True))

    def _evaluated(self, events: Any, value: Callable[[Net, Array], Array]) -> Array:
        x = self.columns(events)
        steps = [x[first:first + EVENTS_PER_STEP] for first in range(0, max(len(x), 1), EVENTS_PER_STEP)]
        with np.errstate(over="ignore"):
            return np.stack([np.concatenate([value(net, step) for step in steps]) for net in self.nets])

    def _averaged(self, values: Array, id: Array | None, arithmetic: bool) -> Array:
        """values: [nets, n, outputs]"""
        if self.folds > 0 and id is not None:
            counts = self.fold[:, None] == fold_of(np.asarray(id), self.folds)[None, :]
        else:
            counts = np.ones(values.shape[:2], dtype=bool)
        used, number = counts[:, :, None], counts.sum(axis=0)[:, None]
        if arithmetic:
            with np.errstate(divide="ignore"):
                return np.asarray(np.logaddexp.reduce(np.where(used, values, -np.inf), axis=0) - np.log(number))
        return np.asarray(np.where(used, values, 0.0).sum(axis=0) / number)
