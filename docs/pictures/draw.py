"""Draws the pictures of the documentation: python docs/pictures/draw.py (numpy and matplotlib).

Every curve is computed here from densities in closed form; `report_*.svg` come from a report
(report_plots.py). Colours are those of Okabe and Ito, which colour-blind readers can tell apart.
"""
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "ratiofarm", "font.size": 10, "font.family": "sans-serif",
                     "axes.spines.top": False, "axes.spines.right": False, "savefig.facecolor": "white"})


def save(figure, name):
    path = Path(__file__).with_name(name)
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight", pad_inches=0.08)
    plt.close(figure)
    text = "\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n"
    path.write_text(text)


def normal(x, y, mean, correlation):
    u, v = x - mean[0], y - mean[1]
    power = (u * u - 2 * correlation * u * v + v * v) / (1 - correlation**2)
    return np.exp(-power / 2) / (2 * np.pi * np.sqrt(1 - correlation**2))


def asimov_t(signal, background, mu):
    """t_mu of the expected data at mu = 1; signal and background are expected events per cell."""
    seen, expected = signal + background, np.multiply.outer(mu, signal) + background
    return 2 * np.sum(expected - seen - seen * np.log(expected / seen), axis=-1)


def ratio():
    """A signal that no projection shows."""
    axis = np.linspace(-5, 5, 401)
    cell = (axis[1] - axis[0])**2
    x, y = np.meshgrid(axis, axis)
    s = 40 * cell * normal(x, y, (0.5, -0.5), 0.8)
    b = 200 * cell * normal(x, y, (0, 0), 0.8)
    figure, (plane, one, scan) = plt.subplots(1, 3, figsize=(10.2, 3.1), gridspec_kw={"wspace": 0.32})

    for density, colour, name, at in ((b, BLUE, "background", (1.15, 2.75)), (s, ORANGE, "signal", (0.9, -2.4))):
        plane.contour(x[::4, ::4], y[::4, ::4], density[::4, ::4], levels=density.max() * np.exp([-2.0, -0.5]), colors=colour,
                      linestyles=("-", "-") if name == "signal" else ("--", "--"))
        plane.text(*at, name, color=colour)
    plane.set(xlim=(-3.4, 3.4), ylim=(-3.4, 3.4), xlabel="feature 1", ylabel="feature 2", title="two features together")

    for density, colour, style, name in ((b, BLUE, "--", "background"), (s, ORANGE, "-", "signal")):
        one.plot(axis[::4], (density.sum(axis=0) / density.sum() / (axis[1] - axis[0]))[::4], color=colour, linestyle=style, label=name)
    one.set(xlim=(-3.4, 3.4), ylim=(0, None), xlabel="feature 1", ylabel="density", title="one of them")

    mu = np.linspace(0, 2.2, 56)
    rate = asimov_t(np.array([s.sum()]), np.array([b.sum()]), mu)
    for t, colour, style, name in (
            (rate, GREY, ":", "only the rate"),
            (asimov_t(s.sum(axis=0), b.sum(axis=0), mu), BLUE, "--", "a histogram"),
            (asimov_t(s.ravel(), b.ravel(), mu), ORANGE, "-", "density ratio")):
        scan.plot(mu, t, color=colour, linestyle=style, label=name)
    scan.legend(frameon=False, loc="upper center", fontsize=9, handlelength=1.6, bbox_to_anchor=(0.5, 1.03))
    scan.axhline(1, color=GREY, linewidth=0.6)
    scan.set(xlim=(0, 2.2), ylim=(0, 20), xlabel="signal strength mu", ylabel="t = -2 ln L(mu) / L(1)", title="what the fit knows")
    save(figure, "ratio.svg")


ratio()
