#!/usr/bin/env python3
"""Compares the unfolded histogram with what is true: compare.py [RUN_DIRECTORY]"""
import sys

import numpy as np

import ratiofarm

EDGES = [-np.inf, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, np.inf]


def main():
    unfolded = ratiofarm.open_unfolded(sys.argv[1] if len(sys.argv) > 1 else "unfolding.run")
    result = unfolded.histogram("t", EDGES)
    truth = np.histogram(np.load("truth.npz")["t"], EDGES)[0]
    prior = np.histogram(unfolded.column("t"), EDGES, weights=unfolded.weight_mc)[0]
    print(f"{'from':>6} {'to':>6} {'generated':>10} {'unfolded':>10} {'error':>8} {'true':>8}")
    for row in zip(EDGES, EDGES[1:], prior, result.contents, result.error, truth):
        print("{:6.1f} {:6.1f} {:10.0f} {:10.0f} {:8.0f} {:8d}".format(*row))
    t, w = unfolded.column("t"), unfolded.weights["nominal"]
    mean = np.average(t, weights=w)
    print(f"yield {w.sum():.0f} (true {truth.sum()}), mean {mean:.3f}, variance {np.average((t - mean)**2, weights=w):.3f}")


if __name__ == "__main__":
    main()
