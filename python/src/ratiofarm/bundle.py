"""A bundle: a likelihood that somebody published (docs/publish.md), read and checked without the program."""
import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import Any

import xxhash

from .files import Problem, read_json
from .likelihood import Likelihood
from .runs import Run

BUNDLE, GOLDEN = ("ratiofarm bundle", 1), ("ratiofarm golden values", 1)


def _json(path: Path, kind: tuple[str, int]) -> dict[str, Any]:
    record = read_json(path)
    found = (record.get("format"), record.get("version"))
    if found != kind:
        raise Problem(f"'{path}' has format {found[0]!r}, version {found[1]!r}; this package reads {kind[0]!r}, version {kind[1]}")
    return record


class Bundle(Run):
    """A run directory of somebody else: `campaign`, `fit`, `ratios`, `likelihood()` and so on as there.

    `record` is bundle.json. Raises Problem if a file is missing or differs from its SHA-256.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not (Path(path) / "bundle.json").is_file():
            raise Problem(f"'{path}' is no bundle: it has no bundle.json" + (" (unpack it first)" if Path(path).is_file() else ""))
        super().__init__(path)
        self.record = _json(self.path / "bundle.json", BUNDLE)
        for file in self.record["files"]:
            self._compare(file)

    def _compare(self, file: dict[str, Any]) -> None:
        path, sha256, xxh3 = self.path / file["name"], hashlib.sha256(), xxhash.xxh3_128()
        if not path.is_file():
            raise Problem(f"'{path}' is missing; get the bundle again")
        with open(path, "rb") as bytes_:
            while piece := bytes_.read(1 << 20):
                sha256.update(piece)
                xxh3.update(piece)
        if (path.stat().st_size, sha256.hexdigest(), xxh3.hexdigest()) != (file["bytes"], file["sha256"], file["xxh3"]):
            raise Problem(f"'{path}' is not as it was published: its checksum differs; get the bundle again")

    @cached_property
    def golden(self) -> dict[str, Any]:
        """golden.json: the likelihood at some points."""
        return _json(self.path / "golden.json", GOLDEN)

    def likelihood(self, campaign: Any = None, ratios: Any = None, *, all_reference: bool = False) -> Likelihood:
        """The published likelihood. campaign: a changed one, such as `bundle.campaign` with other coefficients."""
        own = self.path / "ratios.h5"
        return Likelihood(self.campaign if campaign is None else campaign, ratios or (own if own.exists() else None),
                          folder=self.path, all_reference=all_reference)

    def golden_difference(self) -> float:
        """The largest difference of NLL to golden.json, relative where it is above 1; 1e-9 is what rounding may do."""
        likelihood = self.likelihood()
        nll = [likelihood.nll(dict(zip(self.golden["parameters"], point["parameters"]))) for point in self.golden["points"]]
        return float(max(abs(value - nll[0] - point["nll"]) / max(1.0, abs(point["nll"]))
                   for value, point in zip(nll, self.golden["points"])))


def open_bundle(path: str | os.PathLike[str]) -> Bundle:
    """Opens a bundle, whose files are compared with their checksums first."""
    return Bundle(path)
