#!/usr/bin/env python3
"""Pairs of massless particles from a boosted resonance, as lists of particles: what is in them is one mass.

    generate.py [--events N] [--out events.h5] [--seed K]

The mass is normal with width 15 around 125 (S) or 100 (B), the decay isotropic, the boost up to 0.8 in any
direction. The weights scale_up and scale_down make of the events what all momenta 2 % larger or smaller would.
"""
import argparse

import numpy as np

import ratiofarm

MEANS, WIDTH, YIELDS, SCALE = {"S": 125.0, "B": 100.0}, 15.0, {"S": 50.0, "B": 500.0}, 0.02
COLUMNS = ["E", "px", "py", "pz"]


def directions(n, rng):
    z, phi = rng.uniform(-1, 1, n), rng.uniform(0, 2 * np.pi, n)
    side = np.sqrt(1 - z**2)
    return np.stack([side * np.cos(phi), side * np.sin(phi), z], axis=1)


def pairs(mass, rng):
    """Momenta [n, 2, 4] of the decay of masses [n]."""
    n = len(mass)
    decay, boost, beta = directions(n, rng), directions(n, rng), rng.uniform(0, 0.8, (n, 1))
    gamma = 1 / np.sqrt(1 - beta**2)
    energy = mass[:, None] / 2
    result = np.empty((n, 2, 4))
    for k, sign in enumerate([1, -1]):
        p = sign * energy * decay
        along = (p * boost).sum(1, keepdims=True)
        result[:, k, :1] = gamma * (energy + beta * along)
        result[:, k, 1:] = p + ((gamma - 1) * along + gamma * beta * energy) * boost
    return result


def density(mass, mean, scale):
    """Of the mass, if all momenta are larger by a factor; times a constant."""
    return np.exp(-0.5 * ((mass / scale - mean) / WIDTH) ** 2) / scale


def main():
    parser = argparse.ArgumentParser(description="A mass in boosted pairs, for ratiofarm.")
    parser.add_argument("--events", type=int, default=10000, help="of each process")
    parser.add_argument("--out", default="events.h5")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    samples = {}
    for number, (process, mean) in enumerate(MEANS.items()):
        rng = np.random.default_rng([options.seed, number])
        mass = rng.normal(mean, WIDTH, options.events)
        p = pairs(mass, rng)
        total = p.sum(1)
        weight = np.full(options.events, YIELDS[process] / options.events)
        samples[process] = {c: list(p[:, :, k]) for k, c in enumerate(COLUMNS)} | {
            "sum_pt": np.hypot(p[:, :, 1], p[:, :, 2]).sum(1), "rapidity": np.arctanh(total[:, 3] / total[:, 0]),
            "id": (number << 40) + np.arange(options.events, dtype=np.uint64), "weight": weight} | {
            name: weight * density(mass, mean, scale) / density(mass, mean, 1.0)
            for name, scale in [("scale_up", 1 + SCALE), ("scale_down", 1 - SCALE)]}
    ratiofarm.write_events(options.out, samples, features=["sum_pt", "rapidity"], id="id", particles=COLUMNS,
                           weights={"scale_up": "scale_up", "scale_down": "scale_down"})


if __name__ == "__main__":
    main()
