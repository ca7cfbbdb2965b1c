#!/usr/bin/env python3
"""Tables without checksums, in the folder given: those named after it without theirs, in place, and
two as users write them, in the oldest layout of HDF5 and compressed."""

import sys

import h5py
import numpy as np

rng = np.random.default_rng(1)


def strip(path):
    with h5py.File(path, "r+") as f:
        found = []
        f.visit(lambda name: found.append(name) if name.endswith(("_crc", "_xxh3")) else None)
        for name in found:
            if name != "nets/table_crc":  # not optional
                del f[name]


def write_events(path, **layout):
    with h5py.File(path, "w") as f:
        f.attrs["format"] = "ratiofarm-events"
        f.attrs["version"] = 1
        for first, name in enumerate("SB"):
            sample = f.create_group(name)
            features = sample.create_dataset("features", data=rng.normal(size=(11, 2)), **layout)
            features.attrs["columns"] = ["mass", "pt"]
            sample.create_dataset("weight", data=np.full(11, 0.5), **layout)
            sample.create_dataset("weights/t_up", data=np.full(11, 0.25), **layout)
            sample.create_dataset("id", data=np.arange(11) + 100 * first, **layout)


def write_ratios(path):
    with h5py.File(path, "w") as f:
        f.attrs["format"] = "ratiofarm-ratios"
        f.attrs["version"] = 2
        f.attrs["processes"] = ["S", "B"]
        f.attrs["yields"] = [10.0, 100.0]
        f.attrs["shape_processes"] = ["S"]
        f.attrs["shape_parameters"] = ["alpha_scale"]
        for name in "SB":
            events = f.create_group("events/" + name)
            events.create_dataset("weight", data=np.full(7, 2.0))
            events.create_dataset("log_r", data=rng.normal(size=(7, 2)).astype("f4"))
            events.create_dataset("log_g_up", data=np.full((1, 7), 0.1))
            events.create_dataset("log_g_down", data=np.full((1, 7), -0.1, "f4"))
        reference = f.create_group("reference")
        reference.attrs["processes"] = ["S", "B"]
        reference.attrs["samples"] = ["S", "B"]
        reference.attrs["fractions"] = [0.5, 0.5]


folder = sys.argv[1]
for name in sys.argv[2:]:
    strip(f"{folder}/{name}")
write_events(f"{folder}/user_events.h5")
write_events(f"{folder}/packed_events.h5", chunks=True, compression="gzip")
write_ratios(f"{folder}/user_ratios.h5")
