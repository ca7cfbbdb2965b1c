"""Fits the toys of `fit_peer_bench toys` in JAX, several at a time by vmap, and compares the minima;
JSON on stdout.

usage: jax_toys.py SPECIFICATION (a JSON object; see toys_section of fit_sections.py)

Exact Newton steps from the truth with the closed form of jax_likelihood.py, one descent for each
toy: no look for further minima, as ours does.
"""

import json
import sys
import time

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import numpy as np

from jax_likelihood import JaxLikelihood
from problem import Problem

DTYPES = {"fp32": np.float32, "fp64": np.float64}
TRUTH = 1.2  # sqrt(mu)


class NormalisedLikelihood(JaxLikelihood):
    """With ln Z_j to second order taken off the rates of the mixture."""

    def __init__(self, problem, dtype, ours, observed):
        super().__init__(problem, dtype)
        self.yields = self.yields * ours["scale"]
        self.observed = observed
        self.log_z = [jnp.asarray([z[key] for z in ours["log_z"]])
                      for key in ("value", "gradient", "hessian")]
        self.log_z[2] = self.log_z[2].reshape(problem.s, problem.p, problem.p)

    def rates(self, u):
        alpha = u[1:]
        value, gradient, hessian = self.log_z
        bend = jnp.einsum("sab,a,b->s", hessian, alpha, alpha)
        return super().rates(u) * jnp.exp(-(value + gradient @ alpha + 0.5 * bend))

    def rest(self, u):
        return jnp.sum(super().rates(u)) + 0.5 * jnp.sum((u[1:] - self.observed)**2)


def fitted(problem, dtype, ours, iterations):
    """A function of (observed, events of one toy in blocks) -> (u, errors in u, edm)."""
    def fit(observed, events):
        likelihood = NormalisedLikelihood(problem, dtype, ours, observed)
        start = jnp.concatenate([jnp.array([TRUTH]), jnp.zeros(problem.p)])

        def step(state):
            u, _, k = state
            _, gradient, hessian = likelihood.closed_form(u, events)
            move = jnp.linalg.solve(hessian, gradient)
            return u - move, 0.5 * gradient @ move, k + 1

        limit = 1e-16 if dtype == np.float64 else 1e-6  # fp32 comes no nearer
        u, edm, _ = jax.lax.while_loop(lambda s: (s[1] > limit) & (s[2] < iterations), step,
                                       (start, jnp.inf, 0))
        covariance = jnp.linalg.inv(likelihood.closed_form(u, events)[2])
        return u, jnp.sqrt(jnp.diag(covariance)), edm
    return fit


def events_of(problem, toys, size, block):
    """[toys, blocks, block, ...] weight, log_r, up, down; padded to size by events of weight 0."""
    rows, weight = np.zeros((len(toys), size), int), np.zeros((len(toys), size))
    for k, toy in enumerate(toys):
        rows[k, :len(toy["rows"])], weight[k, :len(toy["rows"])] = toy["rows"], toy["times"]
    blocks = lambda x: jnp.asarray(x.reshape(len(toys), -1, block, *x.shape[2:]))
    return tuple(blocks(x) for x in (weight, problem.log_r[rows], problem.up[rows],
                                     problem.down[rows]))


def measure(problem, ours, precision, batch, block):
    toys = ours["toys"][:max(batch, ours["toys_of_peer"]) // batch * batch]
    fit = jax.vmap(fitted(problem, DTYPES[precision], ours, 12))
    spent, seconds, worst, program = 0.0, 0.0, 0.0, None
    most = max(len(toy["rows"]) for toy in toys)
    size = -(-most // block) * block
    for first in range(0, len(toys), batch):
        part = toys[first:first + batch]
        observed = jnp.asarray([toy["observed"][1:] for toy in part])
        events = jax.block_until_ready(events_of(problem, part, size, block))
        if program is None:
            start = time.perf_counter()
            program = jax.jit(fit).lower(observed, events).compile()
            compiling = time.perf_counter() - start
        start, processor = time.perf_counter(), time.process_time()
        u, errors, edm = jax.block_until_ready(program(observed, events))
        seconds += time.perf_counter() - start
        spent += time.process_time() - processor
        expected = np.array([toy["values"] for toy in part])
        expected[:, 0] = np.sqrt(expected[:, 0])
        pulls = np.abs((np.asarray(u) - expected) / np.asarray(errors))
        worst = max(worst, float(np.where(np.isfinite(pulls), pulls, np.inf).max()))
    return {"precision": precision, "batch": batch, "block": block, "toys": len(toys),
            "processor": spent / len(toys), "seconds": seconds / len(toys),
            "compile_seconds": compiling, "largest_pull": worst}


def main():
    given = json.loads(sys.argv[1])
    with open(given["ours"]) as file:
        ours = json.load(file)
    ours["toys_of_peer"] = given["toys"]
    problem = Problem(given["library"], given["events"], given["processes"], given["parameters"])
    print(json.dumps([measure(problem, ours, precision, batch, block)
                      for precision, batch, block in given["settings"]]))


if __name__ == "__main__":
    main()
