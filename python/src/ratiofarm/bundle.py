"""A bundle: a likelihood that somebody published (docs/publish.md), read and checked without the program."""
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xxhash

from .events import MAPPED, open_events, read_events
from .files import Array, Problem, needed, published, read_json, sealed
from .likelihood import Likelihood
from .runs import Run
from .table import Table

NET_CHECK, CHECKED_EVENTS, PARITY = ("ratiofarm net check", 1), 512, 1e-5
BUNDLE, GOLDEN = ("ratiofarm bundle", 1), ("ratiofarm golden values", 1)


def _json(path: Path, kind: tuple[str, int]) -> dict[str, Any]:
    record = read_json(path)
    found = (record.get("format"), record.get("version"))
    if found != kind:
        raise Problem(f"'{path}' has format {found[0]!r}, version {found[1]!r}; this package reads {kind[0]!r}, version {kind[1]}")
    return record


def _described(folder: Path, path: Path) -> dict[str, Any]:
    """A file as bundle.json lists it."""
    sha256, xxh3 = hashlib.sha256(), xxhash.xxh3_128()
    with open(path, "rb") as bytes_:
        while piece := bytes_.read(1 << 20):
            sha256.update(piece)
            xxh3.update(piece)
    return {"name": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size, "sha256": sha256.hexdigest(),
            "xxh3": xxh3.hexdigest()}


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
        path = self.path / file["name"]
        if not path.is_file():
            raise Problem(f"'{path}' is missing; get the bundle again")
        if _described(self.path, path) != file:
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

    def evaluate(self, events: Any, id: Array | None = None) -> Table:
        """As Run.evaluate(), by the nets that were published as ONNX (level 2).

        With `split.folds` they are those of all folds, as for data, so events that have trained them look too good.
        Raises Problem if the bundle has no nets, or if ids are given that would choose among folds.
        """
        from .onnx import Model

        if not (self.path / "nets").is_dir():
            raise Problem(f"'{self.path}' has no nets, only their ratios of the published events: ask for a bundle of level 2")
        if id is not None and int(self.campaign.get("split", {}).get("folds", 0)):
            raise Problem("id: the nets of a bundle are those of all folds together; only the run itself chooses among them")
        models = [Model(path) for path in sorted((self.path / "nets").rglob("*.onnx"))]
        table = Table()
        for model in models:
            table[model.name] = model.log_ratio(events)
        return table

    def golden_difference(self) -> float:
        """The largest difference of NLL to golden.json, relative where it is above 1; 1e-9 is what rounding may do."""
        likelihood = self.likelihood()
        nll = [likelihood.nll(dict(zip(self.golden["parameters"], point["parameters"]))) for point in self.golden["points"]]
        return float(max(abs(value - nll[0] - point["nll"]) / max(1.0, abs(point["nll"]))
                   for value, point in zip(nll, self.golden["points"])))


def open_bundle(path: str | os.PathLike[str]) -> Bundle:
    """Opens a bundle, whose files are compared with their checksums first."""
    return Bundle(path)


# ---- More than the likelihood ------------------------------------------------------------------------------------------


def add_nets(bundle: Bundle, run: Run, features: Mapping[str, str] | None = None) -> Bundle:
    """Level 2: the nets of the run that the bundle is of, as ONNX, and what they give for 512 events.

    nets/<ensemble>.onnx takes raw features, scaling and calibration inside; nets of processes give ln r as in ratios.h5.
    features: from the name of a feature to its definition (particles, level, cuts), for features.md; one that is not there
    is named in `left_out`. nets/check.h5 has `features` and the `log_ratio` of each ensemble, to 1e-5, for whoever evaluates them elsewhere. The
    preselection and replicas stay out. Needs the extra `ratiofarm[onnx]`. Raises Problem for another run, or a blind one.
    """
    onnxruntime = needed("onnxruntime", "onnx")

    from . import onnx

    _expect_open(bundle, run)
    _expect_without(bundle, "nets")
    names = [name for name, one in run.ensembles.items() if one.process and not name.endswith("/replicas")]
    inputs, events = run.ensembles[names[0]].features, _some_events(run)
    told = dict(features or {})
    if unknown := sorted(set(told) - set(inputs)):
        raise Problem(f"features: no net has a feature '{unknown[0]}' (they have {', '.join(inputs)})")
    values, some = run.ensembles[names[0]].raw(events), events.at(np.arange(min(CHECKED_EVENTS, len(events))))
    given = onnx.inputs(run.ensembles[names[0]], some)
    (bundle.path / "nets").mkdir()
    with published(bundle.path / "nets" / "check.h5") as partial, h5py.File(partial, "w", libver=("earliest", "v108")) as check:
        check.attrs["format"], check.attrs["version"] = NET_CHECK
        for name, x in given.items():
            check["features" if name == "x" else name] = x
        check["features"].attrs["columns"] = inputs
        for name in names:
            process = run.ensembles[name].process
            z = run.ratios.log_z[process] if name == process else 0.0
            path = bundle.path / "nets" / f"{name}.onnx"
            path.parent.mkdir(parents=True, exist_ok=True)
            onnx.export(run.ensembles[name], path, log_z=z)
            expected = run.ensembles[name].log_ratio(some) - z
            found = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, given)[0]
            off = float((np.abs(found - expected) / np.maximum(1.0, np.abs(expected))).max())
            if not off < PARITY:
                raise Problem(f"'{path}' differs from the nets of '{name}' by {off:.2g} (allowed: {PARITY})")
            check["log_ratio/" + name.replace("/", "%2F")] = expected
    labels = run.campaign.get("labels", {}).get("features", {})
    rows = [f"| `{name}` | {labels.get(name, '')} | {told.get(name, 'not described')} | {low:.6g} to {high:.6g} |"
            for name, low, high in zip(inputs, values.min(axis=0), values.max(axis=0))]
    with published(bundle.path / "features.md") as partial:
        partial.write_text("\n".join(["| feature | label | definition | range in the simulation |", "| --- | --- | --- | --- |",
                                      *rows, ""]))
    left_out = [f"the definition of the feature '{name}'" for name in inputs if name not in told]
    return _listed(bundle, 2, (["the nets of the preselection"] if "preselection" in run.ensembles else []) + left_out)


def add_events(bundle: Bundle, run: Run) -> Bundle:
    """Level 3: a run directory `run` with the simulated events and the finished trainings of a run.

    `ratiofarm patch X.rfb/run --bundle X.rfb` trains a new signal on it. Data are left out unless the bundle has them.
    """
    _expect_open(bundle, run)
    _expect_without(bundle, "run")
    text = (run.path / "campaign.toml").read_text()
    data = run.campaign["data"].get("sample")
    to = bundle.path / "run"
    with open_events(run.path / run.campaign["events"]["file"]) as events:
        to.mkdir()
        with published(to / "events.h5") as partial, h5py.File(partial, "w", libver=("earliest", "v108"), **MAPPED) as copy:
            for name, sample in events.items():
                if isinstance(sample, h5py.Group) and (name != data or bundle.campaign["data"].get("sample") == data):
                    events.copy(sample, copy, name)
            copy.attrs["version"], copy.attrs["format"] = events.attrs["version"], events.attrs["format"]
    text = re.sub(r"(?m)^\[events\]\nfile = .*$", '[events]\nfile = "events.h5"', text[:text.rindex("# xxh3")])
    if data and bundle.campaign["data"].get("sample") != data:
        text = re.sub(r'(?m)^sample = .*\n((?:asimov = .*\n)?)observed = true$', r"\1observed = false", text)
        text = re.sub(r"(?m)^observed = \[.*\]\n", "", re.sub(r"(?m)^blind = true$", "blind = false", text))
    (to / "campaign.toml").write_bytes(sealed("campaign.toml", text))
    for path in sorted((run.path / "tasks").rglob("*.ckpt")):
        (to / path.relative_to(run.path)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to / path.relative_to(run.path))
    return _listed(bundle, 3, [])


def _expect_open(bundle: Bundle, run: Run) -> None:
    blinding = bundle.fit.get("blinding")
    if blinding is not None and "unblinded" not in blinding:
        raise Problem(f"'{bundle.path}' is of a blind campaign: only its likelihood may be published before the data are opened")
    if bundle.ratios.attributes.get("inputs") != run.ratios.attributes.get("inputs"):
        raise Problem(f"'{bundle.path}' is not a bundle of '{run.path}': its ratios have other inputs")


def _expect_without(bundle: Bundle, folder: str) -> None:
    if (bundle.path / folder).exists():
        raise Problem(f"'{bundle.path / folder}' is there already; remove it, or begin with the bundle as the program made it")


def _some_events(run: Run) -> Any:
    """Simulated events that the nets have seen in files: of the first sample of the reference."""
    selected = run.path / "selected.h5"
    return read_events(selected if selected.exists() else run.path / run.campaign["events"]["file"], run.ratios.reference[0][1])


def _listed(bundle: Bundle, level: int, left_out: list[str]) -> Bundle:
    """Writes bundle.json anew, with all files that lie in the folder now."""
    files = sorted((path for path in bundle.path.rglob("*") if path.is_file() and path.name != "bundle.json"),
                   key=lambda path: path.relative_to(bundle.path).as_posix())
    # Not that of the object, which may be from before another call.
    record = {key: value for key, value in _json(bundle.path / "bundle.json", BUNDLE).items() if key != "xxh3"}
    record |= {"level": max(level, record["level"]), "left_out": record["left_out"] + left_out,
               "files": [_described(bundle.path, path) for path in files]}
    with published(bundle.path / "bundle.json") as partial:
        partial.write_bytes(sealed("bundle.json", json.dumps(record, indent=2) + "\n"))
    return Bundle(bundle.path)
