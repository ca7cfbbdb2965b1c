"""Nets of particle lists: an event as one row of numbers, and the kinds of network in 64 bits.

Written from the documentation of the kinds, by loops over nothing but blocks; the program shares no code with it. The
same lines make the ONNX of a net (traced.py), so what they use of numpy is what is known there.
"""
from collections.abc import Callable
from typing import Any

import numpy as np

from .events import Events, Particles
from .files import Array, Problem

KINDS = ("deep_sets", "lorentz", "graph", "transformer", "pelican")
MOMENTUM = ["E", "px", "py", "pz"]
METRIC = np.array([1.0, -1.0, -1.0, -1.0])
STEP = 0.005    # of the momenta of lorentz
FLOOR = 1e-8    # of the pair quantities
LEAST = 1e-6    # of energies before their logarithm


def event_rows(network: dict[str, Any], features: Array, events: Events) -> Array:
    """Features, multiplicity and slots [1, columns, E, px, py, pz] of every event, real particles first, [n, numbers]."""
    lists = events.particles
    if lists is None:
        raise Problem(f"sample '{events.name}' has no particle lists, which nets of kind '{network['kind']}' read")
    slots, names = int(network["max_particles"]), [str(name) for name in network["particles"]]
    place = {name: k for k, name in enumerate(lists.columns)}
    rows = np.zeros((len(features), slots, 1 + len(names) + 4))
    for event in range(len(features)):
        values, types, p, order = _ordered(lists, event)
        order = order[:slots]
        pt = np.hypot(p[:, 1], p[:, 2])
        total = p.sum(0)
        with np.errstate(divide="ignore"):
            eta = _eta(pt, p[:, 3])
            axis = _eta(np.hypot(total[1], total[2]), total[3])
            computed = {"log_pt": np.log(np.maximum(pt, LEAST)), "log_E": np.log(np.maximum(p[:, 0], LEAST)), "eta": eta,
                        "phi": np.arctan2(p[:, 2], p[:, 1]),
                        "log_pt_rel": np.log(np.maximum(pt, LEAST) / max(pt.sum(), LEAST)), "deta": eta - axis,
                        "mass": np.sqrt(np.maximum(p[:, 0] ** 2 - (p[:, 1:] ** 2).sum(1), 0.0))}
        turn = computed["phi"] - np.arctan2(total[2], total[1])
        computed["dphi"] = np.arctan2(np.sin(turn), np.cos(turn))
        listed = [int(name[5:]) for name in names if name.startswith("type_") and name[5:].isdigit()]
        for k, name in enumerate(names):
            if name in place:
                column = values[:, place[name]]
            elif name in computed:
                column = computed[name]
            elif types is None:
                raise Problem(f"sample '{events.name}' has no particle types, which '{name}' needs")
            else:
                column = ~np.isin(abs(types), listed) if name == "type_other" else abs(types) == int(name[5:])
            rows[event, :len(order), 1 + k] = np.asarray(column, dtype="f4")[order]
        rows[event, :len(order), 0] = 1.0
        rows[event, :len(order), -4:] = p[order]
    count = np.diff(lists.offsets.astype("i8"))[:len(features)]
    return np.concatenate([features, count[:, None], rows.reshape(len(features), -1)], axis=1)


def _ordered(lists: Particles, event: int) -> tuple[Array, Array | None, Array, Array]:
    """Columns [k, c], types, momenta [k, 4] of the particles of an event, and their order by descending pT."""
    values = lists.of(event).astype(float)
    types = None if lists.types is None else lists.types[int(lists.offsets[event]):int(lists.offsets[event + 1])]
    momenta = lists.columns[:4] == MOMENTUM
    p = values[:, :4].copy() if momenta else np.zeros((len(values), 4))
    if momenta and "mass" in lists.columns:
        p[:, 0] = np.sqrt((p[:, 1:] ** 2).sum(1) + values[:, lists.columns.index("mass")] ** 2)
    pt = np.hypot(p[:, 1], p[:, 2])
    keys = [*([] if types is None else [-types]), *(-values[:, k] for k in reversed(range(values.shape[1]))), -pt]
    return values, types, p, np.lexsort(keys)


def with_products(features: Array, events: Events, leading: int) -> Array:
    """Features and psi of the products of pairs of the leading momenta, as nets with `network.gram` see them."""
    return np.concatenate([features, pair_products(leading_momenta(events, leading)).astype("f4")], axis=1)


def leading_momenta(events: Events, leading: int) -> Array:
    """Those of the highest pT in each event [n, leading, 4], or zeros."""
    lists = events.particles
    if lists is None or lists.columns[:4] != MOMENTUM:
        raise Problem(f"sample '{events.name}' has no particle lists with E, px, py and pz first, which network.gram multiplies")
    momenta = np.zeros((len(events), leading, 4))
    for event in range(len(events)):
        _, _, p, order = _ordered(lists, event)
        momenta[event, :min(leading, len(p))] = p[order[:leading]]
    return momenta


def pair_products(p: Array) -> Array:
    """psi(p_i . p_j) of the pairs (1, 2), (1, 3), (2, 3), ... [n, pairs]; p: [n, k, 4]"""
    g = np.einsum("nik,njk->nij", p * METRIC, p)
    return np.concatenate([signed_log(g[:, i, j:j + 1]) for j in range(p.shape[1]) for i in range(j)], axis=1)


def _eta(pt: Any, pz: Any) -> Any:
    return np.clip(np.arcsinh(pz / np.maximum(pt, 1e-300)), -20.0, 20.0)


def logits(block: dict[str, Array], network: dict[str, Any], x: Array, act: Callable[[Array], Array]) -> Array:
    """[n, outputs]; x: rows of event_rows()"""
    return _Graph(block, network, x, act).logits()


class _Graph:
    def __init__(self, block: dict[str, Array], network: dict[str, Any], x: Array, act: Callable[[Array], Array]) -> None:
        self.block, self.act, self.kind = block, act, str(network["kind"])
        self.blocks, self.width = int(network["blocks"]), int(network["width"])
        self.heads, self.neighbours = int(network["heads"]), int(network["neighbours"])
        self.hidden = len(network["hidden"])
        d, slots, columns = int(network["inputs"]), int(network["max_particles"]), len(network["particles"])
        shift, scale = block["feature_shift"], block["feature_scale"]
        lists = x[:, d + 1:].reshape(-1, slots, 1 + columns + 4)
        self.mask = lists[:, :, :1]
        self.features = (x[:, :d] - shift[:d]) * scale[:d]
        self.count = (x[:, d:d + 1] - shift[d]) * scale[d]                      # n / N0
        self.columns = (lists[:, :, 1:1 + columns] - shift[d + 1:][:columns]) * scale[d + 1:][:columns] * self.mask
        self.p = lists[:, :, -4:] * scale[-1]
        if int(network["beams"]):
            none = self.mask[:, :1] * 0.0
            two = np.array([[0.0] * columns + [1.0]] * 2)  # beams, by a column of their own
            self.p = np.concatenate([self.p, none + np.array([[1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, -1.0]])], axis=1)
            self.columns = np.concatenate([np.concatenate([self.columns, self.mask * 0.0], axis=2), none + two], axis=1)
            self.mask = np.concatenate([self.mask, none + np.ones((2, 1))], axis=1)
        self.n = np.maximum(self.mask.sum(1), 1.0)
        self.same = np.eye(self.mask.shape[1])[None, :, :, None]
        self.pairs = self.mask[:, :, None] * self.mask[:, None, :]
        self.others = self.pairs * (1.0 - self.same)
        self.partners = np.maximum(self.mask.sum(1) - 1.0, 1.0)[:, None]

    def linear(self, name: str, x: Array) -> Array:
        y: Array = x @ self.block[name + ".weight"].T + self.block[name + ".bias"]
        return y

    def layer(self, name: str, x: Array) -> Array:
        return self.act(self.linear(name, x))

    def readout(self, *parts: Array) -> Array:
        y = np.concatenate(parts, axis=1)
        for layer in range(self.hidden):
            y = self.layer(f"layer{layer}", y)
        return self.linear(f"layer{self.hidden}", y)

    def products(self) -> Array:
        g: Array = np.einsum("nik,njk->nij", self.p * METRIC, self.p)[..., None] * self.pairs
        return g

    def all_pairs(self, h: Array, x: Array) -> Array:
        slots = h.shape[1]
        return np.concatenate([np.repeat(h[:, :, None], slots, 2), np.repeat(h[:, None], slots, 1), x], axis=3)

    def mean(self, h: Array) -> Array:
        y: Array = (h * self.mask).sum(1) / self.n
        return y

    def typical(self, total: Array) -> Array:
        """A sum over real particles, divided by N0."""
        y: Array = total * (self.count / self.n).reshape([-1] + [1] * (total.ndim - 1))
        return y

    def logits(self) -> Array:
        y: Array = getattr(self, self.kind)()
        return y

    def deep_sets(self) -> Array:
        h = self.columns
        for layer in range(self.blocks):
            h = self.layer(f"particle{layer}", h)
        return self.readout(self.typical((h * self.mask).sum(1)), self.features)

    def lorentz(self) -> Array:
        g = self.products()
        s = np.concatenate([self.columns, signed_log(_diagonal(g))], axis=2)
        h = self.linear("embed", s)
        for b in range(self.blocks):
            own = _diagonal(g)
            x = signed_log(np.concatenate([own[:, :, None] + own[:, None] - 2.0 * g, g], axis=3))
            m = self.layer(f"block{b}.message1", self.layer(f"block{b}.message0", self.all_pairs(h, x)))
            m = m / (1.0 + np.exp(-self.linear(f"block{b}.gate", m)))
            if b + 1 < self.blocks:
                w = self.linear(f"block{b}.move1", self.layer(f"block{b}.move0", m))
                w = STEP * (w * self.others)[..., 0] / self.partners
                a = self.same[..., 0] + np.einsum("ij,ni->nij", self.same[0, :, :, 0], w.sum(2)) - w
                g = np.einsum("nij,njk,nlk->nil", a, g[..., 0], a)[..., None]
            total = self.typical((m * self.others).sum(2))
            h = h + self.linear(f"block{b}.update1", self.layer(f"block{b}.update0", np.concatenate([h, total, s], axis=2)))
        return self.readout(self.mean(h), self.count, self.features)

    def distances(self) -> Array:
        e, pz = self.p[..., 0], self.p[..., 3]
        y = 0.5 * (np.log(np.maximum(e + pz, 1e-12)) - np.log(np.maximum(e - pz, 1e-12)))
        phi = np.arctan2(self.p[..., 2], self.p[..., 1])
        turn = phi[:, :, None] - phi[:, None]
        apart: Array = (y[:, :, None] - y[:, None]) ** 2 + np.arctan2(np.sin(turn), np.cos(turn)) ** 2
        return apart

    def graph(self) -> Array:
        h, x = self.columns, signed_log(self.products())
        sources = self.others
        if 0 < self.neighbours < h.shape[1] - 1:
            distance = np.where(self.others[..., 0] > 0, self.distances(), np.inf)
            limit = np.sort(distance, axis=2)[:, :, self.neighbours - 1:self.neighbours]
            sources = np.where(distance <= limit, self.others[..., 0], 0.0)[..., None]
        for b in range(self.blocks):
            m = self.layer(f"block{b}.message1", self.layer(f"block{b}.message0", self.all_pairs(h, x)))
            m = (m * sources).sum(2) / np.maximum(sources.sum(2), 1.0)
            h = self.act(self.linear(f"block{b}.node", h) + m)
        return self.readout(self.mean(h), self.count, self.features)

    def transformer(self) -> Array:
        pt, delta = np.hypot(self.p[..., 1], self.p[..., 2]), np.sqrt(self.distances())
        low, both = np.minimum(pt[:, :, None], pt[:, None]), pt[:, :, None] + pt[:, None]
        total = self.p[:, :, None] + self.p[:, None]
        mass = total[..., 0] ** 2 - (total[..., 1:] ** 2).sum(3)
        x = np.log(np.maximum(np.stack([delta, low * delta, low / np.maximum(both, FLOOR), mass], axis=3), FLOOR)) * self.pairs
        bias = self.linear("bias1", self.layer("bias0", x))
        h = self.linear("embed1", self.layer("embed0", self.columns))
        for b in range(self.blocks):
            y = layer_norm(self.block, f"block{b}.norm0", h)
            q, k, v = (self.linear(f"block{b}.{name}", y).reshape(*h.shape[:2], self.heads, -1) for name in ("query", "key", "value"))
            score = np.einsum("nihw,njhw->nijh", q, k) / np.sqrt(q.shape[3]) + bias + 1e9 * (self.mask[:, None] - 1.0)
            score = np.exp(score - score.max(2, keepdims=True))
            seen = np.einsum("nijh,njhw->nihw", score / score.sum(2, keepdims=True), v).reshape(h.shape) * self.mask
            h = h + self.linear(f"block{b}.out", seen)
            h = h + self.linear(f"block{b}.outer", self.layer(f"block{b}.inner", layer_norm(self.block, f"block{b}.norm1", h)))
        return self.readout(self.mean(h), self.count, self.features)

    def pelican(self) -> Array:
        a, g = np.exp(self.block["input.log_exponent"]), self.products()
        t = self.linear("input", np.sign(g) * ((1.0 + abs(g)) ** a - 1.0) / a) * self.pairs
        for b in range(self.blocks):
            t = self.layer(f"block{b}.mix", t) * self.pairs
            t = self.linear(f"block{b}.maps", self.maps(t)) + self.same * self.block[f"block{b}.maps.diagonal"]
            t = self.act(t) * self.pairs
        return self.readout(self.typical(self.typical(t.sum((1, 2)))), self.typical(_diagonal(t).sum(1)), self.features)

    def maps(self, t: Array) -> Array:
        rows, columns, own = self.typical(t.sum(2)), self.typical(t.sum(1)), _diagonal(t)
        trace, total = self.typical(own.sum(1))[:, None], self.typical(self.typical(t.sum((1, 2))))[:, None]
        everywhere = np.ones_like(self.same)
        spread = {"i": lambda y: y[:, :, None] * everywhere, "j": lambda y: y[:, None] * everywhere,
                  "d": lambda y: y[:, :, None] * self.same * everywhere}
        plan = [(own, "dij"), (columns, "dij"), (rows, "dij"), (trace, "id"), (total, "id")]
        return np.concatenate([t, t.swapaxes(1, 2), *(spread[to](y) for y, where in plan for to in where)], axis=3)


def signed_log(x: Array) -> Array:
    """sign(x) ln(1 + |x|)"""
    y: Array = np.sign(x) * np.log1p(abs(x))
    return y


def _diagonal(x: Array) -> Array:
    y: Array = np.einsum("niiw->niw", x)
    return y


def layer_norm(block: dict[str, Array], name: str, h: Array) -> Array:
    h = (h - h.mean(-1, keepdims=True)) / np.sqrt(h.var(-1, keepdims=True) + 1e-5)
    y: Array = h * block[name + ".gain"] + block[name + ".offset"]
    return y
