"""ratios.h5: per event its weight, ln r of every process, and ln g of every systematic."""
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .files import Array, Problem, did_you_mean, needed, open_table, read_lines, read_rows

FORMAT, VERSIONS = "ratiofarm-ratios", [1, 2, 3]


@dataclass(frozen=True)
class SampleRatios:
    """The events of one sample; every array has been compared with its checksums."""

    processes: list[str]
    shapes: list[tuple[str, str]]   #: process and parameter of each line of ln g
    columns: dict[str, Array]       #: per event [n] or [n, p]: weight, log_r; id, row, spread where the file has them
    lines: dict[str, Array]         #: [lines, n]: log_g_up, log_g_down, replica_log_r and so on, where the file has them

    def __len__(self) -> int:
        return len(self.weight)

    @property
    def weight(self) -> Array:
        """Expected events, f64 [n]."""
        return self.columns["weight"]

    @property
    def log_r(self) -> Array:
        """ln p_j(x) / p_ref(x), normalised; f32 [n, p]."""
        return self.columns["log_r"]

    def frame(self) -> Any:
        """As a pandas DataFrame: `weight`, `id`, `log_r_S` and `log_g_up_S_alpha` and so on."""
        pandas = needed("pandas", "frames")

        frame = {name: column for name, column in self.columns.items() if column.ndim == 1}
        for name, column in self.columns.items():
            if column.ndim == 2:
                frame |= {f"{name}_{process}": column[:, j] for j, process in enumerate(self.processes)}
        for side in ("log_g_up", "log_g_down"):
            if side in self.lines:
                frame |= {f"{side}_{process}_{parameter}": self.lines[side][c]
                          for c, (process, parameter) in enumerate(self.shapes)}
        return pandas.DataFrame(frame)


class Ratios(Mapping[str, SampleRatios]):
    """A ratio file: a mapping from the name of a sample to its events, which are read when asked for."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Raises Problem if the file is missing, damaged, or of a version that this package does not know."""
        self.path = Path(path)
        with open_table(path, FORMAT, VERSIONS) as file:
            self.attributes: dict[str, Any] = dict(file.attrs)
            reference: dict[str, Any] = dict(file["reference"].attrs) if "reference" in file else {}
            names = self._list("samples") or sorted(file["events"])
        self.samples = names
        self.processes = self._list("processes")
        self.yields = {name: float(value) for name, value in zip(self.processes, self.attributes["yields"])}
        self.shapes = list(zip(self._list("shape_processes"), self._list("shape_parameters")))
        self.shape_none = np.asarray(self.attributes.get("shape_none", np.zeros(len(self.shapes)))) == 1.0
        anchors = zip(self.attributes.get("yield_up", []), self.attributes.get("yield_down", []))
        self.yield_factors = {(process, parameter): (float(up), float(down)) for process, parameter, (up, down) in
                              zip(self._list("yield_processes"), self._list("yield_parameters"), anchors)}
        #: process, sample and fraction of each component of p_ref
        self.reference = [(str(process), str(sample), float(fraction)) for process, sample, fraction in
                          zip(*(reference[key] for key in ("processes", "samples", "fractions")))] if reference else []
        self.shape_norm = str(self.attributes.get("shape_norm", "none"))
        #: what was subtracted from ln r of each process
        self.log_z = {name: float(z) for name, z in
                      zip(self.processes, self.attributes.get("log_z", np.zeros(len(self.processes))))}

    def _list(self, key: str) -> list[str]:
        return [str(name) for name in self.attributes.get(key, [])]

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[str]:
        return iter(self.samples)

    def __contains__(self, sample: object) -> bool:
        return sample in self.samples

    def __getitem__(self, sample: str) -> SampleRatios:
        if sample not in self.samples:
            raise Problem(f"'{self.path}': no sample '{sample}'" + did_you_mean(sample, self.samples))
        with open_table(self.path, FORMAT, VERSIONS) as file:
            group = file["events"][sample]
            said = group.attrs.get("sum_of_weights")
            columns: dict[str, Array] = {}
            lines: dict[str, Array] = {}
            for name, item in group.items():
                if name.endswith(("_crc", "_xxh3")):
                    continue
                per_event = name in ("weight", "log_r", "id", "row", "spread")
                if per_event:
                    columns[name] = read_rows(item)
                    if name == "log_r":  # the program reads other types, too, and rounds them like this
                        columns[name] = columns[name].astype("f4", copy=False)
                else:
                    lines[name] = read_lines(item)
        weight = columns["weight"]
        if said is not None and not abs(weight.sum() - said) <= 1e-9 * np.abs(weight).sum():
            raise Problem(f"'{self.path}': the weights of sample '{sample}' sum to {weight.sum():.9g}, but its attribute "
                          f"sum_of_weights is {said:.9g}: delete the attribute, or make the file again")
        return SampleRatios(self.processes, self.shapes, columns, lines)
