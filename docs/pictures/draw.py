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


def interference():
    """Positive samples with signed coefficients."""
    x = np.linspace(-4, 6, 201)
    s = 100 * np.exp(-(x - 1.5)**2 / 2) / np.sqrt(2 * np.pi)
    b = 900 * np.exp(-(x / 1.5)**2 / 2) / np.sqrt(2 * np.pi) / 1.5
    sbi = s + b - 1.2 * np.sqrt(s * b)
    figure, (samples, mixture) = plt.subplots(1, 2, figsize=(8.2, 3), gridspec_kw={"wspace": 0.25})
    for density, colour, style, name in ((s, ORANGE, "-", "S"), (b, BLUE, "--", "B"), (sbi, GREEN, "-.", "SBI = |S + B|^2")):
        samples.plot(x, density, color=colour, linestyle=style, label=name)
    for mu, colour, style in ((0, BLUE, "--"), (0.25, GREY, ":"), (1, GREEN, "-."), (4, ORANGE, "-")):
        root = np.sqrt(mu)
        mixture.plot(x, (mu - root) * s + root * sbi + (1 - root) * b, color=colour, linestyle=style, label=f"mu = {mu}")
    samples.set(xlabel="x", ylabel="events per unit of x", title="what is simulated", ylim=(0, 330))
    mixture.set(xlabel="x", title="what is expected at mu", ylim=(0, 330))
    for axes in (samples, mixture):
        axes.legend(frameon=False, fontsize=9, ncols=2, loc="upper center", handlelength=2.2)
    save(figure, "interference.svg")


def code4(alpha, up, down):
    """HistFactory's interpolation of a factor: a power outside +-1, a polynomial of sixth order inside."""
    if abs(alpha) >= 1:
        return up**alpha if alpha > 0 else down**-alpha
    lu, ld = np.log(up), np.log(down)
    s0, a0, s1, a1 = (up + down) / 2, (up - down) / 2, (up * lu - down * ld) / 2, (up * lu + down * ld) / 2
    s2, a2 = (up * lu**2 + down * ld**2) / 2, (up * lu**2 - down * ld**2) / 2
    terms = ((15 * a0 - 7 * s1 + a2) / 8, (-24 + 24 * s0 - 9 * a1 + s2) / 8, (-5 * a0 + 5 * s1 - a2) / 4,
             (12 - 12 * s0 + 7 * a1 - s2) / 4, (3 * a0 - 3 * s1 + a2) / 8, (-8 + 8 * s0 - 5 * a1 + s2) / 8)
    return 1 + sum(term * alpha**(n + 1) for n, term in enumerate(terms))


def systematic():
    """A mean that moves by 0.3 widths: densities, and g of one event as a function of alpha."""
    x = np.linspace(-3.5, 3.5, 141)
    p = lambda shift: np.exp(-(x - shift)**2 / 2) / np.sqrt(2 * np.pi)
    figure, (density, ratio_axes, event) = plt.subplots(1, 3, figsize=(10.2, 3), gridspec_kw={"wspace": 0.3})
    for shift, colour, style, name in ((0, GREY, ":", "nominal"), (0.3, ORANGE, "-", "alpha = +1"), (-0.3, BLUE, "--", "alpha = -1")):
        density.plot(x, p(shift), color=colour, linestyle=style, label=name)
        ratio_axes.plot(x, p(shift) / p(0), color=colour, linestyle=style)
    alpha = np.linspace(-2, 2, 81)
    for at, colour, style in ((2, ORANGE, "-"), (-1, BLUE, "--")):
        g = np.exp(0.3 * np.array([1, -1]) * at - 0.045)
        event.plot(alpha, [code4(a, *g) for a in alpha], color=colour, linestyle=style, label=f"event at x = {at}")
        event.plot([-1, 0, 1], [g[1], 1, g[0]], "o", color=colour, markersize=4)
    density.set(xlabel="x", title="varied densities", ylim=(0, 0.56))
    ratio_axes.set(xlabel="x", title="g(x) = p(x|alpha) / p(x)", ylim=(0, 3))
    event.set(xlabel="alpha", title="g of one event", ylim=(0, 3.6))
    density.legend(frameon=False, fontsize=8, loc="upper left", ncols=2, handlelength=1.6)
    event.legend(frameon=False, fontsize=9)
    save(figure, "systematic.svg")


def box(axes, x, y, width, text, colour, filled=False):
    axes.add_patch(plt.Rectangle((x, y), width, 0.9, facecolor=colour if filled else "white", edgecolor=colour, linewidth=1.4))
    axes.text(x + width / 2, y + 0.45, text, ha="center", va="center", fontsize=9, color="white" if filled else "black")


def arrow(axes, start, end):
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": GREY, "shrinkA": 0, "shrinkB": 0})


def chain():
    """What makes what: commands filled, files open."""
    figure, axes = plt.subplots(figsize=(10.2, 2.1))
    axes.set(xlim=(-0.1, 15.6), ylim=(-0.2, 2.6))
    axes.axis("off")
    box(axes, 0, 1.5, 2, "events.h5", BLUE)
    box(axes, 0, 0.1, 2, "campaign.toml", BLUE)
    x = 2.7
    for name, made in (("train", "a net per task"), ("gather", "ensembles/"), ("infer", "ratios.h5"), ("fit", "fit.json"),
                       ("report", "report.html")):
        box(axes, x, 1.5, 1.9, name, ORANGE, filled=True)
        box(axes, x, 0.1, 1.9, made, BLUE)
        arrow(axes, (x - 0.65, 1.95), (x, 1.95))
        arrow(axes, (x + 0.95, 1.5), (x + 0.95, 1.0))
        x += 2.6
    arrow(axes, (2.0, 0.55), (2.7, 1.6))
    save(figure, "chain.svg")


def farm():
    """Four ranks; a trainer dies, and its task goes on elsewhere from the checkpoint."""
    figure, axes = plt.subplots(figsize=(9, 2.5))
    axes.set(xlim=(-0.2, 12.6), ylim=(-0.6, 4), yticks=np.arange(4) + 0.4, yticklabels=[f"rank {r}" for r in (3, 2, 1, 0)], xlabel="time")
    axes.set_xticks([])
    axes.tick_params(length=0)
    tasks = (((0, 5), (5, 4), (9, 2.6)), ((0, 4.6), (4.6, 3.9), (8.5, 2.8)), ((0, 3), (3.4, 4.2), (7.6, 3.9)), ((0, 4.2), (4.2, 2.6), (6.8, 4.1)))
    for row, of_rank in enumerate(tasks):
        for start, length in of_rank:
            resumed = row == 3 and start == 4.2
            axes.add_patch(plt.Rectangle((start, 3 - row + 0.05), length - 0.08, 0.7, facecolor=GREEN if resumed else BLUE, alpha=0.8))
            for at in np.arange(start + 1.2, start + length - 0.1, 1.2):
                axes.plot([at, at], [3 - row + 0.05, 3 - row + 0.22], color="white", linewidth=1.2)
    axes.plot([2.95], [1.4], marker="x", color=ORANGE, markersize=11, markeredgewidth=3)
    axes.text(2.75, 1.4, "trainer dies", va="center", ha="right", fontsize=9, color="white")
    axes.text(5.46, 0.42, "resumed", ha="center", va="center", fontsize=9, color="white")
    arrow(axes, (2.95, 1.2), (4.25, 0.6))
    axes.text(0, -0.45, "white marks: checkpoints", fontsize=8, color=GREY)
    save(figure, "farm.svg")


for draw in (ratio, interference, systematic, chain, farm):
    draw()
