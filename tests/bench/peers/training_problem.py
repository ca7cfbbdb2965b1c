"""The data of ./run bench train, in files that every program reads: two classes of normal events
that overlap, first weights of every net, and for the peers an order of the events for every net.

Files of a case, raw little-endian: training.f32 and validation.f32 [events, inputs + 1] with the
label last, rows.f32 [nets, parameters] (weight [outputs, inputs] and bias, layer after layer),
order.i32 [nets, training events]. Cases of particle lists: rows of events and of nets are those of
particle_kinds.py.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import particle_kinds


@dataclass
class Case:
    """One row of the table: nets of one shape, trained on the same events."""
    name: str
    hidden: list
    batch: int
    nets: int = 1
    rate: float = 1e-3     # of Adam, constant
    events: int = 65536    # for training
    validation: int = 8192
    inputs: int = 16
    folder: str = ""
    kind: str = "mlp"      # or one that reads particle lists, which have what follows
    slots: int = 0         # most particles of an event
    full: bool = False     # every event has them; otherwise from a quarter of them on
    columns: int = 0       # of a particle
    width: int = 0
    blocks: int = 0
    heads: int = 1

    def of_particles(self):
        return self.kind != "mlp"

    def row_size(self):
        return particle_kinds.row_size(self) if self.of_particles() else self.inputs

    def shapes(self):
        """(outputs, inputs) of every layer."""
        widths = [self.inputs, *self.hidden, 1]
        return list(zip(widths[1:], widths[:-1]))

    def parameters(self):
        if self.of_particles():
            return sum(int(np.prod(shape)) for _, shape in particle_kinds.blocks(self))
        return sum(o * i + o for o, i in self.shapes())

    def flop(self):
        """Of one step of all nets: 6 per parameter and event."""
        return 6.0 * self.parameters() * self.batch * self.nets


def events(count, inputs, seed):
    random = np.random.default_rng(seed)
    label = np.arange(count) % 2
    shift = 0.25 * np.cos(np.arange(inputs))
    x = random.normal(size=(count, inputs)) * (1.0 + 0.2 * label[:, None])
    x += (2.0 * label[:, None] - 1.0) * shift
    return np.column_stack([x, label]).astype("f4")


def first_weights(case, seed):
    """Weights of variance 2 / inputs, the last layer's smaller; biases of zero."""
    random = np.random.default_rng(seed)
    parts = []
    for outputs, inputs in case.shapes():
        width = np.sqrt(6.0 / inputs) if outputs > 1 else 1.0 / np.sqrt(inputs)
        parts += [random.uniform(-width, width, outputs * inputs), np.zeros(outputs)]
    return np.concatenate(parts).astype("f4")


def write(case, folder):
    """Makes the files of a case, which then knows its folder."""
    path = Path(folder) / case.name.replace(" ", "_")
    path.mkdir(parents=True)
    lists = case.of_particles()
    make = lambda n, seed: particle_kinds.events(case, n, seed) if lists else events(n, case.inputs, seed)
    weights = particle_kinds.first_weights if lists else first_weights
    make(case.events, 1).tofile(path / "training.f32")
    make(case.validation, 2).tofile(path / "validation.f32")
    np.stack([weights(case, 100 + k) for k in range(case.nets)]).tofile(path / "rows.f32")
    orders = [np.random.default_rng(200 + k).permutation(case.events) for k in range(case.nets)]
    np.stack(orders).astype("i4").tofile(path / "order.i32")
    case.folder = str(path)
    (path / "case.json").write_text(json.dumps(asdict(case)))
    return case


class Problem:
    """What a program reads of a case: its share of the nets."""

    def __init__(self, folder, first=0, count=None):
        path = Path(folder)
        self.case = Case(**json.loads((path / "case.json").read_text()))
        case = self.case
        table = [np.fromfile(path / f"{part}.f32", "f4").reshape(-1, case.row_size() + 1)
                 for part in ("training", "validation")]
        (self.x, self.y), (self.vx, self.vy) = [
            (np.ascontiguousarray(t[:, :-1]), np.ascontiguousarray(t[:, -1])) for t in table]
        nets = slice(first, case.nets if count is None else first + count)
        self.rows = np.fromfile(path / "rows.f32", "f4").reshape(case.nets, -1)[nets]
        self.order = np.fromfile(path / "order.i32", "i4").reshape(case.nets, -1)[nets]

    def layers(self, net=None):
        """[(weight [outputs, inputs], bias [outputs])] of a net; of all nets, stacked."""
        rows, result, at = self.rows if net is None else self.rows[net], [], 0
        for outputs, inputs in self.case.shapes():
            size = outputs * inputs
            result.append((rows[..., at:at + size].reshape(*rows.shape[:-1], outputs, inputs),
                           rows[..., at + size:at + size + outputs]))
            at += size + outputs
        return result

    def particle_parameters(self, net):
        """{name: array} of a net of particle lists."""
        return particle_kinds.cut(self.case, self.rows[net])

    def batches(self):
        """Batches of an epoch; every peer drops the rest."""
        return self.case.events // self.case.batch
