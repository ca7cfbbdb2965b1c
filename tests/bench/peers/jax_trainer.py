"""JAX as a peer of ./run bench train. usage: jax_trainer.py THREADS (1: on one core)"""

import os
import sys
import types

if sys.argv[1] == "1":
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import jax
import jax.numpy as jnp
import numpy as np

import particle_kinds
import peer_process

OPS = types.SimpleNamespace(
    silu=jax.nn.silu, sigmoid=jax.nn.sigmoid, sign=jnp.sign, abs=jnp.abs, log1p=jnp.log1p,
    log=jnp.log, exp=jnp.exp, expm1=jnp.expm1, sqrt=jnp.sqrt, sin=jnp.sin, cos=jnp.cos,
    atan2=jnp.arctan2, minimum=jnp.minimum, at_least=jnp.maximum,
    concat=lambda parts: jnp.concatenate(parts, -1), stack=lambda parts: jnp.stack(parts, -1),
    softmax=lambda x: jax.nn.softmax(x, -1), swap=lambda x: x.swapaxes(-1, -2),
    eye=lambda n, like: jnp.eye(n, dtype=like.dtype))


def forward(layers, x, kind):
    for weight, bias in layers[:-1]:
        product = jnp.dot(x.astype(kind), weight.T.astype(kind),
                          preferred_element_type=jnp.float32)
        x = jax.nn.silu(product + bias)
    weight, bias = layers[-1]
    return (x @ weight.T + bias)[:, 0]


def entropy(logits, y):
    return jnp.mean(jax.nn.softplus(logits) - y * logits)


def adam(layers, first, second, gradient, step, rate):
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
    factor = rate / (1.0 - 0.9 ** step)
    root = 1.0 / jnp.sqrt(1.0 - 0.999 ** step)
    layers = jax.tree.map(lambda w, m, v: w - factor * m / (jnp.sqrt(v) * root + 1e-8),
                          layers, first, second)
    return layers, first, second


class Nets:
    """A jitted step with donated buffers, net after net or vmapped over all; `scan`: all steps of a
    call in one program."""

    def __init__(self, problem, together, scan=False, kind=jnp.float32):
        self.problem, self.together, self.scan = problem, together, scan
        lists = problem.case.of_particles()
        self.forward = ((lambda net, x: particle_kinds.logits(problem.case, net, x, OPS)) if lists
                        else lambda layers, x: forward(layers, x, kind))
        self.x, self.y = jnp.asarray(problem.x), jnp.asarray(problem.y)
        batch, batches = problem.case.batch, problem.batches()
        cut = problem.order[:, :batch * batches].reshape(-1, batches, batch)
        count = len(problem.rows)
        self.order = [jnp.asarray(cut)] if together else [jnp.asarray(cut[k]) for k in range(count)]
        one = problem.particle_parameters if lists else problem.layers
        states = [problem.layers()] if together else [one(k) for k in range(count)]
        self.nets = [self.start(layers) for layers in states]
        self.step = self.make_step(batches, problem.case.rate)
        self.done = 0

    @staticmethod
    def start(layers):
        layers = jax.tree.map(lambda w: jnp.array(w), layers)
        return layers, jax.tree.map(jnp.zeros_like, layers), jax.tree.map(jnp.zeros_like, layers)

    def entropy(self, layers, x, y):
        return entropy(self.forward(layers, x), y)

    def make_step(self, batches, rate):
        def one(state, order, x, y, step):
            layers, first, second = state
            rows = order[step % batches]
            gradient = jax.grad(self.entropy)(layers, x[rows], y[rows])
            return adam(layers, first, second, gradient, step + 1.0, rate)

        each = jax.vmap(one, in_axes=(0, 0, None, None, None)) if self.together else one
        if not self.scan:
            return jax.jit(each, donate_argnums=0)

        def several(state, order, x, y, steps):
            return jax.lax.scan(lambda s, k: (each(s, order, x, y, k), None), state, steps)[0]

        return jax.jit(several, donate_argnums=0)

    def run(self, steps):
        for k, state in enumerate(self.nets):
            if self.scan:
                count = jnp.arange(self.done, self.done + steps)
                state = self.step(state, self.order[k], self.x, self.y, count)
            else:
                for step in range(self.done, self.done + steps):
                    state = self.step(state, self.order[k], self.x, self.y, step)
            self.nets[k] = jax.block_until_ready(state)
        self.done += steps

    def loss(self):
        x, y = jnp.asarray(self.problem.vx), jnp.asarray(self.problem.vy)
        one = lambda layers: self.entropy(layers, x, y)
        call = jax.jit(jax.vmap(one) if self.together else one)
        return np.mean([np.mean(call(state[0])) for state in self.nets])

    def evaluate(self, first, count, block=2048):
        """All blocks in one program."""
        x = self.x[first:first + count]
        if not hasattr(self, "logits"):
            each = jax.vmap(self.forward, in_axes=(0, None)) if self.together else self.forward
            cut = lambda x: x.reshape(-1, block, x.shape[1])
            self.logits = jax.jit(lambda layers, x: jax.lax.map(lambda b: each(layers, b), cut(x)))
            self.reduce = jax.jit(lambda z: (z.mean(0), z.std(0, ddof=1)))
        if self.together:
            logits = jnp.moveaxis(self.logits(self.nets[0][0], x), 0, 1)
            logits = logits.reshape(logits.shape[0], -1)
        else:
            logits = jnp.stack([self.logits(state[0], x).ravel() for state in self.nets])
        return [np.asarray(part) for part in self.reduce(logits)]


def gemm(precision, width):
    kind = jnp.bfloat16 if precision == "bf16" else jnp.float32
    a, b = (jnp.asarray(np.random.default_rng(k).random((width, width)), kind) for k in (1, 2))
    product = jax.jit(jnp.dot)
    return lambda: product(a, b).block_until_ready()


def main():
    make = lambda *arguments: lambda problem: Nets(problem, *arguments)
    peer_process.serve({
        "jit fp32": make(False), "jit scan fp32": make(False, True),
        "jit bf16": make(False, False, jnp.bfloat16),
        "vmap fp32": make(True), "vmap scan fp32": make(True, True)}, gemm)


if __name__ == "__main__":
    main()
