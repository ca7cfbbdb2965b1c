#!/usr/bin/env python3
"""ROOT files to events.h5: what `ratiofarm import` starts. Needs uproot, numpy and h5py.

Trees are read in pieces, so that files larger than the memory can be imported. The file appears under
its name when it is complete. Exit code 2: something that the user can fix.
"""
import argparse
import difflib
import errno
import glob
import os
import re
import sys

sys.dont_write_bytecode = True  # beside the installed programs

try:
    import h5py
    import numpy as np
    import uproot

    from root_expressions import FUNCTIONS, Problem, parsed
except ImportError as missing:
    print(
        f"ratiofarm import: ROOT files are read by Python, and {sys.executable} lacks a package ({missing}).\n"
        "Make an environment that has them, and name it with --python or RATIOFARM_PYTHON:\n"
        "    python3 -m venv root-env && root-env/bin/pip install uproot h5py\n"
        "    ratiofarm import --python root-env/bin/python ...",
        file=sys.stderr,
    )
    sys.exit(2)

PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
def did_you_mean(name, known):
    near = difflib.get_close_matches(name, known, 1, 0.5)
    if near:
        return f"; did you mean '{near[0]}'?"
    shown = ", ".join(sorted(known)[:12])
    return f"; known are {shown}" + (", ..." if len(known) > 12 else "")


class Part:
    """One tree of a sample."""

    def __init__(self, path, name):
        self.path = path
        self.where = f"{path}:{name}" if name else path
        try:
            file = uproot.open(path)
        except Exception as error:  # uproot has no type of its own for a file that is not one
            raise Problem(f"{path}: cannot be read as a ROOT file ({type(error).__name__}: {error}); for other tables use write_events of the Python package (docs/python.md)") from error
        trees = sorted({key.split(";")[0] for key, kind in file.classnames().items()
                        if kind in ("TTree", "ROOT::RNTuple")})
        if not name:
            if len(trees) != 1:
                raise Problem(f"{path}: holds {len(trees)} trees; name one: {path}:TREE"
                              + (f" with TREE one of {', '.join(trees[:12])}" if trees else ""))
            name = trees[0]
        if name not in trees:
            raise Problem(f"{path}: no tree '{name}'{did_you_mean(name, trees)}")
        self.tree = file[name]
        self.keys = set(self.tree.keys())
        self.entries = self.tree.num_entries

    def names_in(self, expression):
        """Branches of an expression, and names in it that are none."""
        if expression in self.keys:
            return [expression], []
        names = sorted(parsed(expression, is_branch=False).names)
        return ([name for name in names if name in self.keys],
                [name for name in names if name not in self.keys and name not in FUNCTIONS])

    def expect(self, option, expression):
        for name in self.names_in(expression)[1]:
            raise Problem(f"{self.where}: no branch '{name}' ({option}){did_you_mean(name, self.keys)}")
        if not self.names_in(expression)[0]:
            raise Problem(f"{option} {expression}: names no branch")

    def wide(self, name, values):
        """A branch in bool, int64 or float64."""
        if values.dtype.kind == "u" and values.dtype.itemsize == 8 and np.any(values >> np.uint64(63)):
            raise Problem(f"branch '{name}' holds whole numbers of 2^63 and more, with which nothing is computed; such a "
                          "branch can be an --id, or a feature or weight by itself")
        return values.astype({"b": bool, "f": np.float64}.get(values.dtype.kind, np.int64))

    def value(self, expression, columns, cut):
        """An expression for each event, from the columns of its branches."""
        if expression in columns and not cut:
            return columns[expression]
        try:
            compiled = parsed(expression, is_branch=expression in self.keys)
            wide = {name: self.wide(name, columns[name]) for name in compiled.names if name in columns}
            value = compiled.condition(wide) if cut else compiled.compute(wide)
        except Problem as problem:
            raise Problem(f"{self.where}: {problem}") from problem
        return np.broadcast_to(value, len(next(iter(columns.values()))))

    def chunks(self, expressions, options):
        """Yields the first entry of each piece, which of its entries the cut leaves, and {expression: numbers}."""
        cuts = [options.cut] if options.cut else []
        branches = sorted({name for e in [*expressions, *cuts] for name in self.names_in(e)[0]}) or [min(self.keys)]
        first = 0
        for arrays in self.pieces(branches, options.step):
            columns = {name: np.asarray(arrays[name]) for name in branches}
            for name, values in columns.items():
                if values.dtype == object or values.ndim != 1 or values.dtype.kind not in "biuf":
                    raise Problem(f"{self.where}: branch '{name}' is not one number for each event (it is jagged, a list or "
                                  "text); write a flat branch, for example the leading one, with the tool that made the "
                                  "file")
            chosen = np.flatnonzero(self.value(options.cut, columns, cut=True)) if cuts else np.arange(len(values))
            yield first, chosen, {e: self.value(e, columns, cut=False) for e in expressions}
            first += len(values)

    def pieces(self, branches, step):
        try:
            yield from self.tree.iterate(branches, step_size=step, library="np")
        except Exception as error:  # a damaged basket: uproot has no type of its own for it
            raise Problem(f"{self.where}: cannot be read ({type(error).__name__}: {error}); is the file complete?") from error


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
        self.weights = {}


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
    return list(samples.values())


def choose_weights(options, samples):
    """Columns of weights: of each sample that has the branch, and of one sample at least."""
    for text in options.weights:
        name, expression = split_pair(text, "weights", "muR_up=weight_muR_2")
        having = [s for s in samples if not any(part.names_in(expression)[1] for part in s.parts)]
        if not having:
            samples[0].parts[0].expect(f"--weights {text}", expression)
        for sample in having:
            sample.weights[name] = expression


class Writer:
    """The datasets of one sample, contiguous, as ratiofarm maps them."""

    def __init__(self, file, sample, features, n):
        group = file.create_group(sample.name)
        self.features = group.create_dataset("features", (n, len(features)), "f4")
        self.features.attrs.create("columns", features, dtype=h5py.string_dtype())
        self.weight = group.create_dataset("weight", (n,), "f8")
        self.id = group.create_dataset("id", (n,), "u8")
        self.weights = {name: group.create_dataset(f"weights/{name}", (n,), "f8") for name in sample.weights}
        self.at = 0

    def add(self, features, weight, ids, weights):
        rows = slice(self.at, self.at + len(weight))
        self.features[rows], self.weight[rows], self.id[rows] = features, weight, ids
        for name, values in weights.items():
            self.weights[name][rows] = values
        self.at = rows.stop


def expect_finite(part, what, values, entries, counts):
    bad = ~np.isfinite(values)
    if bad.any():
        known = counts.setdefault((part.where, what), [0, entries[np.argmax(bad)]])
        known[0] += int(bad.sum())


def weights_of(columns, expression, chosen):
    constant = number(expression)
    if constant is not None:
        return np.full(len(chosen), constant)
    return columns[expression].astype(np.float64)[chosen]


def import_part(part, sample, options, writer, counts, start):
    """Writes the events of one tree. start: entries of the sample's trees before it."""
    features = [expression for _, expression in options.features]
    others = [options.weight, *sample.weights.values()]
    wanted = features + [e for e in others if number(e) is None] + options.id
    for first, chosen, columns in part.chunks(set(wanted), options):
        entries = first + chosen
        with np.errstate(over="ignore"):
            table = np.stack([columns[f].astype(np.float32)[chosen] for f in features], axis=1)
        for k, (name, _) in enumerate(options.features):
            expect_finite(part, f"feature '{name}'", table[:, k], entries, counts)
        weight = sample.scale * weights_of(columns, options.weight, chosen)
        expect_finite(part, "weight", weight, entries, counts)
        weights = {name: sample.scale * weights_of(columns, e, chosen) for name, e in sample.weights.items()}
        for name, values in weights.items():
            expect_finite(part, f"weights '{name}'", values, entries, counts)
        for name in options.id:
            if columns[name].dtype.kind not in "biu":
                raise Problem(f"{part.where}: --id {name} is not a whole number ({columns[name].dtype})")
        numbers = [columns[name][chosen] for name in options.id] or [start + entries]
        writer.add(table, weight, event_ids(sample.family, numbers, len(chosen)), weights)


def expect_distinct(sample, ids, options):
    unique = np.unique(ids[:]).size
    if unique != ids.shape[0]:
        raise Problem(f"sample '{sample.name}': {ids.shape[0] - unique} of {ids.shape[0]} events have the id of another "
                      f"one; --id {','.join(options.id) or 'of the entry number'} does not tell them apart: add a branch")


def import_sample(file, sample, options):
    for part in sample.parts:
        for name, expression in options.features:
            part.expect(f"--features {name}" if name == expression else f"--features {name}={expression}", expression)
        if number(options.weight) is None:
            part.expect("--weight", options.weight)
        if options.cut:
            part.expect("--cut", options.cut)
        for name in options.id:
            part.expect("--id", name)
    n = sum(part.entries for part in sample.parts)
    before = n
    if options.cut:
        n = sum(len(chosen) for part in sample.parts for _, chosen, _ in part.chunks([], options))
    if n == 0:
        raise Problem(f"sample '{sample.name}': no event is left of {before}")
    writer = Writer(file, sample, [name for name, _ in options.features], n)
    counts = {}
    start = 0
    for part in sample.parts:
        import_part(part, sample, options, writer, counts, start)
        start += part.entries
    if counts:
        raise Problem("\n".join(
            f"{where}: {what} is not finite in {count} of the events, first in entry {first}; leave them out with "
            "--cut, for example --cut \"x == x\" for NaN in x" for (where, what), (count, first) in counts.items()))
    expect_distinct(sample, writer.id, options)
    total = float(np.sum(writer.weight[:]))
    if not total > 0.0:
        raise Problem(f"sample '{sample.name}': the weights sum to {total:g}; their sum is the expected number of events "
                      "and must be > 0")
    print(f"{sample.name}: {n} of {before} events, sum of weights {total:.6g}"
          + (f", {len(sample.weights)} further columns of weights" if sample.weights else ""))
    return before


def expect_same_entries(samples, entries, options):
    """Entry numbers pair variations with their nominal events only where both have all of them."""
    by_name = dict(zip([sample.name for sample in samples], entries))
    for sample in samples:
        if sample.family == sample.name or options.id or by_name[sample.name] == by_name[sample.family]:
            continue
        raise Problem(f"--same-events {sample.name}={sample.family}: the trees have {by_name[sample.name]} and "
                      f"{by_name[sample.family]} entries, so entry numbers do not say which events are the same; name "
                      "branches that do, for example --id run,event")


def import_all(options):
    samples = read_samples(options)
    choose_weights(options, samples)
    partial = options.out + ".partial"
    try:
        with h5py.File(partial, "w") as file:
            file.attrs["format"] = "ratiofarm-events"
            file.attrs["version"] = 1
            entries = [import_sample(file, sample, options) for sample in samples]
            expect_same_entries(samples, entries, options)
        descriptor = os.open(partial, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        os.replace(partial, options.out)
    except BaseException:
        if os.path.exists(partial):
            os.remove(partial)
        raise
    print(f"{options.out}: {len(samples)} samples with the features {', '.join(name for name, _ in options.features)}")


def parse():
    parser = argparse.ArgumentParser(prog="ratiofarm import", description=__doc__)
    parser.add_argument("--sample", action="append", default=[])
    parser.add_argument("--tree", default="")
    parser.add_argument("--features", required=True)
    parser.add_argument("--weight", default="1")
    parser.add_argument("--weights", action="append", default=[])
    parser.add_argument("--scale", action="append", default=[])
    parser.add_argument("--id", default="")
    parser.add_argument("--same-events", action="append", default=[])
    parser.add_argument("--cut", default="")
    parser.add_argument("--step", default="100 MB", help="entries, or memory, of one piece")
    parser.add_argument("--out", default="events.h5")
    options = parser.parse_args()
    options.step = int(options.step) if options.step.isdigit() else options.step
    options.id = [name.strip() for name in options.id.split(",") if name.strip()]
    options.features = [named(text) for text in split_outside_brackets(options.features) if text]
    names = [name for name, _ in options.features]
    if not names or len(set(names)) != len(names):
        raise Problem(f"--features {','.join(names)}: must be distinct names of branches, separated by commas")
    return options


def main():
    """\return the exit code, as the README lists them"""
    try:
        import_all(parse())
        sys.stdout.flush()
        return 0
    except Problem as problem:
        print(f"ratiofarm import: {problem}", file=sys.stderr)
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


if __name__ == "__main__":
    code = main()
    try:
        sys.stdout.close()
    except OSError:
        pass
    os._exit(code)
