#!/usr/bin/env python3
"""What the best possible analysis of an interference model reaches, from its campaign file alone.

    exact.py campaign_3d.toml [run directory]

Prints the exact sigma(mu) at mu = 1 of the unbinned likelihood in all features, of an infinitely
fine histogram of each single feature, and of the rate. With a run directory, the fit beside them.

The Fisher information is the integral of (d lambda/d mu)^2 / lambda. The interference of two
Gaussians is a Gaussian again, so that marginals are exact; the trapezoid rule on a regular grid
converges faster than any power of the step for such integrands.
"""
import json
import pathlib
import sys
import tomllib

import numpy as np

GRID_POINTS = {1: 4001, 2: 401, 3: 121}  # per axis; more points change no printed digit
REACH = 8.0                              # standard deviations on either side of a mean


class Gaussian:
    """yield * N(x; mean, covariance)."""

    def __init__(self, total, mean, covariance):
        self.total = total
        self.mean = np.array(mean, dtype=float)
        self.covariance = np.array(covariance, dtype=float)

    def marginal(self, axes):
        return Gaussian(self.total, self.mean[axes], self.covariance[np.ix_(axes, axes)])

    def __call__(self, x):
        distance = x - self.mean
        exponent = -0.5 * np.einsum("ni,ij,nj->n", distance, np.linalg.inv(self.covariance), distance)
        return self.total * np.exp(exponent) / np.sqrt(np.linalg.det(2 * np.pi * self.covariance))


def interference(signal, background, c):
    """2 c sqrt(S B), a Gaussian of negative yield for c < 0."""
    precision = (np.linalg.inv(signal.covariance) + np.linalg.inv(background.covariance)) / 2
    covariance = np.linalg.inv(precision)
    weighted = (np.linalg.solve(signal.covariance, signal.mean)
                + np.linalg.solve(background.covariance, background.mean))
    between = (signal.covariance + background.covariance) / 2
    distance = signal.mean - background.mean
    overlap = ((np.linalg.det(signal.covariance) * np.linalg.det(background.covariance)) ** 0.25
               / np.sqrt(np.linalg.det(between))
               * np.exp(-distance @ np.linalg.solve(between, distance) / 8))
    total = 2 * c * np.sqrt(signal.total * background.total) * overlap
    return Gaussian(total, covariance @ weighted / 2, covariance)


def information(signal, background, between):
    """Fisher information on mu at mu = 1."""
    dimension = len(signal.mean)
    width = np.sqrt(np.maximum(np.diag(signal.covariance), np.diag(background.covariance)))
    low = np.minimum(signal.mean, background.mean) - REACH * width
    high = np.maximum(signal.mean, background.mean) + REACH * width
    axes = [np.linspace(*edges, GRID_POINTS[dimension]) for edges in zip(low, high)]
    cell = np.prod([axis[1] - axis[0] for axis in axes])
    rest = np.stack(np.meshgrid(*axes[1:], indexing="ij"), axis=-1).reshape(-1, dimension - 1) \
        if dimension > 1 else np.empty((1, 0))
    total = 0.0
    for first in axes[0]:  # a plane at a time keeps the memory small
        x = np.column_stack([np.full(len(rest), first), rest])
        s, b, i = signal(x), background(x), between(x)
        density = s + b + i
        seen = density > 1e-300
        total += np.sum((s + i / 2)[seen] ** 2 / density[seen]) * cell
    return total


def main():
    campaign = tomllib.loads(pathlib.Path(sys.argv[1]).read_text())
    model, features = campaign["simulate"], campaign["events"]["features"]
    signal, background = (Gaussian(model[name]["yield"], model[name]["mean"], model[name]["covariance"])
                          for name in ("S", "B"))
    between = interference(signal, background, model["interference"])
    expected = signal.total + background.total + between.total
    print(f"expected events   S {signal.total:.6f}  B {background.total:.6f}  "
          f"interference {between.total:.6f}  SBI {expected:.6f}")
    rate = np.sqrt(expected) / abs(signal.total + between.total / 2)
    print(f"sigma(mu) of the rate only          {rate:.8f}")
    parts = (signal, background, between)
    single = []
    for k, feature in enumerate(features):
        single.append(information(*(part.marginal([k]) for part in parts)) ** -0.5)
        print(f"sigma(mu) of a histogram of {feature:8s}{single[-1]:.8f}")
    exact = information(*parts) ** -0.5
    print(f"sigma(mu) unbinned, {len(features)} feature(s)    {exact:.8f}"
          f"   {min(single) / exact:.4f} times better than the best histogram")
    if len(sys.argv) > 2:
        fit = json.loads((pathlib.Path(sys.argv[2]) / "fit.json").read_text())
        mu = next(p for p in fit["parameters"] if p["name"] == "mu")
        print(f"fit with learned ratios: mu = {mu['value']:.4f} +- {mu['error']:.4f}, "
              f"{(mu['value'] - 1) / exact:+.3f} sigma from 1, "
              f"error {mu['error'] / exact:.4f} of the exact one")


if __name__ == "__main__":
    main()
