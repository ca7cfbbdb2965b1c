#!/usr/bin/env python3
"""Does the error of mu hold learned shapes that are too small to be found, and the noise of others?

    left_out_shapes_study.py --bin build/release/bin --out FOLDER [--sets 8] [--events 40000]

A signal N((1.2, 0.4), 1) over a background N(0, 1) in two features, lambda = mu S + B. Each set is
an independent simulation with nets for --nulls systematics that are independent copies of the
background and one for each shift of its second feature. The fit says by how much those that are
left out would move mu. Then toys are drawn from the exact mixture with alpha ~ N(0, 1) of one of
them and fitted: with exact ratios where it is left out, with the learned shape where it is kept; the
error then holds what the halves of its nets say of their noise. How wide are the pulls of mu?
Ratios that exist stay, so the study may be stopped and repeated.
"""
import argparse
import itertools
import json
import pathlib
import subprocess

import h5py
import numpy as np
from scipy.stats import norm, qmc, t as student

from closed_form import campaign as campaign_text, environment

MEAN = np.array((1.2, 0.4))
SHIFTS = (0.01, 0.02, 0.04, 0.07, 0.1, 0.2)  # of the background, in standard deviations
POOL = norm.ppf(np.clip(qmc.Sobol(2, seed=1).random_base2(13), 1e-9, 1 - 1e-9))
SHARE = 0.02  # of the signal

CAMPAIGN = {
    "campaign.name": '"set"', "events.features": '["x", "y"]', "parameters.mu.range": "[-5.0, 10.0]",
    "split.train": "0.5", "split.validation": "0.1", "split.inference": "0.4",
    "network.hidden": "[16, 16]", "training.batch": "256", "training.learning_rate": "3e-3",
    "training.epochs": "15", "data.asimov": None, "simulate": None,
}
SYSTEMATIC = '[[systematic]]\nname = "{0}"\nshape = {{ B = {{ up = "B_{0}_up", down = "B_{0}_down" }} }}\n'


def sizes(options):
    """Shift of each systematic by its name."""
    return {f"s{k}": size for k, size in enumerate((0.0,) * options.nulls + SHIFTS)}


def write_events(path, seed, options):
    random = np.random.default_rng(seed)
    draw = lambda *mean: random.standard_normal((options.events, 2)) + mean
    samples = {"S": draw(*MEAN), "B": draw(0, 0), "data": POOL}
    for name, size in sizes(options).items():
        samples[f"B_{name}_up"], samples[f"B_{name}_down"] = draw(0, size), draw(0, -size)
    with h5py.File(path, "w") as file:
        file.attrs["format"], file.attrs["version"] = "ratiofarm-events", np.uint64(1)
        for index, (name, x) in enumerate(samples.items()):
            group = file.create_group(name)
            group["features"] = x.astype("f4")
            group["features"].attrs.create("columns", ["x", "y"], dtype=h5py.string_dtype())
            group["weight"] = np.ones(len(x))
            group["id"] = np.arange(len(x), dtype="u8") + (index << 40)


def run_set(options, number):
    """\\return folder of the ratios, and the fit of each systematic by itself"""
    name = options.out / f"set{number}"
    def ratiofarm(command, *arguments):
        with open(name.with_suffix(f".{command}.log"), "w") as log:
            subprocess.run([options.bin / "ratiofarm", command, *arguments], check=True,
                           env=environment(OMP_NUM_THREADS="1"), stdout=log, stderr=log)

    def text(names, expected, **more):
        return campaign_text("signal", {
            **CAMPAIGN, "campaign.seed": str(number + 1), "events.file": f'"{name.name}.h5"',
            "process.S.yield": str(SHARE * expected), "process.B.yield": str((1 - SHARE) * expected),
            **more}, "".join(map(SYSTEMATIC.format, names)), gates=False)

    if not (name / "ratios.h5").exists():
        write_events(name.with_suffix(".h5"), 1000 + number, options)
        name.with_suffix(".toml").write_text(
            text(sizes(options), options.expected[0], **{"data.sample": '"data"'}))
        for command in ("train", "gather", "infer"):
            ratiofarm(command, name.with_suffix(".toml"), "--out", name)
    with h5py.File(name / "ratios.h5") as file:
        left_out = [parameter.removeprefix("alpha_") for parameter, none in
                    zip(file.attrs["shape_parameters"], file.attrs["shape_none"]) if none]
    fits = {}
    for expected in options.expected:
        campaign = options.out / f"{name.name}_{expected}.toml"
        out = campaign.with_suffix(".fit")
        campaign.write_text(text(left_out, expected, **{
            "data.asimov": "{ mu = 1.0 }", "inference.scan": "[1.0]"}))
        ratiofarm("fit", campaign, "--ratios", name / "ratios.h5", "--out", out)
        shapes = json.loads((out / "fit.json").read_text())["shapes"]
        moved = {entry["parameter"].removeprefix("alpha_"):
                 np.array((entry["shift"], entry["shift_noise"])) / shapes["error_without"]
                 for entry in shapes["untreated"]}
        all_of_them = held(np.array(list(moved.values())))
        assert np.isclose(all_of_them, shapes["left_out_error"] / shapes["error_without"], rtol=1e-9)
        fits[expected] = moved
    return name, fits


def held(moved):
    """The error for shapes left out, without yields. \\param moved [shapes, 2]: shift and noise"""
    a, b = moved[:, 0] ** 2, moved[:, 1] ** 2
    return np.sqrt(max(a.max(), (a - b).sum() + 2 * np.sqrt((a * b).sum())))


def even_part(alpha):
    """What interpolation code 4 makes of (ln g_up + ln g_down) / 2, and its derivative."""
    far = np.abs(alpha) >= 1
    return (np.where(far, np.abs(alpha), (15 * alpha ** 2 - 10 * alpha ** 4 + 3 * alpha ** 6) / 8),
            np.where(far, np.sign(alpha), (30 * alpha - 40 * alpha ** 3 + 18 * alpha ** 5) / 8))


def fit_toys(counts, s, b, odd, even):
    """mu S + B g(alpha), alpha ~ N(0, 1) about 0, ln g = alpha odd + even_part(alpha) even,
    normalised: \\return mu, its error, root of alpha^2 + error^2"""
    mu, alpha, total_s = np.ones(len(counts)), np.zeros(len(counts)), s.sum()
    for _ in range(30):
        of_even, slope = even_part(alpha)
        g = np.exp(alpha[:, None] * odd + of_even[:, None] * even)
        d = odd + slope[:, None] * even
        z = (b * g).sum(axis=1) / b.sum()
        mean = (b * g * d).sum(axis=1) / (b * g).sum(axis=1)
        background = b * g / z[:, None]
        mixture = mu[:, None] * s + background
        by_mu, by_alpha = s / mixture, background * (d - mean[:, None]) / mixture
        gradient = np.array([(counts * by_mu).sum(1) - total_s, (counts * by_alpha).sum(1) - alpha])
        h = np.array([(counts * by_mu ** 2).sum(1), (counts * by_mu * by_alpha).sum(1),
                      (counts * by_alpha ** 2).sum(1) + 1.0])
        det = h[0] * h[2] - h[1] ** 2
        mu = mu + np.clip((h[2] * gradient[0] - h[1] * gradient[1]) / det, -0.3, 0.3)
        alpha = alpha + np.clip((h[0] * gradient[1] - h[1] * gradient[0]) / det, -0.5, 0.5)
    return mu, np.sqrt(h[2] / det), np.sqrt(alpha ** 2 + h[0] / det)


def noise_of(s, b, odd, halves):
    """Of mu per unit of alpha: what the halves of both sides do to a fit with the shape."""
    mixture = s + b
    centred = lambda x: x - (b * x).sum() / b.sum()
    d = centred(odd)
    h = np.array([[(s * s / mixture).sum(), (s * b * d / mixture).sum()],
                  [(s * b * d / mixture).sum(), (b * b * d * d / mixture).sum() + 1.0]])
    return np.array([np.linalg.solve(h, [(s * b * centred(e) / mixture).sum(),
                                 (b * b * d * centred(e) / mixture).sum()])[0] for e in halves])


def with_noise(error, parts):
    """Error that holds 68.3 % with variances of one degree of freedom. \\param parts [2, toys]"""
    total = error ** 2 + parts.sum(axis=0)
    freedom = np.minimum(total ** 2 / (parts ** 2).sum(axis=0), 1e6)
    return student.ppf(norm.cdf(1), freedom) * np.sqrt(total)


def pulls_of(folder, moved, shape, size, expected, random, toys):
    """Pulls of mu: by the fit alone and with what is held for the shape or for its noise."""
    ratio = np.exp(POOL @ MEAN - MEAN @ MEAN / 2) / len(POOL)
    s, b = SHARE * expected * ratio, (1 - SHARE) * expected * np.full(len(POOL), 1 / len(POOL))
    alpha = random.standard_normal(toys)[:, None]
    shifted = np.exp(alpha * size * POOL[:, 1] - 0.5 * (alpha * size) ** 2)
    counts = random.poisson(s + b * shifted).astype(float)
    if shape in moved:
        nothing = np.zeros(len(POOL))
        mu, error, _ = fit_toys(counts, s, b, nothing, nothing)
        wider = np.hypot(1, held(moved[shape][None]))
        return (mu - 1) / error, (mu - 1) / error / wider, wider
    with h5py.File(folder / "ratios.h5") as file:
        column = list(file.attrs["shape_parameters"]).index("alpha_" + shape)
        read = lambda name: file["events/data"][name][column][:len(POOL)].astype(float)
        up, down, halves = read("log_g_up"), read("log_g_down"), [read("half_g_up"), read("half_g_down")]
    mu, error, size_of_alpha = fit_toys(counts, s, b, 0.5 * (up - down), 0.5 * (up + down))
    parts = 0.5 * (size_of_alpha * noise_of(s, b, 0.5 * (up - down), halves)[:, None]) ** 2
    wider = with_noise(error, parts) / error
    return (mu - 1) / error, (mu - 1) / error / wider, np.mean(wider)


def rms(pulls):
    return f"{np.sqrt(np.mean(np.square(pulls))):.2f}"


def coverage(pulls):
    return f"{100 * np.mean(np.abs(pulls) < 1):.0f}"


def true_shift(size, expected):
    """Of mu, in errors, by one standard deviation of a shift that is left out."""
    ratio = np.exp(POOL @ MEAN - MEAN @ MEAN / 2)
    purity = SHARE * ratio / (SHARE * ratio + 1 - SHARE)
    weight = expected * (SHARE * ratio + 1 - SHARE) / len(POOL)
    moved = (weight * purity * (1 - purity) * size * POOL[:, 1]).sum()
    return moved / np.sqrt((weight * purity ** 2).sum())


def print_pulls(options, sets, expected):
    random = np.random.default_rng(5)
    print(f"\n{len(sets)} simulations, {expected} events of data\n\n"
          "| shift | moves mu by, in errors: true | learned, rms | shapes | rms pull by the fit alone "
          "| rms pull | covers 68.3 % | error / error of the fit |\n" + "| --- " * 8 + "|")
    for size, is_left_out in itertools.product(sorted(set(sizes(options).values())), (True, False)):
        before, pulls, wider, learned = [], [], [], []
        for folder, fits in sets:
            moved = fits[expected]
            for shape in (name for name, of in sizes(options).items() if of == size):
                if (shape in moved) != is_left_out:
                    continue
                for to, value in zip((before, pulls, wider), pulls_of(
                        folder, moved, shape, size, expected, random, options.toys)):
                    to.append(value)
                learned.append(moved[shape][0] if is_left_out else np.nan)
        if not pulls:
            continue
        print(f"| {size or 'none'} | {true_shift(size, expected):.2f} | "
              f"{rms(learned) if is_left_out else '-'} | {len(pulls)} {'left out' if is_left_out else 'kept'} | "
              f"{rms(before)} | {rms(pulls)} | {coverage(pulls)} | {np.mean(wider):.2f} |")


def print_many(options, sets, expected, count=100):
    """Many shapes of noise at once, drawn from all of them."""
    random = np.random.default_rng(6)
    noise = np.array([moved for _, fits in sets for shape, moved in fits[expected].items()
                      if sizes(options)[shape] == 0])
    picks = [noise[random.integers(len(noise), size=count)] for _ in range(1000)]
    print(f"\n{expected} events of data, {count} systematics that are none: error / error of the fit "
          f"{np.mean([np.hypot(1, held(p)) for p in picks]):.2f}, by a sum of all squares "
          f"{np.mean([np.hypot(1, np.linalg.norm(p[:, 0])) for p in picks]):.2f}; "
          f"rms shift of one {rms(noise[:, 0])}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    path = lambda p: pathlib.Path(p).resolve()
    parser.add_argument("--bin", type=path, required=True)
    parser.add_argument("--out", type=path, required=True)
    parser.add_argument("--sets", type=int, default=8)
    parser.add_argument("--nulls", type=int, default=6)
    parser.add_argument("--events", type=int, default=40000, help="simulated, per sample")
    parser.add_argument("--expected", type=int, nargs="+", default=[20000, 2000], help="events of data")
    parser.add_argument("--toys", type=int, default=60)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    sets = [run_set(options, number) for number in range(options.sets)]
    for expected in options.expected:
        print_pulls(options, sets, expected)
        print_many(options, sets, expected)


if __name__ == "__main__":
    main()
