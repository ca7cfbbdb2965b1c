"""The likelihood of the problem in JAX: as it is commonly written, in blocks of events, and with
the Hessian in closed form. u = (sqrt(mu), alpha_0, ...); NLL = nu - sum w ln D + constraints."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

# The polynomial of code 4 in terms of (1, S0, A0, S1, A1, S2, A2), powers 0 to 6 of alpha.
_CODE4 = np.array([
    [1, 0, 0, 0, 0, 0, 0],
    [0, 0, 15 / 8, -7 / 8, 0, 0, 1 / 8],
    [-24 / 8, 24 / 8, 0, 0, -9 / 8, 1 / 8, 0],
    [0, 0, -5 / 4, 5 / 4, 0, 0, -1 / 4],
    [12 / 4, -12 / 4, 0, 0, 7 / 4, -1 / 4, 0],
    [0, 0, 3 / 8, -3 / 8, 0, 0, 1 / 8],
    [-8 / 8, 8 / 8, 0, 0, -5 / 8, 1 / 8, 0],
])


def interpolate(alpha, log_up, log_down):
    """Code 4 as commonly written: polynomial inside, powers outside, chosen by where."""
    up, down = jnp.exp(log_up), jnp.exp(log_down)
    terms = _even_odd(up, down, log_up, log_down)
    inside = 1.0
    for power in range(1, 7):
        coefficient = sum(float(_CODE4[power, k]) * terms[k] for k in range(7)
                          if _CODE4[power, k] != 0)
        inside = inside + coefficient * alpha**power
    outside = jnp.where(alpha > 0, jnp.exp(alpha * log_up), jnp.exp(-alpha * log_down))
    return jnp.where(jnp.abs(alpha) <= 1, inside, outside)


def _even_odd(up, down, log_up, log_down):
    up1, down1 = up * log_up, down * log_down
    up2, down2 = up1 * log_up, down1 * log_down
    return (1.0, 0.5 * (up + down), 0.5 * (up - down), 0.5 * (up1 - down1), 0.5 * (up1 + down1),
            0.5 * (up2 + down2), 0.5 * (up2 - down2))


def weights_of_anchors(alpha):
    """c [3, P] and k [6, 3, P]: value, slope and bend of g inside are
    c + k . (up, down, up ln up, down ln down, up ln^2 up, down ln^2 down)."""
    zero, one = jnp.zeros_like(alpha), jnp.ones_like(alpha)
    powers = [jnp.stack([one] + [alpha**k for k in range(1, 7)]),
              jnp.stack([zero, one] + [k * alpha**(k - 1) for k in range(2, 7)]),
              jnp.stack([zero, zero, 2 * one] + [k * (k - 1) * alpha**(k - 2)
                                                 for k in range(3, 7)])]
    t = jnp.stack([jnp.asarray(_CODE4.T, alpha.dtype) @ p for p in powers], axis=1)  # [7, 3, P]
    halves = [t[1] + t[2], t[1] - t[2], t[3] + t[4], t[4] - t[3], t[5] + t[6], t[5] - t[6]]
    return t[0], 0.5 * jnp.stack(halves)


def factors(alpha, log_up, log_down):
    """g, g', g'' of many anchors at one alpha, in few operations per element."""
    c, k = weights_of_anchors(alpha)
    up, down = jnp.exp(log_up), jnp.exp(log_down)
    up1, down1 = up * log_up, down * log_down
    basis = (up, down, up1, down1, up1 * log_up, down1 * log_down)
    inside = [c[d] + sum(k[b, d] * basis[b] for b in range(6)) for d in range(3)]
    above, beyond = alpha > 0, jnp.abs(alpha) > 1
    rate = jnp.where(above, log_up, -log_down)
    # exp only where some alpha is beyond its anchors: a peer at its best.
    power = lax.cond(jnp.any(beyond), lambda: jnp.exp(rate * alpha), lambda: jnp.ones_like(rate))
    outside = (power, power * rate, power * rate * rate)
    return [jnp.where(beyond, o, i) for o, i in zip(outside, inside)]


def coefficients(root_mu, n_processes):
    ones = jnp.ones(n_processes - 3, root_mu.dtype)
    first = jnp.stack([root_mu**2 - root_mu, root_mu, 1 - root_mu])
    return jnp.concatenate([first, ones])


class JaxLikelihood:
    """dtype: of the element work; sums over blocks and constants are in fp64.
    product: "prod" or "sum of logs", how the factors of one event are multiplied.
    share: of the expected events and constraints, where each device has a share of the events."""

    def __init__(self, problem, dtype, product="sum of logs", share=1.0):
        self.p, self.dtype, self.product, self.share = problem, dtype, product, share
        self.yields = jnp.asarray(problem.yields)
        shift = jnp.asarray(problem.shift)
        self.log_yield_up, self.log_yield_down = jnp.log1p(shift), jnp.log1p(-shift)
        self.observed = jnp.asarray(problem.observed)

    def rates(self, u):
        """f_j nu_j prod_m G_jm, [S]."""
        effects = interpolate(u[1:], self.log_yield_up, self.log_yield_down)
        return coefficients(u[0], self.p.s) * self.yields * jnp.prod(effects, axis=1)

    def rest(self, u):
        """nu and the constraints."""
        constraints = 0.5 * jnp.sum((u[1:] - self.observed)**2)
        return self.share * (jnp.sum(self.rates(u)) + constraints)

    def minus_log(self, u, data):
        """-sum w ln D over some events."""
        weight, log_r, up, down = (x.astype(self.dtype) for x in data)
        alpha = u[1:].astype(self.dtype)
        g = interpolate(alpha, up, down)
        product = jnp.prod(g, axis=2) if self.product == "prod" else jnp.exp(
            jnp.sum(jnp.log(g), axis=2))
        mixture = jnp.sum(self.rates(u).astype(self.dtype) * jnp.exp(log_r) * product, axis=1)
        return -jnp.sum(weight * jnp.log(mixture)).astype(u.dtype)

    def nll(self, u, data):
        """The whole set at once."""
        return self.rest(u) + self.minus_log(u, data)

    def _over_blocks(self, add, start, blocks):
        return lax.scan(lambda sums, block: (jax.tree.map(jnp.add, sums, add(block)), None),
                        start, blocks)[0]

    def value_and_gradient(self, u, blocks):
        """Backward pass block by block, so that memory stays small."""
        one = jax.value_and_grad(self.minus_log)
        start = jax.value_and_grad(self.rest)(u)
        return self._over_blocks(lambda b: one(u, b), start, blocks)

    def hessian_row(self, u, direction, blocks):
        """One Hessian-vector product, block by block."""
        def product(function):
            return jax.jvp(jax.grad(function), (u,), (direction,))[1]
        return self._over_blocks(lambda b: product(lambda v: self.minus_log(v, b)),
                                 product(self.rest), blocks)

    def hessian_rows(self, u, directions, blocks):
        """Several rows at a time: what does not depend on the direction is computed once."""
        return jax.vmap(lambda d: self.hessian_row(u, d, blocks))(directions)

    def closed_form(self, u, blocks):
        """Value, gradient and Hessian in one pass over the events (one product of matrices per
        block)."""
        p, size = self.p, u.size
        rates, slopes, bends = self._rates_and_derivatives(u)
        alpha = u[1:].astype(self.dtype)

        def add(block):
            weight, log_r, up, down = (x.astype(self.dtype) for x in block)
            g, g1, g2 = factors(alpha, up, down)
            ratio = jnp.exp(log_r) * jnp.prod(g, axis=2)          # [B, S], T without rates
            v, w = g1 / g, g2 / g                                 # [B, S, P]
            mixture = ratio @ rates                               # [B]
            weighted = weight / mixture
            q = weighted[:, None] * ratio                         # [B, S], w T / D
            fraction = ratio * rates / mixture[:, None]
            score = jnp.einsum("is,isp->ip", fraction, v)
            flat = v.reshape(-1, p.p)
            signed = (weight[:, None] * fraction).reshape(-1, 1) * flat
            inner = signed.T @ flat
            bend = jnp.einsum("is,isp->p", weight[:, None] * fraction, w)
            inner = inner - jnp.diag(jnp.diag(inner)) + jnp.diag(bend)
            z = jnp.concatenate([score, ratio / mixture[:, None]], axis=1)
            outer = (weight[:, None] * z).T @ z
            value = jnp.sum(weight * jnp.log(mixture))
            mixed = jnp.einsum("is,isp->sp", q, v)
            return jax.tree.map(lambda x: x.astype(u.dtype),
                                (value, jnp.sum(q, axis=0), mixed, inner, outer))

        start = (0.0, jnp.zeros(p.s), jnp.zeros((p.s, p.p)), jnp.zeros((p.p, p.p)),
                 jnp.zeros((p.p + p.s, p.p + p.s)))
        rates = rates.astype(self.dtype)
        value, slope, mixed, inner, outer = self._over_blocks(add, start, blocks)
        return self._assemble(u, value, slope, mixed, inner, outer, size, slopes, bends)

    def _rates_and_derivatives(self, u):
        return self.rates(u), jax.jacfwd(self.rates)(u), jax.jacfwd(jax.jacfwd(self.rates))(u)

    def _assemble(self, u, value, slope, mixed, inner, outer, size, slopes, bends):
        rates = self.rates(u)
        shapes = jnp.concatenate([jnp.zeros((self.p.s, 1)), mixed], axis=1)  # [S, n]
        gradient = slopes.T @ slope + shapes.T @ rates
        curvature = jnp.einsum("sab,s->ab", bends, slope)
        cross = slopes.T @ shapes
        curvature = curvature + cross + cross.T
        curvature = curvature.at[1:, 1:].add(inner)
        jacobian = jnp.concatenate(
            [jnp.concatenate([jnp.zeros((self.p.p, 1)), jnp.eye(self.p.p)], axis=1), slopes])
        curvature = curvature - jacobian.T @ outer @ jacobian
        rest, rest_gradient = jax.value_and_grad(self.rest)(u)
        return (rest - value, rest_gradient - gradient, jax.hessian(self.rest)(u) - curvature)
