"""The samples of measurement.toml: S, SBI, B and G with everything that is uncertain about them,
pseudo-data and injections.

Variations of the detector are the same generated events once more, with the same ids and the same
noise in the tracker. Variations of the theory and of the efficiency move no event: columns of
weights.
"""
import numpy as np

import dimuon

LUMINOSITY = 60e3  # 1/pb
EVENTS = 150_000   # to generate for each sample, half as many for G
CHUNK = 10_000

DETECTOR = {  # name: what is changed, and by how much up and down
    "barrel": ("barrel", 1.01, 0.99),
    "endcap": ("endcap", 1.01, 0.99),
    "sagitta": ("sagitta", 0.05, -0.05),
    "resolution": ("resolution", 0.13, 0.07),
}
ALTERNATIVE_PDF = {"pdf_nnpdf": 14, "pdf_cteq": 8}  # PDF:pSet; the events are made with 13
THEORY = ["isr", "factorisation", *ALTERNATIVE_PDF]
EFFICIENCY_LOSS = 0.05  # of a muon of 1 TeV; grows with pt

# Halves and doubles the renormalisation scale of initial-state radiation.
SHOWER = """
    UncertaintyBands:doVariations = on
    UncertaintyBands:List = {up isr:muRfac=0.5, down isr:muRfac=2.0}
"""

INJECTIONS = {"injected_0p5": 0.5, "injected_1": 1.0, "injected_2": 2.0}
POOL = "pool"  # events of mu = 1 that data are drawn from
PROCESSES = [*dimuon.SAMPLES, "G"]
INDEPENDENT = [POOL, *INJECTIONS, "G_independent"]


class Densities:
    """Parton densities that the events are reweighted to."""

    def __init__(self, pythia):
        self.sets = {"": pythia.getPDFPtr(2212)}
        self.owners = []  # Pythia frees its densities when it goes
        for name, number in ALTERNATIVE_PDF.items():
            other = dimuon.make_generator(dimuon.settings("B") + f"\nPDF:pSet = {number}", 1)
            self.owners.append(other)
            self.sets[name] = other.getPDFPtr(2212)

    def product(self, name, info, scale=1.0):
        """x f(x) of both partons at `scale` times the factorisation scale of the event."""
        q2 = (scale * info.QFac()) ** 2
        pdf = self.sets[name]
        return pdf.xf(info.id1(), info.x1(), q2) * pdf.xf(info.id2(), info.x2(), q2)

    def weights(self, info):
        """(up, down) of the factorisation scale, then of each set: up is the other set, down as
        far away on the other side."""
        nominal = self.product("", info)
        pairs = [(self.product("", info, 2.0) / nominal, self.product("", info, 0.5) / nominal)]
        for name in ALTERNATIVE_PDF:
            ratio = np.clip(self.product(name, info) / nominal, 0.2, 5.0)
            pairs.append((ratio, 1.0 / ratio))
        return pairs


def generate(process, seed, events, mu=1.0, theory=False):
    """Momenta [n, 2, 3] in GeV, weights [n, theory, 2] up and down, cross section in pb."""
    lines = dimuon.settings(process, mu) + (SHOWER if theory else "")
    pythia = dimuon.make_generator(lines, seed)
    densities = Densities(pythia) if theory else None
    momenta = np.empty((events, 6))
    weights = np.ones((events, len(THEORY), 2))
    done = 0
    while done < events:
        if not pythia.next():
            continue
        momenta[done] = dimuon.muon_momenta(pythia.event)
        if theory:
            info = pythia.infoPython()
            # Group names come after the nominal weight and the variations: up, down.
            weights[done] = [shower_weights(info), *densities.weights(info)]
        done += 1
    return momenta.reshape(events, 2, 3), weights, dimuon.cross_section(pythia)


def shower_weights(info):
    """Long showers give weights far from 1 that would be noise: beyond a factor of 3 they end."""
    return [min(max(info.weightValueByIndex(k), 1 / 3), 3.0) for k in (1, 2)]


def efficiency(momenta, change):
    pt = np.hypot(momenta[..., 0], momenta[..., 1]) / 1000.0
    return np.prod(1.0 + change * EFFICIENCY_LOSS * pt, axis=1)


def measured(momenta, noise, detector):
    """Features of the events that pass, and which these are."""
    seen = dimuon.smear(momenta, noise, detector)
    values = dimuon.features(seen)
    passed = dimuon.select(seen, values)
    return values[passed], passed


def run_chunk(job):
    """dict from sample to (features, columns of weights without the cross section, ids, cross
    section times events)."""
    source, first, events, seed = job
    sources = [*PROCESSES, *INDEPENDENT]
    index = sources.index(source)
    theory = source in dimuon.SAMPLES
    process = "G" if source.startswith("G") else source if theory else "SBI"
    # Above the streams of the small samples: none is used twice.
    stream = 50_000_000 + seed * 1_000_003 + (index + 1) * 100_003 + first // CHUNK
    momenta, weights, cross_section = generate(process, 1 + stream % 900_000_000, events,
                                               INJECTIONS.get(source, 1.0), theory)
    noise = np.random.default_rng([seed, 100 + index, first // CHUNK]).standard_normal((events, 2))
    ids = (np.uint64(index + 1) << np.uint64(48)) + np.arange(first, first + events, dtype=np.uint64)
    values, passed = measured(momenta, noise, dimuon.NOMINAL)
    columns = {"": np.ones(passed.sum())}
    if source in PROCESSES:
        columns["efficiency_up"] = efficiency(momenta, +1.0)[passed]
        columns["efficiency_down"] = efficiency(momenta, -1.0)[passed]
    if theory:
        for k, name in enumerate(THEORY):
            columns[f"{name}_up"], columns[f"{name}_down"] = weights[passed, k].T
    parts = {source: (values, columns, ids[passed], cross_section * events)}
    if source in PROCESSES:
        for name, (key, up, down) in DETECTOR.items():
            for side, value in (("up", up), ("down", down)):
                shifted, passed = measured(momenta, noise, dimuon.NOMINAL | {key: value})
                parts[f"{source}_{name}_{side}"] = (shifted, {"": np.ones(passed.sum())},
                                                    ids[passed], cross_section * events)
    return parts


def join(parts, events):
    """The chunks of one sample as one, its weights scaled to the luminosity."""
    scale = sum(part[3] for part in parts) / events * LUMINOSITY / events
    columns = {name: scale * np.concatenate([part[1][name] for part in parts]) for name in parts[0][1]}
    return (np.concatenate([part[0] for part in parts]), columns,
            np.concatenate([part[2] for part in parts]))


def stack(one, other):
    return tuple(np.concatenate(pair) if not isinstance(pair[0], dict)
                 else {"": np.concatenate([pair[0][""], pair[1][""]])} for pair in zip(one, other))


def joined(table, pool, events, seed):
    """All samples as tables. \\param table as that of generate.py"""
    wanted = {source: events for source in PROCESSES} | {"G": max(events // 2, 1)}
    wanted |= {source: max(events // 4, 1) for source in INJECTIONS}
    wanted |= {POOL: 10_000, "G_independent": max(events // 4, 10_000)}
    jobs = [(source, first, min(CHUNK, total - first), seed)
            for source, total in wanted.items() for first in range(0, total, CHUNK)]
    found = {}
    for (source, *_), parts in zip(jobs, pool.map(run_chunk, jobs, chunksize=1)):
        for sample, part in parts.items():
            found.setdefault((source, sample), []).append(part)
    samples = {sample: join(parts, wanted[source]) for (source, sample), parts in found.items()}

    def expected(sample):
        return samples[sample][1][""].sum()

    tables = {}
    for source in PROCESSES:
        for name in [name for name in samples if name == source or name.startswith(source + "_")]:
            if name not in INDEPENDENT:
                tables[name] = table(*samples[name])
        print(f"{source:4s}{len(samples[source][0]):8d} events pass, {expected(source):7.1f} expected")
    for name, mu in INJECTIONS.items():
        tables[name] = table(*stack(samples[name], samples["G_independent"]))
        exact = mu * expected("S") + mu**0.5 * (expected("SBI") - expected("S") - expected("B"))
        print(f"{name}: {expected(name):7.1f} expected, from S, SBI and B {exact + expected('B'):7.1f}")
    rng = np.random.default_rng([seed, 999])
    drawn = [samples[pool_name][:1] + ({"": samples[pool_name][1][""]}, samples[pool_name][2])
             for pool_name in (POOL, "G_independent")]
    data = [tuple(take(column, rng_count) for column in sample)
            for sample, rng_count in zip(drawn, (rng.poisson(expected("SBI")),
                                                 rng.poisson(expected("G"))))]
    values, columns, ids = stack(*data)
    tables["data"] = table(values, {"": np.ones(len(ids))}, ids)
    print(f"data: {len(ids)} events")
    return tables


def take(column, count):
    """The first `count` rows; a dict of columns likewise."""
    if isinstance(column, dict):
        return {name: take(values, count) for name, values in column.items()}
    if count > len(column):
        raise SystemExit(f"{count} events of pseudo-data are wanted, {len(column)} are there")
    return column[:count]
