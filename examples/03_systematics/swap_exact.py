#!/usr/bin/env python3
"""Which nets limit a fit: the learned ratio file with exact values in place of learned ones.

    ratiofarm simulate learned.toml --ratios exact.h5
    swap_exact.py learned.run/ratios.h5 exact.h5 --replace r --out exact_r.h5
    ratiofarm fit learned.toml --ratios exact_r.h5 --out exact_r.run

--replace r puts the exact r in, g the exact g of all systematics, r,g both: the fit of the same
events with nothing learned. Prints how far the learned values are from the exact ones.
"""
import argparse

import h5py
import numpy as np

JUDGEMENTS = ("shape_none", "shape_gain", "shape_gain_error", "shape_noise_variance")


def rows_of(exact, ids):
    """Rows of the exact set with these ids."""
    order = np.argsort(exact["id"][:])
    return order[np.searchsorted(exact["id"][:][order], ids)]


def compare(label, learned, exact, weight):
    """Weighted rms of the exact logarithm, of the difference, and of what a scale does not explain."""
    used = np.isfinite(learned) & np.isfinite(exact)
    learned, exact, weight = learned[used], exact[used], weight[used] / weight[used].sum()
    mean = np.sum(weight * exact)
    difference = learned - exact
    spread = np.sqrt(np.sum(weight * (exact - mean) ** 2))
    error = np.sqrt(np.sum(weight * (difference - np.sum(weight * difference)) ** 2))
    print(f"  {label:28s} exact rms {spread:8.5f}   learned - exact rms {error:8.5f}")


def main():
    parser = argparse.ArgumentParser(description="Exact ratios in place of learned ones.")
    parser.add_argument("learned")
    parser.add_argument("exact")
    parser.add_argument("--replace", default="", help="r, g or r,g")
    parser.add_argument("--out")
    options = parser.parse_args()
    replace = [name for name in options.replace.split(",") if name]
    with h5py.File(options.learned) as learned, h5py.File(options.exact) as exact:
        processes = list(learned.attrs["processes"])
        columns = [list(exact.attrs["processes"]).index(name) for name in processes]
        shapes = list(zip(learned.attrs["shape_processes"], learned.attrs["shape_parameters"]))
        true_shapes = list(zip(exact.attrs["shape_processes"], exact.attrs["shape_parameters"]))
        rows = {name: rows_of(exact["events"][name], learned["events"][name]["id"][:])
                for name in learned["events"]}
        for k, process in enumerate(processes):  # on the events of the process itself
            mine, true = learned["events"][process], exact["events"][process]
            log_r = true["log_r"][:][rows[process]]
            compare(f"ln r of {process}", mine["log_r"][:, k], log_r[:, columns[k]], mine["weight"][:])
        for k, shape in enumerate(shapes):
            mine, true = learned["events"][shape[0]], exact["events"][shape[0]]
            for side in ("up", "down"):
                exact_g = true[f"log_g_{side}"][true_shapes.index(shape)][rows[shape[0]]]
                compare(f"ln g of {shape[0]}, {shape[1]}, {side}", mine[f"log_g_{side}"][k], exact_g,
                        mine["weight"][:])
        if not replace:
            return
        with h5py.File(options.out, "w") as out:
            copy(learned, out)
            for name in learned["events"]:
                true, set_out = exact["events"][name], out["events"][name]
                if "r" in replace:
                    set_out["log_r"][:] = true["log_r"][:][rows[name]][:, columns]
                if "g" in replace:  # none of these shapes is noise: nothing to say about that
                    for key in [key for key in out.attrs if key in JUDGEMENTS]:
                        del out.attrs[key]
                    out.attrs["version"] = 2
                    for side in ("up", "down"):
                        values = true[f"log_g_{side}"][:]
                        for k, shape in enumerate(shapes):
                            set_out[f"log_g_{side}"][k] = values[true_shapes.index(shape)][rows[name]]


def copy(source, target):
    """All but checksums, and what speaks of nets alone."""
    for key, value in source.attrs.items():
        target.attrs[key] = value
    for key, item in source.items():
        if isinstance(item, h5py.Group):
            copy(item, target.create_group(key))
        elif not (key.endswith(("_crc", "_xxh3")) or "spread" in key or "replica" in key):
            target.create_dataset(key, data=item[()])
            for name, value in item.attrs.items():
                target[key].attrs[name] = value


if __name__ == "__main__":
    main()
