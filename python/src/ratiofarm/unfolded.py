"""unfolded.h5: the events of an unfolding with their weights, in any bins."""
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .files import Array, Problem, did_you_mean, needed, open_table, read_rows

FORMAT, VERSION = "ratiofarm-unfolded", 1


@dataclass(frozen=True)
class Histogram:
    """Unfolded weights by bins."""

    edges: Array
    contents: Array
    covariances: dict[str, Array]  #: by source: data, mc, members, and the variations

    @property
    def covariance(self) -> Array:
        """The sum of all sources."""
        bins = len(self.contents)
        return sum(self.covariances.values(), np.zeros((bins, bins)))

    @property
    def error(self) -> Array:
        return np.asarray(np.sqrt(np.diag(self.covariance)))


@dataclass(frozen=True)
class Unfolded:
    """Published events. All weights contain that of the simulation; their sum is the number of events."""

    columns: list[str]            #: of the truth
    truth: Array                  #: f32 [n, t]
    id: Array                     #: u64 [n]
    weight_mc: Array              #: f64 [n] as the simulation generated them
    weights: dict[str, Array]     #: "nominal", "bootstrap_data_0", "ensemble_0", variations
    iterations: dict[int, Array]  #: of the nominal chains
    attributes: dict[str, Any]    #: what the file says of itself: unit, misses, fakes and so on
    rules: dict[str, str]         #: of each column of weights, how its nets were combined

    def column(self, name: str) -> Array:
        if name not in self.columns:
            raise Problem(f"no column '{name}' of the truth" + did_you_mean(name, self.columns))
        return np.asarray(self.truth[:, self.columns.index(name)])

    def frame(self) -> Any:
        """As a pandas DataFrame with the names of public OmniFold results: the truth, weight_mc, weights_nominal,
        weights_bootstrap_data_0 and so on."""
        pandas = needed("pandas", "frames")

        return pandas.DataFrame(self._public())

    def _public(self) -> dict[str, Array]:
        weights = {"weight_mc": self.weight_mc} | {f"weights_{name}": values for name, values in self.weights.items()}
        for name in self.columns:
            if name in weights:
                raise Problem(f"the column '{name}' of the truth has the name of weights; give it another one")
        return {name: self.truth[:, k] for k, name in enumerate(self.columns)} | weights

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes the columns of frame() for others: .h5 (a dataset for each column, attributes say what the weights
        are, as `ratiofarm export --format omnifold`) or .parquet."""
        where = Path(path)
        if where.suffix == ".parquet":
            needed("pyarrow", "frames")
            self.frame().to_parquet(where)
            return
        if where.suffix not in (".h5", ".hdf5"):
            raise Problem(f"'{where}': must end with .h5 or .parquet")
        import h5py

        with h5py.File(where, "w") as file:
            file.attrs.update(self.attributes)
            for name, values in self._public().items():
                file.create_dataset(name, data=values)
            for name, rule in self.rules.items():
                file[f"weights_{name}"].attrs["rule"] = rule

    def histogram(self, values: str | Array, edges: Sequence[float]) -> Histogram:
        """Contents with covariances. values: a column, or any number for each event, such as a function of columns."""
        x = self.column(values) if isinstance(values, str) else np.asarray(values)
        if len(x) != len(self.id):
            raise Problem(f"{len(x)} values for {len(self.id)} events")
        bins = np.asarray(edges, "f8")

        def fill(weights: Array) -> Array:
            inside = (x >= bins[0]) & (x < bins[-1])
            places = np.searchsorted(bins, x[inside], side="right") - 1
            return np.bincount(places, weights[inside], minlength=len(bins) - 1)

        nominal = fill(self.weights["nominal"])
        covariances: dict[str, Array] = {}
        for source, prefix in [("data", "bootstrap_data_"), ("mc", "bootstrap_mc_"), ("members", "ensemble_")]:
            some = [fill(w) for name, w in self.weights.items() if name.startswith(prefix)]
            if len(some) > 1:
                covariances[source] = np.cov(np.array(some).T, ddof=1).reshape(len(nominal), -1) / (len(some) if source == "members" else 1)
        for name, weights in self.weights.items():
            if name == "nominal" or name.startswith(("bootstrap_data_", "bootstrap_mc_", "ensemble_")):
                continue
            d = fill(weights) - nominal
            base, _, side = name.rpartition("_")
            pair = {"up": "down", "down": "up"}.get(side)
            both = pair is not None and f"{base}_{pair}" in self.weights
            source = base if both else name
            covariances[source] = covariances.get(source, 0) + np.outer(d, d) * (0.5 if both else 1)
        return Histogram(bins, nominal, covariances)


def open_unfolded(path: str | os.PathLike[str]) -> Unfolded:
    """The unfolded events of a run directory, or of a file. Raises Problem if it is missing or damaged."""
    where = Path(path)
    with open_table(where / "unfolded.h5" if where.is_dir() else where, FORMAT, [VERSION]) as file:
        def columns(group: str) -> dict[str, Array]:
            return {name: read_rows(file[group][name]) for name in file[group] if not name.endswith("_crc")}

        return Unfolded([str(name) for name in file["truth"].attrs["columns"]], read_rows(file["truth"]), read_rows(file["id"]),
                        read_rows(file["weight_mc"]), columns("weights"),
                        {int(name): values for name, values in sorted(columns("iterations").items(), key=lambda item: int(item[0]))},
                        {name: value for name, value in file.attrs.items() if name not in ("format", "version")},
                        {name: str(column.attrs["rule"]) for name, column in file["weights"].items() if "rule" in column.attrs})
