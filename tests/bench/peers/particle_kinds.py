"""Networks of particle lists as PyTorch and JAX programs would write them: dense, padded, one mask.

The equations and the order of parameters are those of src/protocol/network_kinds. `o` is torch or
jax.numpy with a few functions more (ops below): the programs differ in nothing else.
"""

import numpy as np

STEP = 0.005          # of the momenta in lorentz
CHANNELS = 8          # of pelican


def slot_size(case):
    return 1 + case.columns + (0 if case.kind == "deep_sets" else 5)


def row_size(case):
    """Multiplicity / 10, then slots: 1, columns, E, px, py, pz, 0."""
    return 1 + case.slots * slot_size(case)


def blocks(case):
    """[(name, shape)] of the parameters of a net, as they lie in its row."""
    made, w, last = [], case.width, 0

    def linear(name, inputs, outputs):
        made.extend([(name + ".weight", (outputs, inputs)), (name + ".bias", (outputs,))])

    def norm(name):
        made.extend([(name + ".gain", (w,)), (name + ".offset", (w,))])

    if case.kind == "deep_sets":
        for k in range(case.blocks):
            linear(f"particle{k}", w if k else case.columns, w)
        last = w
    elif case.kind == "lorentz":
        s = case.columns + 1
        linear("embed", s, w)
        for k in range(case.blocks):
            linear(f"block{k}.message0", 2 * w + 2, w)
            linear(f"block{k}.message1", w, w)
            linear(f"block{k}.gate", w, 1)
            if k + 1 < case.blocks:
                linear(f"block{k}.move0", w, w)
                linear(f"block{k}.move1", w, 1)
            linear(f"block{k}.update0", 2 * w + s, w)
            linear(f"block{k}.update1", w, w)
        last = w + 1
    elif case.kind == "graph":
        for k in range(case.blocks):
            inputs = w if k else case.columns
            linear(f"block{k}.message0", 2 * inputs + 1, w)
            linear(f"block{k}.message1", w, w)
            linear(f"block{k}.node", inputs, w)
        last = w + 1
    elif case.kind == "transformer":
        linear("bias0", 4, w)
        linear("bias1", w, case.heads)
        linear("embed0", case.columns, w)
        linear("embed1", w, w)
        for k in range(case.blocks):
            norm(f"block{k}.norm0")
            for name in ("query", "key", "value", "out"):
                linear(f"block{k}.{name}", w, w)
            norm(f"block{k}.norm1")
            linear(f"block{k}.inner", w, 2 * w)
            linear(f"block{k}.outer", 2 * w, w)
        last = w + 1
    elif case.kind == "pelican":
        made.append(("input.log_exponent", (CHANNELS,)))
        linear("input", CHANNELS, w)
        for k in range(case.blocks):
            linear(f"block{k}.mix", w, w)
            linear(f"block{k}.maps", 15 * w, w)
            made.append((f"block{k}.maps.diagonal", (w,)))
        last = 2 * w
    for k, width in enumerate([*case.hidden, 1]):
        linear(f"layer{k}", last, width)
        last = width
    return made


def first_weights(case, seed):
    random, parts = np.random.default_rng(seed), []
    for name, shape in blocks(case):
        if name.endswith(".weight"):
            width = np.sqrt(6.0 / shape[1]) if shape[0] > 1 else 1.0 / np.sqrt(shape[1])
            parts.append(random.uniform(-width, width, shape))
        elif name.endswith(".gain"):
            parts.append(np.ones(shape))
        elif name.endswith(".log_exponent"):
            parts.append(np.log(np.geomspace(0.05, 0.5, CHANNELS)))
        else:
            parts.append(np.zeros(shape))
    return np.concatenate([p.ravel() for p in parts]).astype("f4")


def cut(case, row):
    """{name: array} of a net's row."""
    parts, at = {}, 0
    for name, shape in blocks(case):
        size = int(np.prod(shape))
        parts[name] = row[at:at + size].reshape(shape)
        at += size
    return parts


def events(case, count, seed):
    """[count, row_size + 1], the label last: as many particles as slots, or from a quarter of them
    on, harder and closer in one class."""
    random = np.random.default_rng(seed)
    label = np.arange(count) % 2
    least = case.slots if case.full else max(2, case.slots // 4)
    n = random.integers(least, case.slots + 1, count)
    real = np.arange(case.slots)[None] < n[:, None]
    pt = random.exponential(1.0 + 0.15 * label[:, None], real.shape) + 0.1
    pt = -np.sort(-np.where(real, pt, 0.0), axis=1) + ~real * 1.0
    eta = random.normal(size=real.shape) * (1.0 + 0.2 * label[:, None])
    phi = random.uniform(-np.pi, np.pi, real.shape)
    momentum = np.stack([pt * np.cosh(eta), pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta),
                         0.0 * pt], 2) * [1.001, 1.0, 1.0, 1.0, 1.0]
    parts = [real[..., None] * 1.0, np.stack([np.log(pt), eta, phi], 2)[..., :case.columns]]
    if case.kind != "deep_sets":
        parts.append(momentum)
    slots = np.concatenate(parts, 2) * real[..., None]
    return np.column_stack([n / 10.0, slots.reshape(count, -1), label]).astype("f4")


class Lists:
    """What a batch of rows holds, and the sums over it."""

    def __init__(self, case, x, o):
        self.case, self.o, p = case, o, case.slots
        self.count = x[:, :1]
        slots = x[:, 1:].reshape(-1, p, slot_size(case))
        self.mask = slots[..., :1]
        self.columns = slots[..., 1:1 + case.columns]
        self.number = o.at_least(self.mask.sum(1), 1.0)
        if case.kind == "deep_sets":
            return
        self.momenta = slots[..., 1 + case.columns:5 + case.columns]
        self.same = o.eye(p, x)[None, :, :, None]
        self.pairs = self.mask[:, :, None] * self.mask[:, None]
        self.others = self.pairs * (1.0 - self.same)
        self.partners = o.at_least(self.number - 1.0, 1.0)[:, None]
        self.factor = self.count / self.number

    def products(self):
        time, space = self.momenta[..., :1], self.momenta[..., 1:]
        return (time @ self.o.swap(time) - space @ self.o.swap(space))[..., None]

    def mean(self, h):
        return (h * self.mask).sum(1) / self.number


def linear(p, name, x):
    return x @ p[name + ".weight"].T + p[name + ".bias"]


def pair_linear(p, name, h, x):
    weight, width = p[name + ".weight"].T, h.shape[-1]
    to = h @ weight[:width] + p[name + ".bias"]
    return x @ weight[2 * width:] + to[:, :, None] + (h @ weight[width:2 * width])[:, None]


def psi(x, o):
    return o.sign(x) * o.log1p(o.abs(x))


def own(x):
    return x.diagonal(0, 1, 2).swapaxes(1, 2)


def deep_sets(case, p, of, o):
    h = of.columns
    for k in range(case.blocks):
        h = o.silu(linear(p, f"particle{k}", h))
    return (h * of.mask).sum(1) * (of.count / of.number)


def lorentz(case, p, of, o):
    g = of.products()
    s = o.concat([of.columns, psi(own(g), o)])
    h = linear(p, "embed", s)
    for k in range(case.blocks):
        name = f"block{k}"
        square = own(g)
        x = psi(o.concat([square[:, :, None] + square[:, None] - 2.0 * g, g]), o)
        m = o.silu(pair_linear(p, name + ".message0", h, x))
        m = o.silu(linear(p, name + ".message1", m))
        m = m * o.sigmoid(linear(p, name + ".gate", m))
        if k + 1 < case.blocks:
            w = linear(p, name + ".move1", o.silu(linear(p, name + ".move0", m)))
            flow = (w * of.others / of.partners[..., None])[..., 0] * STEP
            same = of.same[..., 0]
            a = same * (1.0 + flow.sum(2)[..., None]) - flow
            g = (a @ g[..., 0] @ o.swap(a))[..., None]
        change = o.concat([h, (m * of.others).sum(2) * of.factor[:, None], s])
        h = h + linear(p, name + ".update1", o.silu(linear(p, name + ".update0", change)))
    return o.concat([of.mean(h), of.count])


def graph(case, p, of, o):
    h, x = of.columns, psi(of.products(), o)
    for k in range(case.blocks):
        name = f"block{k}"
        m = o.silu(pair_linear(p, name + ".message0", h, x))
        m = o.silu(linear(p, name + ".message1", m))
        m = (m * of.others).sum(2) / of.partners
        h = o.silu(linear(p, name + ".node", h) + m)
    return o.concat([of.mean(h), of.count])


def pair_quantities(of, o):
    e, px, py, pz = [of.momenta[..., k] for k in range(4)]
    log = lambda x: o.log(o.at_least(x, 1e-8))
    y = 0.5 * (o.log(o.at_least(e + pz, 1e-12)) - o.log(o.at_least(e - pz, 1e-12)))
    phi, pt = o.atan2(py, px), o.sqrt(px * px + py * py)
    turn = phi[:, :, None] - phi[:, None]
    delta = o.sqrt((y[:, :, None] - y[:, None]) ** 2 + o.atan2(o.sin(turn), o.cos(turn)) ** 2)
    low = o.minimum(pt[:, :, None], pt[:, None])
    total = (of.momenta[:, :, None] + of.momenta[:, None]) ** 2
    mass = total[..., 0] - total[..., 1:].sum(3)
    both = o.at_least(pt[:, :, None] + pt[:, None], 1e-8)
    return o.stack([log(delta), log(low * delta), log(low / both), log(mass)]) * of.pairs


def norm(p, name, x, o):
    centred = x - x.mean(-1)[..., None]
    return (centred / o.sqrt((centred * centred).mean(-1)[..., None] + 1e-5) * p[name + ".gain"]
            + p[name + ".offset"])


def transformer(case, p, of, o):
    width, heads = case.width // case.heads, case.heads
    bias = linear(p, "bias1", o.silu(linear(p, "bias0", pair_quantities(of, o))))
    closed = (of.mask - 1.0)[:, None, :, 0] * 1e9
    bias = bias.swapaxes(2, 3).swapaxes(1, 2) + closed[:, None]
    h = linear(p, "embed1", o.silu(linear(p, "embed0", of.columns)))
    cut = lambda x: x.reshape(-1, case.slots, heads, width).swapaxes(1, 2)
    for k in range(case.blocks):
        name = f"block{k}"
        x = norm(p, name + ".norm0", h, o)
        q, key, v = [cut(linear(p, f"{name}.{part}", x)) for part in ("query", "key", "value")]
        seen = o.softmax(q @ o.swap(key) / width ** 0.5 + bias) @ v
        seen = seen.swapaxes(1, 2).reshape(-1, case.slots, case.width) * of.mask
        h = h + linear(p, name + ".out", seen)
        x = o.silu(linear(p, name + ".inner", norm(p, name + ".norm1", h, o)))
        h = h + linear(p, name + ".outer", x)
    return o.concat([of.mean(h), of.count])


def aggregate(x, of, o):
    per, factor = of.same, of.factor[:, None]
    rows, columns, diagonal = x.sum(2) * factor, x.sum(1) * factor, own(x)
    trace = (diagonal.sum(1) * of.factor)[:, None]
    total = (rows.sum(1) * of.factor)[:, None]
    on = lambda y: y[:, :, None] * per
    along = lambda y: y[:, :, None] + 0.0 * x
    across = lambda y: y[:, None] + 0.0 * x
    return o.concat([x, x.swapaxes(1, 2), on(diagonal), along(diagonal), across(diagonal),
                     on(columns), along(columns), across(columns), on(rows), along(rows),
                     across(rows), along(trace), on(trace), along(total), on(total)])


def pelican(case, p, of, o):
    g, a = of.products(), o.exp(p["input.log_exponent"])
    t = o.sign(g) * o.expm1(o.log1p(o.abs(g)) * a) / a
    t = linear(p, "input", t) * of.pairs
    for k in range(case.blocks):
        t = o.silu(linear(p, f"block{k}.mix", t)) * of.pairs
        z = linear(p, f"block{k}.maps", aggregate(t, of, o))
        t = o.silu(z + p[f"block{k}.maps.diagonal"] * of.same) * of.pairs
    return o.concat([t.sum(2).sum(1) * of.factor ** 2, own(t).sum(1) * of.factor])


KINDS = {"deep_sets": deep_sets, "lorentz": lorentz, "graph": graph, "transformer": transformer,
         "pelican": pelican}


def logits(case, p, x, o):
    """[events] of rows [events, row_size]."""
    h = KINDS[case.kind](case, p, Lists(case, x, o), o)
    for k in range(len(case.hidden)):
        h = o.silu(linear(p, f"layer{k}", h))
    return linear(p, f"layer{len(case.hidden)}", h)[:, 0]
