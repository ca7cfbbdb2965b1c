#!/usr/bin/env python3
"""Tables of events to events.h5: what `ratiofarm import` starts. Needs numpy and h5py, uproot for ROOT, pyarrow for
CSV and Parquet.

Tables are read in pieces, so that files larger than the memory can be imported. The file appears under
its name when it is complete. Exit code 2: something that the user can fix.
"""
import argparse
import concurrent.futures
import contextlib
import errno
import glob
import os
import re
import sys
import threading

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(
        f"ratiofarm import: events are read by Python, and {sys.executable} lacks a package ({missing}).\n"
        "Make an environment that has them, and name it with --python or RATIOFARM_PYTHON:\n"
        "    python3 -m venv import-env && import-env/bin/pip install h5py uproot pyarrow\n"
        "    ratiofarm import --python import-env/bin/python ...",
        file=sys.stderr,
    )
    sys.exit(2)

writes_bytecode, sys.dont_write_bytecode = not sys.dont_write_bytecode, True  # none beside the installed programs
from event_expressions import FUNCTIONS, KNOWN_FUNCTIONS, OF_LISTS, Lists, Problem, did_you_mean, parsed, wide  # noqa: E402
from event_tables import ahead, open_table  # noqa: E402

sys.dont_write_bytecode = not writes_bytecode

MAPPED = {"alignment_threshold": 1, "alignment_interval": 8}  # as programs map numbers of 64 bits
SYNC_SECONDS = 0.05
BLOCK_ROWS = 65536  # that are converted at a time: what the processor's cache holds
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


class Part:
    """One table of a sample, read by expressions."""

    def __init__(self, path, name):
        self.table = open_table(path, name)
        self.where, self.what, self.keys = self.table.where, self.table.what, self.table.keys

    def names_in(self, expression):
        """Columns of an expression, and names in it that are none."""
        if expression in self.keys:
            return [expression], []
        names = sorted(parsed(expression, is_column=False).names)
        return ([name for name in names if name in self.keys],
                [name for name in names if name not in self.keys and name not in FUNCTIONS and name not in OF_LISTS])

    def expect(self, option, expression):
        known, unknown = self.names_in(expression)
        for name in unknown:
            if name in parsed(expression, is_column=False).called:
                raise Problem(f"{option}: no function '{name}'; there are {KNOWN_FUNCTIONS}")
            raise Problem(f"{self.where}: no {self.what} '{name}' ({option}){did_you_mean(name, self.keys)}")
        if not known:
            raise Problem(f"{option} {expression}: names no {self.what}")

    def value(self, expression, columns, n, cut):
        """An expression for each of n events, from their columns."""
        if expression in columns and not cut and not isinstance(columns[expression], Lists):
            return columns[expression]
        try:
            compiled = parsed(expression, is_column=expression in self.keys)
            used = self.used_by(compiled, columns)
            value = compiled.condition(used) if cut else compiled.compute(used)
        except Problem as problem:
            raise Problem(f"{self.where}: {problem}") from problem
        return np.broadcast_to(value, n)

    @staticmethod
    def used_by(compiled, columns):
        used = {name: columns[name] for name in compiled.names if name in columns}
        return {name: values if isinstance(values, Lists) else wide(name, values) for name, values in used.items()}

    def members(self, expression, columns):
        """An expression for each member of the lists of each event."""
        if isinstance(columns.get(expression), Lists):
            return columns[expression]
        if expression in columns:
            raise Problem(f"{self.where}: --particles {expression}: is one number for each event, not a list of particles")
        try:
            compiled = parsed(expression, is_column=False)
            return compiled.each(self.used_by(compiled, columns))
        except Problem as problem:
            raise Problem(f"{self.where}: --particles {problem}") from problem

    def columns_of(self, expressions):
        """What must be read to compute them."""
        return sorted({name for e in expressions for name in self.names_in(e)[0]}) or [min(self.keys)]

    def only_features(self, sample, options):
        """Columns that nothing but a feature by itself needs: 32 bits are enough of them."""
        features = [expression for _, expression in options.features]
        others = [*(source.weight for source, _ in sample.sources), options.cut, *sample.weights.values(), *options.id, *options.lists, *sample.levels(options),
                  *(e for e in features if e not in self.keys)]
        used = {name for e in others if e and number(e) is None for name in self.names_in(e)[0]}
        return {e for e in features if e in self.keys} - used

    def count(self, expressions):
        """\return the number of entries, of which expressions will be asked."""
        self.table.settle(self.columns_of(expressions))
        return self.table.entries

    def chunks(self, expressions, options, lists=()):
        """Yields the first entry of each piece, which of its entries the cut leaves (a range, if all), and
        {expression: numbers}, with {(expression,): Lists} of what is computed for each particle."""
        cuts = [options.cut] if options.cut else []
        names = self.columns_of([*expressions, *cuts, *lists])
        first = 0
        for columns in ahead(self.table.pieces(names, options.step)):
            n = len(columns[names[0]])
            chosen = np.flatnonzero(self.value(options.cut, columns, n, cut=True)) if cuts else range(n)
            yield first, chosen, ({e: self.value(e, columns, n, cut=False) for e in expressions}
                                  | {(e,): self.members(e, columns) for e in lists})
            first += n
        if first != self.table.entries:
            raise Problem(f"{self.where}: {self.table.entries} events were counted, and {first} were read; is the file complete, "
                          "and does nobody write to it?")


def mixed(values):
    """splitmix64's finaliser: every input bit reaches every output bit."""
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def event_ids(family, columns, n):
    """One number for each event of a family from some whole numbers: no file name, no order of files."""
    state = np.zeros(n, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for byte in family.encode():
            state = mixed(state ^ np.uint64(byte))
        for column in columns:
            state = mixed(state ^ column.astype(np.int64).view(np.uint64))
    return state


def split_pair(text, option, example):
    left, equals, right = text.partition("=")
    if not equals or not left or not right:
        raise Problem(f"--{option} {text}: must be like --{option} {example}")
    return left.strip(), right.strip()


def split_outside_brackets(text):
    """At commas, but not at those between the arguments of a function."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def named(text):
    """"name=expression", or an expression that is its own name."""
    match = re.fullmatch(r"([^=<>!()]+)=(?!=)(.+)", text)
    return (match[1].strip(), match[2].strip()) if match else (text, text)


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


class Sample:
    def __init__(self, name):
        self.name = name
        self.parts = []
        self.family = name
        self.scale = 1.0
        self.weight = "1"
        self.weights = {}    # further columns: expression of each name
        self.has_truth = False
        self.mirrored = {}   # further columns that mirror one of weights at the nominal weight
        self.sources = [(self, 1.0)]  # samples whose events it has, with factors on their weights

    def family_of(self, source):
        """Events of one id are the same generated event; within a sample no two may be."""
        return source.family if source is self.sources[0][0] else self.name

    def levels(self, options):
        """Expressions of its truth and flags."""
        return [*options.flags.values(), *(e for _, e in options.truth)] if self.has_truth else []

    def parts_of_all(self):
        return [part for source, _ in self.sources for part in source.parts]


def read_samples(options):
    samples = {}
    for text in options.sample:
        name, source = split_pair(text, "sample", "S=signal.root:events")
        if not PLAIN_NAME.fullmatch(name):
            raise Problem(f"--sample {text}: '{name}' is not a name of a sample (letters, digits and _ . + - only)")
        path, colon, tree = source.rpartition(":")
        if not colon or os.path.exists(source) or "/" in tree and not path.endswith(".root"):
            path, tree = source, ""
        files = sorted(glob.glob(path)) or [path]
        sample = samples.setdefault(name, Sample(name))
        for file in files:
            if not os.path.exists(file):
                raise Problem(f"{file}: no such file (--sample {text})")
            sample.parts.append(Part(file, tree or options.tree))
    if not samples:
        raise Problem("nothing to import; name samples like --sample S=signal.root:events")
    for option, values in (("same-events", options.same_events), ("scale", options.scale)):
        for text in values:
            name, value = split_pair(text, option, "S_up=S" if option == "same-events" else "S=0.01")
            if name not in samples:
                raise Problem(f"--{option} {text}: no sample '{name}'{did_you_mean(name, samples)}")
            if option == "same-events":
                if value not in samples:
                    raise Problem(f"--{option} {text}: no sample '{value}'{did_you_mean(value, samples)}")
                samples[name].family = value
            else:
                factor = number(value)
                if factor is None or not np.isfinite(factor) or factor == 0.0:
                    raise Problem(f"--{option} {text}: must be a number other than 0")
                samples[name].scale = factor
    settle_families(samples)
    return list(samples.values())


def settle_families(samples):
    """A variation of a variation has the events of what that one varies."""
    for sample in samples.values():
        seen = [sample.name]
        while sample.family != seen[-1]:
            seen.append(sample.family)
            if seen.count(sample.family) > 1:
                raise Problem(f"--same-events: {', '.join(seen[:-1])} name each other in a circle; name the nominal sample for "
                              "each variation, like S_up=S")
            sample.family = samples[sample.family].family


def mirror(options, samples):
    """--symmetrise: what a one-sided variation would be the other way, twice the nominal less the variation."""
    by_name = {sample.name: sample for sample in samples}
    for text in options.symmetrise:
        name, varied = split_pair(text, "symmetrise", "S_down=S_up")
        having = [sample for sample in samples if varied in sample.weights]
        if not PLAIN_NAME.fullmatch(name) or name in by_name or any(name in sample.weights for sample in samples):
            raise Problem(f"--symmetrise {text}: '{name}' must be a new name (letters, digits and _ . + - only)")
        for sample in having:
            sample.mirrored[name] = varied
        if having:
            continue
        if varied not in by_name:
            raise Problem(f"--symmetrise {text}: neither a sample nor --weights are called '{varied}'"
                          + did_you_mean(varied, [*by_name, *{w for sample in samples for w in sample.weights}]))
        up = by_name[varied]
        if up.family == up.name:
            raise Problem(f"--symmetrise {text}: of which sample is '{varied}' a variation? Say so with --same-events "
                          f"{varied}=SAMPLE")
        result = Sample(name)
        result.sources = [(by_name[up.family], 2.0), (up, -1.0)]
        result.has_truth = up.has_truth and by_name[up.family].has_truth
        samples.append(result)


def choose_weight(options, samples):
    """The weight of each sample: its own, else that of all."""
    by_name = {sample.name: sample for sample in samples}
    pairs = [named(text) if re.match(r"[^=<>!()]+=(?!=)", text) else ("", text) for text in options.weight]
    for k, (name, expression) in enumerate(pairs):
        if name and name not in by_name:
            raise Problem(f"--weight {options.weight[k]}: no sample '{name}'{did_you_mean(name, by_name)}")
        if any(name == other for other, _ in pairs[:k]):
            raise Problem(f"--weight {options.weight[k]}: " + (f"sample '{name}' has" if name else "all samples have") + " a weight already")
    chosen = dict(pairs)
    for name, sample in by_name.items():
        sample.weight = chosen.get(name, chosen.get("", "1"))
        for part in sample.parts if number(sample.weight) is None else []:
            try:
                part.expect("--weight", sample.weight)
            except Problem as problem:
                raise Problem(f"{problem}; another weight for this sample only, a column or a number: --weight {name}=1") from problem


def choose_weights(options, samples):
    """Columns of weights: of each sample that has the column, and of one sample at least."""
    for text in options.weights:
        name, expression = split_pair(text, "weights", "muR_up=weight_muR_2")
        having = [s for s in samples if not any(part.names_in(expression)[1] for part in s.parts)]
        if not PLAIN_NAME.fullmatch(name):
            raise Problem(f"--weights {text}: '{name}' is not a name of a column (letters, digits and _ . + - only)")
        if not having:
            samples[0].parts[0].expect(f"--weights {text}", expression)
        for sample in having:
            sample.weights[name] = expression


def choose_truth(options, samples):
    """Which samples have the truth: of simulated events, not of data."""
    for sample in samples if options.truth else []:
        missing = [name for part in sample.parts for _, e in options.truth for name in part.names_in(e)[1]]
        known = [name for part in sample.parts for _, e in options.truth for name in part.names_in(e)[0]]
        if missing and known:
            raise Problem(f"sample '{sample.name}' has {known[0]}, but no {missing[0]} (--truth); it must have all of the truth, or none")
        sample.has_truth = not missing
        for level, flag in options.flags.items() if sample.has_truth else []:
            if number(flag) is None and any(part.names_in(flag)[1] for part in sample.parts):
                raise Problem(f"sample '{sample.name}' has the truth, but no column '{flag}': say with --{level.replace('_', '-')} which events "
                              + ("were reconstructed and selected, so that they have features" if level == "pass_reco" else
                                 "are in the region of the truth")
                              + ": a column of 0 and 1, or a condition such as \"gen_pt > 20\"; 1 for all")
    if options.truth and not any(sample.has_truth for sample in samples):
        samples[0].parts[0].expect("--truth", options.truth[0][1])


class ParticleWriter:
    """The datasets of the particle lists of one sample."""

    def __init__(self, group, options, events, particles):
        self.options = options
        self.values = group.create_dataset("particles", (particles, len(options.particles)), "f4")
        self.values.attrs.create("columns", [name for name, _ in options.particles], dtype=h5py.string_dtype())
        self.offsets = group.create_dataset("particle_offsets", (events + 1,), "u8")
        self.types = group.create_dataset("particle_type", (particles,), "i8") if options.particle_type else None
        self.at = self.event = 0

    def add(self, part, chosen, columns, entries, bad):
        counts = columns[(self.options.particles[0][1],)].counts[chosen]
        rows = slice(self.at, self.at + int(counts.sum()))
        for k, (name, column) in enumerate([*self.options.particles, *([("type", self.options.particle_type)] if self.types is not None else [])]):
            mine, values = columns[(column,)].of(chosen)
            if (mine != counts).any():
                event = int(np.argmax(mine != counts))
                raise Problem(f"{part.where}: --particles {column}: has {mine[event]} particles in entry {entries[event]}, "
                              f"{self.options.particles[0][1]} has {counts[event]}")
            if k == len(self.options.particles):
                if values.dtype.kind not in "iu":
                    raise Problem(f"{part.where}: --particle-type {column} is not a whole number ({values.dtype})")
                self.types[rows] = values
                continue
            with np.errstate(over="ignore"):
                values = values.astype("f4")
            expect_finite(part, f"particles '{name}'", values, np.repeat(entries, counts), bad)
            self.values[rows, k] = values
        self.offsets[self.event + 1:self.event + 1 + len(counts)] = self.at + np.cumsum(counts)
        self.at, self.event = rows.stop, self.event + len(counts)


class Writer:
    """The datasets of one sample, contiguous, as ratiofarm maps them."""

    def __init__(self, file, sample, features, n, options, particles):
        group = file.create_group(sample.name)
        self.features = group.create_dataset("features", (n, len(features)), "f4")
        self.features.attrs.create("columns", features, dtype=h5py.string_dtype())
        self.weight = group.create_dataset("weight", (n,), "f8")
        self.id = group.create_dataset("id", (n,), "u8")
        self.weights = {name: group.create_dataset(f"weights/{name}", (n,), "f8")
                        for name in [*sample.weights, *sample.mirrored]}
        self.particles = ParticleWriter(group, options, n, particles) if options.particles else None
        self.levels = {}
        if sample.has_truth:
            self.levels = {name: group.create_dataset(name, (n,), "u1") for name in options.flags}
            self.levels["truth"] = group.create_dataset("truth", (n, len(options.truth)), "f4")
            self.levels["truth"].attrs.create("columns", [name for name, _ in options.truth], dtype=h5py.string_dtype())
        self.at = 0

    def add(self, features, weight, ids, weights, levels):
        rows = slice(self.at, self.at + len(weight))
        for name, values in levels.items():
            self.levels[name][rows] = values
        self.features[rows], self.weight[rows], self.id[rows] = features, weight, ids
        for name, values in weights.items():
            self.weights[name][rows] = values
        self.at = rows.stop


def expect_finite(part, what, values, entries, counts):
    bad = ~np.isfinite(values)
    if bad.any():
        known = counts.setdefault((part.where, what), [0, entries[np.argmax(bad)]])
        known[0] += int(bad.sum())


def index(some):
    """Rows for numpy, which makes no copy of a slice."""
    return slice(some.start, some.stop) if isinstance(some, range) else some


def weights_of(columns, expression, chosen, n):
    constant = number(expression)
    if constant is not None:
        return np.full(n, constant)
    return columns[expression][chosen].astype(np.float64)


def flags_of(part, columns, expression, option, chosen, n):
    """0 or 1 for each event."""
    constant = number(expression)
    values = np.full(n, constant) if constant is not None else columns[expression][chosen]
    other = (values != 0) & (values != 1)
    if other.any():
        raise Problem(f"{part.where}: {option} {expression}: is {values[np.argmax(other)]:g} for some event and must be 0 or 1, or a condition")
    return values.astype("u1")


def table_of(columns, expressions, chosen, n):
    table = np.empty((n, len(expressions)), np.float32)
    with np.errstate(over="ignore"):
        for k, expression in enumerate(expressions):
            table[:, k] = columns[expression][chosen]
    return table


def expect_finite_table(part, what, names, table, entries, passing, bad):
    """All columns of the events that pass."""
    if np.isfinite(table).all():
        return
    for k, name in enumerate(names):
        expect_finite(part, f"{what} '{name}'", np.where(passing, table[:, k], 0.0), entries, bad)


def levels_of(part, columns, options, chosen, entries, bad):
    """The truth and the flags of some events."""
    levels = {level: flags_of(part, columns, flag, "--" + level.replace("_", "-"), chosen, len(entries))
              for level, flag in options.flags.items()}
    levels["truth"] = table_of(columns, [e for _, e in options.truth], chosen, len(entries))
    expect_finite_table(part, "truth", [name for name, _ in options.truth], levels["truth"], entries, levels["pass_truth"] == 1, bad)
    return levels


def import_part(part, sample, source, options, writer, counts, start):
    """Writes the events of one table. source: a sample, and the factor on its weights; start: entries of its tables before."""
    features = [expression for _, expression in options.features]
    own_weight = source[0].weight
    others = [own_weight, *sample.weights.values(), *sample.levels(options)]
    wanted = features + [e for e in others if number(e) is None] + options.id
    scale = source[1] * source[0].scale
    for first, left, columns in part.chunks(set(wanted), options, options.lists):
        for row in range(0, len(left), BLOCK_ROWS):
            some = left[row:row + BLOCK_ROWS]
            entries = first + (np.arange(some.start, some.stop) if isinstance(some, range) else some)
            chosen = index(some)
            if writer.particles:
                writer.particles.add(part, chosen, columns, entries, counts)
            levels = levels_of(part, columns, options, chosen, entries, counts) if sample.has_truth else {}
            table = table_of(columns, features, chosen, len(some))
            expect_finite_table(part, "feature", [name for name, _ in options.features], table, entries, levels.get("pass_reco", 1) == 1, counts)
            weight = scale * weights_of(columns, own_weight, chosen, len(some))
            expect_finite(part, "weight", weight, entries, counts)
            weights = {name: scale * weights_of(columns, e, chosen, len(some)) for name, e in sample.weights.items()}
            for name, values in weights.items():
                expect_finite(part, f"weights '{name}'", values, entries, counts)
            weights |= {name: 2.0 * weight - weights[varied] for name, varied in sample.mirrored.items()}
            for name in options.id:
                if columns[name].dtype.kind not in "biu":
                    raise Problem(f"{part.where}: --id {name} is not a whole number in each row ({columns[name].dtype})")
            numbers = [columns[name][chosen] for name in options.id] or [start + entries]
            writer.add(table, weight, event_ids(sample.family_of(source[0]), numbers, len(some)), weights, levels)


def expect_distinct(sample, ids, options):
    ids.sort()
    again = int(np.count_nonzero(ids[1:] == ids[:-1]))
    if again:
        raise Problem(f"sample '{sample.name}': {again} of {len(ids)} events have the id of another one; "
                      f"--id {','.join(options.id) or 'of the entry number'} does not tell them apart: add a {sample.parts_of_all()[0].what}")


def expect_sum(sample, what, values):
    total = float(np.sum(values))
    if not total > 0.0:
        raise Problem(f"sample '{sample.name}': the {what} sum to {total:g}; their sum is the expected number of events "
                      "and must be > 0" + (f". What '{sample.sources[1][0].name}' mirrors would be negative: it is more than "
                                           "twice the nominal sample" if len(sample.sources) > 1 else ""))
    return total


def import_sample(file, sample, options):
    everything = {e: f"--features {name}" if name == e else f"--features {name}={e}" for name, e in options.features}
    if options.cut and number(options.cut) is None:
        everything[options.cut] = "--cut"
    everything |= {name: "--id" for name in options.id}
    everything |= {column: "--particles" for column in options.lists}
    everything |= {e: "--truth" for e in sample.levels(options) if number(e) is None}
    parts = sample.parts_of_all()
    for part in parts:
        for expression, option in everything.items():
            part.expect(option, expression)
    weights = [*(source.weight for source, _ in sample.sources), *sample.weights.values()]
    read = [*everything, *(e for e in weights if number(e) is None)]
    for part in parts:
        part.table.narrow, part.table.whole = part.only_features(sample, options), set(options.id)
    n = before = sum(part.count(read) for part in parts)
    if options.cut:
        n = sum(len(chosen) for part in parts for _, chosen, _ in part.chunks([], options))
    if n == 0:
        raise Problem(f"sample '{sample.name}': no event is left of {before}")
    particles = 0
    if options.particles:
        first = options.particles[0][1]
        particles = sum(int(columns[(first,)].counts[index(chosen)].sum())
                        for part in parts for _, chosen, columns in part.chunks([], options, [first]))
        if particles == 0:
            raise Problem(f"sample '{sample.name}': no event has a particle")
    writer = Writer(file, sample, [name for name, _ in options.features], n, options, particles)
    counts = {}
    for source in sample.sources:
        start = 0
        for part in source[0].parts:
            import_part(part, sample, source, options, writer, counts, start)
            start += part.table.entries
    if counts:
        raise Problem("\n".join(
            f"{where}: {what} is not finite in {count} of the events, first in entry {first}; leave them out with "
            "--cut, for example --cut \"x == x\" for NaN in x, or give absent objects a value with default(x, -1)"
            for (where, what), (count, first) in counts.items()))
    expect_distinct(sample, writer.id[:], options)
    total = expect_sum(sample, "weights", writer.weight[:])
    for name, values in writer.weights.items():
        expect_sum(sample, f"weights '{name}'", values[:])
    print(f"{sample.name}: {n} of {before} events, sum of weights {total:.6g}"
          + (f", {len(writer.weights)} further columns of weights" if writer.weights else "")
          + (f", {particles} particles" if particles else "")
          + (f", {int(writer.levels['pass_reco'][:].sum())} reconstructed, {int(writer.levels['pass_truth'][:].sum())} in the region of the truth"
             if writer.levels else ""))
    return before


def expect_same_entries(samples, entries, options):
    """Entry numbers pair variations with their nominal events only where both have all of them."""
    by_name = dict(zip([sample.name for sample in samples], entries))
    for sample in samples:
        if sample.family == sample.name or options.id or by_name[sample.name] == by_name[sample.family]:
            continue
        raise Problem(f"--same-events {sample.name}={sample.family}: the trees have {by_name[sample.name]} and "
                      f"{by_name[sample.family]} entries, so entry numbers do not say which events are the same; name "
                      "columns that do, for example --id run,event")


@contextlib.contextmanager
def synced(path):
    """Brings a new file to the disk while it is written, and the last of it at the end."""
    open(path, "wb").close()
    with open(path, "rb") as file, concurrent.futures.ThreadPoolExecutor(1) as thread:
        ended = threading.Event()

        def work():
            while not ended.wait(SYNC_SECONDS):
                os.fdatasync(file.fileno())

        working = thread.submit(work)
        try:
            yield
        finally:
            ended.set()
        working.result()
        os.fsync(file.fileno())


@contextlib.contextmanager
def published(path):
    """A path to write to; at the end it is synced and gets its final name, so that this name means complete."""
    partial = path + ".partial"
    try:
        with synced(partial):
            yield partial
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def import_all():
    options = parse()
    samples = read_samples(options)
    choose_weight(options, samples)
    choose_weights(options, samples)
    choose_truth(options, samples)
    mirror(options, samples)
    with published(options.out) as partial, h5py.File(partial, "w", **MAPPED) as file:
        file.attrs["format"] = "ratiofarm-events"
        file.attrs["version"] = 1
        entries = [import_sample(file, sample, options) for sample in samples]
        expect_same_entries(samples, entries, options)
    print(f"{options.out}: {len(samples)} samples with the features {', '.join(name for name, _ in options.features)}")


def parse():
    parser = argparse.ArgumentParser(prog="ratiofarm import", description=__doc__)
    parser.add_argument("--sample", action="append", default=[])
    parser.add_argument("--tree", default="")
    parser.add_argument("--features", default="")
    parser.add_argument("--particles", default="")
    parser.add_argument("--particle-type", default="")
    parser.add_argument("--truth", default="")
    parser.add_argument("--pass-reco", default="")
    parser.add_argument("--pass-truth", default="")
    parser.add_argument("--weight", action="append", default=[])
    parser.add_argument("--weights", action="append", default=[])
    parser.add_argument("--scale", action="append", default=[])
    parser.add_argument("--id", default="")
    parser.add_argument("--same-events", action="append", default=[])
    parser.add_argument("--symmetrise", action="append", default=[])
    parser.add_argument("--cut", default="")
    parser.add_argument("--step", type=int, default=0, help="entries of one piece (default: some MB)")
    parser.add_argument("--out", default="events.h5")
    options = parser.parse_args()
    options.id = [name.strip() for name in options.id.split(",") if name.strip()]
    options.features = [named(text) for text in split_outside_brackets(options.features) if text]
    options.particles = [named(text) for text in split_outside_brackets(options.particles) if text]
    options.lists = [column for _, column in options.particles] + ([options.particle_type] if options.particle_type else [])
    options.truth = [named(text) for text in split_outside_brackets(options.truth) if text]
    if (options.pass_reco or options.pass_truth) and not options.truth:
        raise Problem("--pass-reco, --pass-truth: name the columns of the truth with --truth, too")
    if len({name for name, _ in options.truth}) != len(options.truth):
        raise Problem("--truth: the names must be distinct")
    options.flags = {"pass_reco": options.pass_reco or "pass_reco", "pass_truth": options.pass_truth or "pass_truth"}
    if options.particle_type and not options.particles:
        raise Problem("--particle-type: name the columns of the particles with --particles, too")
    if options.particles and not options.features:
        options.features = [("multiplicity", f"num({options.particles[0][1]})")]
    names = [name for name, _ in options.features]
    if not names or len(set(names)) != len(names):
        raise Problem(f"--features {','.join(names)}: must be distinct names of columns, separated by commas")
    return options


def main(work=import_all):
    """\return the exit code, as docs/commands.md lists them"""
    try:
        work()
        sys.stdout.flush()
        return 0
    except Problem as problem:
        print(f"ratiofarm import: {problem}", file=sys.stderr)
        return 2
    except MemoryError:
        print("ratiofarm import: the memory is too small; give --step with fewer entries of one piece", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read our output has gone, as in "| head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (OSError, RuntimeError) as error:  # of h5py, which does not always say errno
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
        if isinstance(error, RuntimeError) and not full:
            raise
        print(f"ratiofarm import: {error}", file=sys.stderr)
        return 75 if full else 2


def guarded(work):
    """Ends the process with the exit code of some work."""
    code = main(work)
    try:
        sys.stdout.close()
    except OSError:
        pass
    os._exit(code)


if __name__ == "__main__":
    guarded(import_all)
