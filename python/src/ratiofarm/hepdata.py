"""Results as HEPData tables: a submission of YAML files. Needs the extra `ratiofarm[hepdata]`.

The values are those of fit.json; what is about the paper (comment, keywords, record ids) is for you to add.
"""
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .files import Problem, needed, published
from .runs import Run


def _column(name: str, values: Iterable[Any], errors: Iterable[list[dict[str, Any]]] | None = None) -> dict[str, Any]:
    cells: list[dict[str, Any]] = [{"value": _plain(value)} for value in values]
    for cell, error in zip(cells, errors if errors is not None else []):
        if error:
            cell["errors"] = error
    return {"header": {"name": name}, "values": cells}


def _plain(value: Any) -> Any:
    """HEPData knows text and finite numbers; "-" stands for what is not known."""
    if isinstance(value, str):
        return value
    return float(value) if value is not None and math.isfinite(value) else "-"


def _errors(parameter: Mapping[str, Any]) -> list[dict[str, Any]]:
    if parameter.get("error_low") and parameter.get("error_high"):
        return [{"asymerror": {"minus": -float(parameter["error_low"]), "plus": float(parameter["error_high"])}, "label": "total"}]
    return [{"symerror": float(parameter["error"]), "label": "total"}] if parameter["error"] else []


def _matrix(fit: Mapping[str, Any], key: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    names = [parameter["name"] for parameter in fit["parameters"] if not parameter["fixed"]]
    rows = [row for row, parameter in enumerate(fit["parameters"]) if not parameter["fixed"]]
    pairs = [(a, b) for a in range(len(names)) for b in range(len(names))]
    return ([_column("Parameter 1", [names[a] for a, _ in pairs]), _column("Parameter 2", [names[b] for _, b in pairs])],
            [_column(key.capitalize(), [fit[key][rows[a]][rows[b]] for a, b in pairs])])


def tables(run: Run) -> dict[str, dict[str, Any]]:
    """From the name of a table to its `description`, `independent_variables` and `dependent_variables`."""
    fit = run.fit
    if not fit["converged"]:
        raise Problem(f"'{run.path}': the fit did not converge; there is no result to publish")
    found: dict[str, dict[str, Any]] = {}

    def add(name: str, description: str, independent: list[dict[str, Any]], dependent: list[dict[str, Any]]) -> None:
        found[name] = {"description": description, "independent_variables": independent, "dependent_variables": dependent}

    about = f"{fit['campaign']}, {fit['data']}"
    parameters: Sequence[Mapping[str, Any]] = fit["parameters"]
    add("Parameters", f"Best-fit values with total errors ({about}).",
        [_column("Parameter", [parameter["name"] for parameter in parameters])],
        [_column("Value", [parameter["value"] for parameter in parameters], [_errors(parameter) for parameter in parameters])])
    for key in ("correlation", "covariance"):
        add(key.capitalize(), f"{key.capitalize()} of the free parameters ({about}).", *_matrix(fit, key))
    if fit["scan"]:
        add("Scan", f"t = 2 (NLL - minimum), other parameters profiled ({about}).",
            [_column(run.scan_parameter, [point["poi"] for point in fit["scan"]])],
            [_column("t", [point["t"] for point in fit["scan"]])])
    if fit["impacts"]:
        keys = [key for key in ("refit_shift", "refit_down", "refit_up", "global_observable") if key in fit["impacts"][0]]
        add("Impacts", f"Shifts of {fit['poi']} ({about}). {fit['definitions']['impacts']}",
            [_column("Parameter", [impact["parameter"] for impact in fit["impacts"]])],
            [_column(key, [impact.get(key) for impact in fit["impacts"]]) for key in keys])
    if "limits" in fit:
        tests = fit["limits"]["tests"]
        add("CLs", f"CLs of {fit['poi']}, observed and expected at each number of standard deviations ({about}).",
            [_column(fit["poi"], [test["poi"] for test in tests])],
            [_column("Observed", [test["cls"] for test in tests])]
            + [_column(f"Expected, {sigma:+.0f} sigma", [test["expected_cls"][k] for test in tests])
               for k, sigma in enumerate(fit["limits"]["band_sigmas"])])
    return found


def write(run: Run, folder: str | os.PathLike[str], *, comment: str | None = None) -> Path:
    """Writes submission.yaml and a data file for each table into a new or empty folder.

    comment: the first words of the submission, such as the abstract.
    """
    yaml = needed("yaml", "hepdata")

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Problem(f"'{folder}' is not empty; choose another folder, so that no older table gets into the submission")
    made = tables(run)
    documents: list[dict[str, Any]] = [{"comment": comment or f"Results of the campaign {run.fit['campaign']}"}]
    for name, table in made.items():
        file = f"{name.lower()}.yaml"
        documents.append({"name": name, "description": table["description"], "keywords": [], "data_file": file})
        with published(folder / file) as partial:
            partial.write_text(yaml.safe_dump({key: value for key, value in table.items() if key != "description"}, sort_keys=False))
    with published(folder / "submission.yaml") as partial:
        partial.write_text(yaml.safe_dump_all(documents, sort_keys=False))
    return folder
