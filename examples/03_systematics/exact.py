#!/usr/bin/env python3
"""What is possible with the systematics of a closed-form campaign, by numerical integration.

    exact.py learned.toml [run directory]

Prints the errors at mu = 1 and alpha = 0 of the unbinned likelihood in all features, for the model
that is fitted (interpolation code 4, shapes normalised at every alpha) and for the one in which
means move linearly. With a run directory, the fit beside them, and its toys if there are any.

The expected Hessian at the truth is the integral of (d lambda/d a)(d lambda/d b) / lambda, plus one
for each constraint; the trapezoid rule on a regular grid converges faster than any power of the
step for such integrands.
"""
import json
import pathlib
import sys
import tomllib

import numpy as np

GRID_POINTS = {1: 4001, 2: 401, 3: 141}  # per axis; more points change no printed digit
REACH = 8.0                              # standard deviations on either side of a mean


def slope(up, down):
    """d/d alpha at 0 of interpolation code 4 between 1/down, 1 and up."""
    s0, a0 = (up + down) / 2, (up - down) / 2
    s1 = (up * np.log(up) - down * np.log(down)) / 2
    a2 = (up * np.log(up) ** 2 - down * np.log(down) ** 2) / 2
    return (15 * a0 - 7 * s1 + a2) / 8


class Model:
    """S, B and their interference on a grid, at any means and yields."""

    def __init__(self, settings):
        self.c = settings["interference"]
        self.settings = settings
        parts = [settings["S"], settings["B"]]
        means = np.array([part["mean"] for part in parts], dtype=float)
        widths = np.sqrt([np.diag(part["covariance"]) for part in parts]).max(axis=0)
        dimension = means.shape[1]
        axes = [np.linspace(low, high, GRID_POINTS[dimension]) for low, high in
                zip(means.min(axis=0) - REACH * widths, means.max(axis=0) + REACH * widths)]
        self.x = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dimension)
        self.cell = np.prod([axis[1] - axis[0] for axis in axes])

    def logarithm(self, name, shift=None, factor=1.0):
        """ln of yield times density of S or B, its mean moved, its yield multiplied."""
        part = self.settings[name]
        covariance = np.array(part["covariance"], dtype=float)
        distance = self.x - np.array(part["mean"], dtype=float) - (0.0 if shift is None else shift)
        exponent = -0.5 * np.einsum("ni,ni->n", distance, np.linalg.solve(covariance, distance.T).T)
        return (exponent - 0.5 * np.log(np.linalg.det(2 * np.pi * covariance))
                + np.log(factor * part["yield"]))

    def densities(self, log_s, log_b):
        """S, B and SBI per cell."""
        s, b = np.exp(log_s), np.exp(log_b)
        return {"S": s, "B": b, "SBI": s + b + 2 * self.c * np.exp((log_s + log_b) / 2)}

    def varied(self, systematic, side):
        logs = []
        for name in ("S", "B"):
            change = systematic.get(name, {})
            shift = np.array(change.get("shift", 0.0)) * (1 if side == "up" else -1)
            logs.append(self.logarithm(name, shift, change.get(side, 1.0)))
        return self.densities(*logs)


def information(model, slopes):
    """[1 + K, 1 + K] at mu = 1. \\param slopes [K, points], d lambda/d alpha"""
    log_s, log_b = model.logarithm("S"), model.logarithm("B")
    nominal = model.densities(log_s, log_b)
    to_mu = nominal["S"] + model.c * np.exp((log_s + log_b) / 2)
    rows = np.array([to_mu, *slopes])
    seen = nominal["SBI"] > 1e-300
    return (rows[:, seen] / nominal["SBI"][seen]) @ rows[:, seen].T * model.cell + np.diag(
        [0.0] + [1.0] * len(slopes))


def interpolated(model, systematic):
    """d SBI/d alpha of code 4 on yields and on ratios, the density normalised."""
    nominal = model.densities(model.logarithm("S"), model.logarithm("B"))["SBI"]
    up, down = (model.varied(systematic, side)["SBI"] for side in ("up", "down"))
    total, total_up, total_down = nominal.sum(), up.sum(), down.sum()
    seen = nominal > 1e-280
    g = np.zeros_like(nominal)
    g[seen] = slope(up[seen] / nominal[seen] * total / total_up,
                    down[seen] / nominal[seen] * total / total_down)
    return nominal * (slope(total_up / total, total_down / total) + g - np.sum(g * nominal) / total)


def linear(model, systematic):
    """d SBI/d alpha where the means move in proportion to alpha and the yields by code 4."""
    log_s, log_b = model.logarithm("S"), model.logarithm("B")
    by_part = {}
    for name in ("S", "B"):
        change, part = systematic.get(name, {}), model.settings[name]
        shift = np.array(change.get("shift", np.zeros(model.x.shape[1])), dtype=float)
        tilt = (model.x - np.array(part["mean"])) @ np.linalg.solve(np.array(part["covariance"]), shift)
        by_part[name] = tilt + slope(change.get("up", 1.0), change.get("down", 1.0))
    between = 2 * model.c * np.exp((log_s + log_b) / 2)
    return (np.exp(log_s) * by_part["S"] + np.exp(log_b) * by_part["B"]
            + between * (by_part["S"] + by_part["B"]) / 2)


def main():
    campaign = tomllib.loads(pathlib.Path(sys.argv[1]).read_text())
    model, systematics = Model(campaign["simulate"]), campaign["simulate"]["systematic"]
    names = ["mu"] + [f"alpha_{systematic['name']}" for systematic in systematics]
    best = {}
    print(f"{'':26s}" + "".join(f"{name:>16s}" for name in names))
    for label, derivative in (("means move linearly", linear), ("as fitted, code 4", interpolated)):
        hessian = information(model, [derivative(model, systematic) for systematic in systematics])
        best[label] = np.sqrt(np.diag(np.linalg.inv(hessian)))
        print(f"{label:26s}" + "".join(f"{error:16.6f}" for error in best[label]))
    print(f"{'without systematics':26s}{hessian[0, 0] ** -0.5:16.6f}")
    if len(sys.argv) < 3:
        return
    folder = pathlib.Path(sys.argv[2])
    fit = {p["name"]: p for p in json.loads((folder / "fit.json").read_text())["parameters"]}
    print(f"{'learned':26s}" + "".join(f"{fit[name]['error']:16.6f}" for name in names))
    print(f"{'learned / exact':26s}" + "".join(
        f"{fit[name]['error'] / error:16.4f}" for name, error in zip(names, best["as fitted, code 4"])))
    truth = [1.0] + [0.0] * len(systematics)
    print(f"{'bias / exact error':26s}" + "".join(
        f"{(fit[name]['value'] - true) / error:16.4f}"
        for name, true, error in zip(names, truth, best["as fitted, code 4"])))


if __name__ == "__main__":
    main()
