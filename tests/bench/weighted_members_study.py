#!/usr/bin/env python3
"""Does the error of weighted members cover over long tails?

    weighted_members_study.py [--sets 100] [--case NAME ...]

A peak N(m, s^2) over an exponential in x, a second feature that tells a little, lambda = mu S + B
with 60 and 1200 events. --sets times 6000 events of each are simulated; half of them train four
members a process: networks of one hidden layer whose first layer is drawn at random and whose
second is fitted to cross-entropy. The weights of the members are fitted to 40 % of the events by
a slow twin of fit/finite_mc/member_weights.cpp, and mu to data that are always the same. The
scatter of mu-hat over the sets is the true uncertainty; "expected" is what the program prints with
every fit, to first order and here with the true densities; sigma is what the covariance of the
weights says. "exponentials" is an unbounded loss without a ridge, as earlier versions had it.
"""
import argparse

import numpy as np

YIELDS = 60.0, 1200.0
CASES = {  # mean and width of the peak, slope of the exponential, end of the tail, share that trains
    "reference": (2.0, 0.5, 0.5, 1e3, 0.5), "tail cut at 4": (2.0, 0.5, 0.5, 4.0, 0.5),
    "tail cut at 8": (2.0, 0.5, 0.5, 8.0, 0.5), "narrow": (2.0, 0.2, 0.5, 1e3, 0.5),
    "low mass": (0.8, 0.3, 0.5, 1e3, 0.5), "high mass": (5.0, 1.0, 0.5, 1e3, 0.5),
    "steep": (2.0, 0.5, 1.5, 1e3, 0.5), "flat": (2.0, 0.5, 0.2, 1e3, 0.5),
    "few train": (2.0, 0.5, 0.5, 1e3, 0.1)}


def draw(random, case, signal, n):
    mean, width, slope, end, _ = case
    x = random.normal(mean, width, 3 * n) if signal else random.exponential(1 / slope, 3 * n)
    x = x[(x > 0) & (x < end)][:n]
    return np.stack([x, random.normal(0.5, 1.0, n) if signal else random.normal(0, 1.2, n)], 1)


def share(s):
    return 1 / (1 + np.exp(-np.clip(s, -700, 700)))


def cross_entropy(n, d, s):
    """\\return loss, slope and bend of events that count n in the numerator, d in the reference"""
    p = share(s)
    return n * np.logaddexp(0, -s) + d * np.logaddexp(0, s), d * p - n * (1 - p), \
        (n + d) * p * (1 - p)


def exponentials(n, d, s):
    up, down = np.exp(np.clip(s, -700, 700)), np.exp(np.clip(-s, -700, 700))
    return n * (-s + down - 1) + d * (s + up - 1), d * (1 + up) - n * (1 + down), n * down + d * up


def minimise(loss, basis, n, d, ridge, centre, start):
    """Newton steps. \\param ridge [p], pulls to centre; infinite: held \\return theta, Hessian"""
    free, theta = np.isfinite(ridge), start.copy()
    pull = np.where(free, ridge, 0.0)

    def at(theta):
        value, slope, bend = loss(n, d, theta @ basis)
        away = theta - centre
        return value.sum() + pull @ away ** 2 / 2, basis @ slope + pull * away, (basis * bend) @ basis.T

    value, gradient, hessian = at(theta)
    length = 1.0
    while length > 1e-6:
        inverse = np.linalg.pinv((hessian + np.diag(pull))[np.ix_(free, free)], rcond=1e-12)
        step = np.zeros_like(theta)
        step[free] = inverse @ gradient[free]
        if step @ gradient < 1e-16:
            break
        there = at(theta - length * step)
        if there[0] <= value + 1e-14 * abs(value):
            theta, (value, gradient, hessian) = theta - length * step, there
            length = min(1.0, 2 * length)
        else:
            length /= 2
    return theta, hessian


def member(random, x, n, d):
    """ln r as a function of features"""
    mean, width = x.mean(axis=0), x.std(axis=0)
    turn, bias = random.normal(0, 1.5, (2, 40)), random.normal(0, 1.5, 40)

    def hidden(x):
        return np.vstack([np.maximum((x - mean) / width @ turn + bias, 0).T, np.ones(len(x))])

    theta, _ = minimise(cross_entropy, hidden(x), n, d, np.full(41, 1e-5), np.zeros(41), np.zeros(41))
    return lambda x: theta @ hidden(x)


def noise(scores, first):
    """Covariance of the sums of scores [p, events]; sets are events before and from `first`"""
    total = 0.0
    for part in (scores[:, :first], scores[:, first:]):
        part = part - part.mean(axis=1, keepdims=True)
        total = total + part @ part.T
    return total


def weigh(loss, basis, n, d, first):
    """\\return theta, Hessian without the ridge; its strength by the expected loss"""
    members = len(basis) - 1
    centre = theta = np.append(np.full(members, 1 / members), 0.0)
    if loss is exponentials:
        return minimise(loss, basis, n, d, np.zeros(members + 1), centre, theta)
    best = np.inf
    for strength in [np.inf, *10.0 ** -np.arange(9.0)]:
        ridge = np.append(np.full(members, strength), 0.0)
        theta, hessian = minimise(loss, basis, n, d, ridge, centre, theta)
        value, slope, _ = loss(n, d, theta @ basis)
        inverse = np.linalg.inv(hessian + np.diag(np.minimum(ridge, 1e12)))
        expected = value.sum() + 2 * np.trace(inverse @ noise(slope * basis, first))
        if expected < best:
            best, found = expected, (theta, hessian)
    return found


def fit_mu(log_r, weight):
    s, b = YIELDS[0] * np.exp(log_r[0]), YIELDS[1] * np.exp(log_r[1])
    mu = 1.0
    for _ in range(60):
        mixture = np.maximum(mu * s + b, 1e-3 * b)
        bend = (weight * (s / mixture) ** 2).sum()
        mu -= np.clip((YIELDS[0] - (weight * s / mixture).sum()) / bend, -1, 1)
    return mu, bend, weight * s * b / mixture ** 2


def weighted_fit(loss, f, data, first, weight):
    """\\param f, data [processes][members, events] \\return mu-hat, sigma, largest weight of S"""
    log_r, directions, scores, inverses = [], [], [], []
    per_set = np.where(np.arange(f[0].shape[1]) < first, 1 / first, 1 / (f[0].shape[1] - first))
    for j in (0, 1):
        basis = np.vstack([f[j], np.ones(f[j].shape[1])])
        n, d = per_set * ((np.arange(f[j].shape[1]) < first) == (j == 0)), per_set / 2
        theta, hessian = weigh(loss, basis, n, d, first)
        r = d * np.exp(theta @ basis)
        scores += [loss(n, d, theta @ basis)[1] * basis, [r / r.sum() - d]]
        log_r.append(theta[:-1] @ data[j] + theta[-1] - np.log(r.sum()))
        directions.append(data[j] - (f[j] @ r / r.sum())[:, None])
        inverses += [np.linalg.pinv(hessian, rcond=1e-12), [[-1.0]]]
        if j == 0:
            largest = abs(theta[:-1]).max()
    mu, bend, moved = fit_mu(log_r, weight)
    along = [part for sign, lines in zip((1, -1), directions)
             for part in (sign * lines @ moved / bend, [0.0, -sign * moved.sum() / bend])]
    jacobian = np.zeros((2 * len(f[0]) + 4,) * 2)
    at = 0
    for inverse in inverses:
        jacobian[at:at + len(inverse), at:at + len(inverse)] = inverse
        at += len(inverse)
    answer = np.concatenate(along) @ jacobian
    return mu, np.sqrt(answer @ noise(np.vstack(scores), first) @ answer), largest


def densities(x, case):
    mean, width, slope, end, _ = case
    peak = np.exp(-((x[:, 0] - mean) / width) ** 2 / 2 - (x[:, 1] - 0.5) ** 2 / 2) / width
    tail = np.exp(-slope * x[:, 0] - (x[:, 1] / 1.2) ** 2 / 2) * slope / 1.2
    grid = np.linspace(0, min(end, 200), 400001)
    peak /= np.trapezoid(np.exp(-((grid - mean) / width) ** 2 / 2) / width, grid)
    tail /= np.trapezoid(slope * np.exp(-slope * grid), grid)
    return peak, tail


def expected_scatter(case):
    """Of ratios that follow n events of each process: rates times the spread of the score"""
    random = np.random.default_rng(2)
    scores = []
    for signal in (True, False):
        peak, tail = densities(draw(random, case, signal, 100000), case)
        scores.append(YIELDS[0] * peak / (YIELDS[0] * peak + YIELDS[1] * tail))
    information = YIELDS[0] * scores[0].mean()
    return np.sqrt(sum((rate * score.std() / information) ** 2 / (6000 * case[4])
                       for rate, score in zip(YIELDS, scores)))


def run_case(name, case, sets):
    random = np.random.default_rng(1)
    data = np.concatenate([draw(random, case, True, 1000), draw(random, case, False, 20000)])
    weight = np.repeat(np.array(YIELDS) / (1000, 20000), (1000, 20000))
    train = case[4]
    peak, tail = densities(data, case)
    with np.errstate(divide="ignore"):
        exact = fit_mu(np.log([2 * peak / (peak + tail), 2 * tail / (peak + tail)]), weight)[0]
    found = {"mean": [], "exponentials": [], "weighted": []}
    for number in range(sets):
        random = np.random.default_rng(1000 + number)
        n_train, n_other = int(6000 * train), int(6000 * (0.9 - train))
        x = np.concatenate([draw(random, case, s, n_train) for s in (True, False)])
        of_signal = np.arange(2 * n_train) < n_train
        other = np.concatenate([draw(random, case, s, n_other) for s in (True, False)])
        nets = [[member(random, x, (of_signal == (j == 0)) / n_train, np.full(len(x), 0.5 / n_train))
                 for _ in range(4)] for j in (0, 1)]
        f = [np.array([net(other) for net in process]) for process in nets]
        lines = [np.array([net(data) for net in process]) for process in nets]
        log_r = [line.mean(axis=0) - np.log(np.exp(own.mean(axis=0)).mean())
                 for line, own in zip(lines, f)]
        found["mean"].append((fit_mu(log_r, weight)[0], np.nan, 0.25))
        for kind, loss in (("exponentials", exponentials), ("weighted", cross_entropy)):
            found[kind].append(weighted_fit(loss, f, lines, n_other, weight))
    cells = []
    for kind, values in found.items():
        mu, sigma, largest = np.array(values).T
        scatter = mu.std(ddof=1)
        cells.append(f"{mu.mean() - exact:+.3f} | {scatter:.3f} +- {scatter / np.sqrt(2 * sets - 2):.3f}")
        if kind != "mean":
            inside = [100 * np.mean(abs(mu - exact) < k * sigma) for k in (1.0, 1.96)]
            cells.append(f"{np.sqrt(np.mean(sigma ** 2)):.3f} | {inside[0]:.0f}, {inside[1]:.0f} | "
                         f"{largest.max():.1f}")
    print(f"| {name} | {expected_scatter(case):.3f} | " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=100)
    parser.add_argument("--case", nargs="*", choices=CASES, default=list(CASES))
    options = parser.parse_args()
    columns = ["bias", "scatter", "sigma", "holds (%)", "largest weight"]
    print("| | expected | mean: " + " | ".join(columns[:2]) + " | exponentials: " + " | ".join(columns) +
          " | weighted: " + " | ".join(columns) + " |")
    for name in options.case:
        run_case(name, CASES[name], options.sets)


if __name__ == "__main__":
    main()
