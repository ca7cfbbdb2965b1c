"""Tables of events for import_events.py: trees of ROOT files, CSV, Parquet and npz, all read in pieces.

A table has `where` (for messages), `keys` (its columns), `entries`, and pieces(names, step), which yields
{name: numbers or Lists}. Absent numbers are NaN. Decompression and parsing use all cores: they run beside the interpreter.
"""
import collections
import concurrent.futures
import os
import re
import sys
import zipfile

import numpy as np

from event_expressions import Lists, Problem, did_you_mean

PIECE_BYTES = 8_000_000   # of which the memory of one is used again for the next, and caches hold much
TREE_BYTES = 32_000_000   # of a piece of a tree, whose baskets are large
BLOCK_BYTES = 4 << 20     # of text
CORES = len(os.sched_getaffinity(0))


def needed(package, kind):
    try:
        return __import__(package, fromlist=["any"])
    except ImportError as missing:
        raise Problem(f"{kind} files are read by the Python package {package}, and {sys.executable} lacks it ({missing}).\n"
                      f"Make an environment that has it, and name it with --python or RATIOFARM_PYTHON:\n"
                      f"    python3 -m venv import-env && import-env/bin/pip install h5py uproot pyarrow\n"
                      f"    ratiofarm import --python import-env/bin/python ...") from missing


def ahead(pieces):
    """The same pieces, of which the next is read while one is worked on."""
    with concurrent.futures.ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = reader.submit(next, pieces, None)
            yield piece


def rows_of(step, n_columns):
    return step or max(1, PIECE_BYTES // (8 * max(1, n_columns)))


def column(array, where, name):
    """An awkward array as numbers, or Lists; what is missing is NaN, a missing list is empty."""
    import awkward as ak

    try:
        if array.ndim == 2:
            counts = ak.to_numpy(ak.fill_none(ak.num(array), 0)).astype(np.int64)
            return Lists(column(ak.flatten(array), where, name), np.cumsum(counts) - counts, counts)
        if array.layout.is_option and ak.any(ak.is_none(array)):
            array = ak.fill_none(ak.values_astype(array, np.float64), np.nan)
        values = ak.to_numpy(array, allow_missing=True)
        values = np.asarray(values.data if np.ma.isMaskedArray(values) else values)
    except (TypeError, ValueError) as error:
        raise Problem(f"{where}: column '{name}' holds no numbers ({array.type}); write numbers with the tool that made "
                      "the file") from error
    if values.dtype.kind not in "biuf" or values.ndim != 1:
        raise Problem(f"{where}: column '{name}' holds no numbers (it is {array.type}); write numbers with the tool that "
                      "made the file")
    return values


def within(arrays, name):
    """A branch of a piece; those of an RNTuple's records, such as jet.pt, lie in arrays of records."""
    for step in [name] if name in arrays.fields else name.split("."):
        arrays = arrays[step]
    return arrays


class Tree:
    """A TTree or RNTuple."""

    what = "branch"

    def __init__(self, path, name):
        self.uproot = needed("uproot", "ROOT")
        self.where = f"{path}:{name}" if name else path
        try:
            self.read(self.uproot.open(path), path, name)
        except Problem:
            raise
        except Exception as error:  # uproot has no type of its own for a file that is not one
            raise Problem(f"{path}: cannot be read as a ROOT file ({type(error).__name__}: {error}); is it complete?") from error

    def read(self, file, path, name):
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
        self.keys = {key.rpartition("/")[2] for key in self.tree.keys()} | set(self.tree.keys())
        self.entries = self.tree.num_entries

    def settle(self, names):
        """Makes entries right for pieces of these names."""

    def is_flat(self, name):
        """Whether a branch is one number for each event, for which no awkward array is needed."""
        kind = getattr(self.tree[name], "interpretation", None)
        return isinstance(kind, self.uproot.AsDtype) and kind.to_dtype.shape == () and kind.to_dtype.kind in "biuf"

    def pieces(self, names, step):
        flat = all(map(self.is_flat, names))
        with concurrent.futures.ThreadPoolExecutor(CORES) as threads:
            pieces = self.tree.iterate(names, step_size=step or f"{TREE_BYTES} B", library="np" if flat else "ak",
                                       decompression_executor=threads)
            while True:
                try:
                    arrays = next(pieces)
                except StopIteration:
                    return
                except Exception as error:  # a damaged basket: uproot has no type of its own for it
                    raise Problem(f"{self.where}: cannot be read ({type(error).__name__}: {error}); is the file complete?") from error
                yield {name: arrays[name] if flat else column(within(arrays, name), self.where, name) for name in names}


class Arrow:
    """What Parquet and CSV have in common."""

    what = "column"

    def __init__(self, path, name):
        self.path = self.where = path
        self.narrow = set()
        self.whole = set()
        if name:
            raise Problem(f"{path}:{name}: only ROOT files hold trees; leave ':{name}' away")

    def pieces(self, names, step):
        rows = rows_of(step, len(names))
        try:
            for batch in self.batches(names, rows):
                for first in range(0, batch.num_rows, rows):
                    piece = batch.slice(first, rows)
                    yield {name: self.numbers(piece.column(name), name) for name in names}
        except (self.arrow.ArrowException, OSError) as error:
            raise Problem(f"{self.where}: cannot be read ({error}); is the file complete?") from error

    def numbers(self, array, name):
        """A column of an Arrow batch as numbers, NaN for missing ones, or Lists."""
        types = self.arrow.types
        if isinstance(array, self.arrow.ChunkedArray):
            array = array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
        if not (types.is_integer(array.type) or types.is_floating(array.type) or types.is_boolean(array.type)):
            if types.is_decimal(array.type):
                raise Problem(f"{self.where}: column '{name}' has type {array.type}; store it as a float or a whole number")
            import awkward as ak  # which takes a second to load

            return column(ak.from_arrow(array), self.where, name)
        if array.null_count:
            array = (array if types.is_floating(array.type) else array.cast(self.arrow.float64(), safe=False)).fill_null(float("nan"))
        if types.is_boolean(array.type):
            return self.view(array.cast(self.arrow.uint8())).view(np.bool_)
        return self.view(array)

    @staticmethod
    def view(array):
        """The numbers of an Arrow array without a copy; to_numpy would load pandas, where there is one."""
        kind = np.dtype(array.type.to_pandas_dtype())
        return np.frombuffer(array.buffers()[1] or b"", kind, len(array), array.offset * kind.itemsize)


class Parquet(Arrow):
    def __init__(self, path, name):
        super().__init__(path, name)
        self.arrow = needed("pyarrow", "Parquet")
        self.parquet = needed("pyarrow.parquet", "Parquet")
        try:
            file = self.parquet.ParquetFile(path)
        except (self.arrow.ArrowException, OSError) as error:
            raise Problem(f"{path}: cannot be read as a Parquet file ({error}); is it complete?") from error
        self.keys, self.entries = set(file.schema_arrow.names), file.metadata.num_rows

    def settle(self, names):
        """The file says how many there are."""

    def batches(self, names, rows):
        with self.parquet.ParquetFile(self.path, buffer_size=BLOCK_BYTES, pre_buffer=False) as file:
            for group in range(file.num_row_groups):  # over all at once Arrow reads far ahead
                yield from file.iter_batches(rows, row_groups=[group], columns=names)


class Csv(Arrow):
    """Text with a line of names; separated by commas, semicolons, tabs or blanks."""

    def __init__(self, path, name):
        super().__init__(path, name)
        self.arrow = needed("pyarrow", "CSV")
        self.csv = needed("pyarrow.csv", "CSV")
        try:
            with self.stream() as stream:
                head = stream.read(1 << 20).split(b"\n", 1)[0].decode("utf-8-sig").rstrip("\r")
        except (self.arrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise Problem(f"{path}: cannot be read as text ({error})") from error
        self.delimiter = next((letter for letter in ",;\t " if letter in head.lstrip("# ").strip()), ",")
        self.names = [one.strip().strip('"') for one in head.lstrip("# ").strip(" ").split(self.delimiter)]
        if all(re.fullmatch(r"[-+.\deE]*", one) for one in self.names):
            raise Problem(f"{path}: its first line, '{head[:60]}', does not name the columns; put a line like 'mass,pt,weight' "
                          "before it")
        if "" in self.names or len(set(self.names)) != len(self.names):
            raise Problem(f"{path}: its first line, '{head[:60]}', must give each column one name of its own")
        self.keys, self.entries = set(self.names), None

    def stream(self):
        return self.arrow.input_stream(self.path)

    def settle(self, names):
        """Counts the rows: line ends, which is far faster than to convert numbers; empty lines are no rows."""
        if self.entries is not None:
            return
        lines, last, empty, buffer = 0, 10, False, np.empty(BLOCK_BYTES, np.uint8)
        with self.stream() as stream:
            while not empty and (n := stream.readinto(buffer)):
                text = buffer[:n]
                ends = text == 10
                lines += int(np.count_nonzero(ends))
                begins = (text == 13) | ends
                empty = last == 10 and bool(begins[0]) or bool(np.any(ends[:-1] & begins[1:]))
                last = int(text[-1])
        self.entries = sum(batch.num_rows for batch in self.batches(names, 0)) if empty else lines - (last == 10)

    def blocks(self):
        """The text in pieces of whole lines, without the line of names."""
        with self.stream() as stream:
            rest = stream.read(BLOCK_BYTES)
            rest = rest[rest.find(b"\n") + 1:] if b"\n" in rest else b""
            while block := stream.read(BLOCK_BYTES):
                text = rest + block
                end = text.rfind(b"\n") + 1
                rest = text[end:]
                yield memoryview(text)[:end]
            yield memoryview(rest)

    def batches(self, names, rows):
        """Blocks of text are parsed side by side, each with the types of the first one."""
        blocks = self.blocks()
        first = self.parsed(next(blocks, b""), names, {name: self.arrow.uint64() for name in self.whole})
        yield first
        single = {name: self.arrow.float32() for name in self.narrow}
        types = {field.name: single.get(field.name, field.type) if field.type == self.arrow.float64() else field.type
                 for field in first.schema}
        with concurrent.futures.ThreadPoolExecutor(CORES) as threads:
            parsing = collections.deque()
            for block in blocks:
                parsing.append(threads.submit(self.parsed, block, names, types))
                if len(parsing) > CORES:
                    yield parsing.popleft().result()
            while parsing:
                yield parsing.popleft().result()

    def parsed(self, text, names, types):
        """The rows of some lines. A column gets a wider type than the given one where its numbers need it."""
        types = dict(types)
        if not bytes(text[:1 << 10]).strip() and not bytes(text).strip():  # which Arrow refuses
            return self.arrow.table({name: self.arrow.array([], self.arrow.float64()) for name in names})
        while True:
            try:
                return self.csv.read_csv(
                    self.arrow.BufferReader(text),
                    self.csv.ReadOptions(column_names=self.names, block_size=max(1, len(text)), use_threads=False),
                    self.csv.ParseOptions(delimiter=self.delimiter),
                    self.csv.ConvertOptions(include_columns=names, column_types=types))
            except self.arrow.ArrowInvalid as error:
                found = re.search(r"In CSV column #(\d+): .*conversion error to (\w+): invalid value '(.*)'", str(error))
                wider = found and self.wider(found[2], found[3])
                if not wider:
                    raise Problem(f"{self.path}: cannot be read as CSV ({error})") from error
                types[self.names[int(found[1])]] = wider

    def wider(self, kind, text):
        if kind == "uint64" and re.fullmatch(r"-\d+", text):
            return self.arrow.int64()
        if kind in ("int64", "null") and re.fullmatch(r"\d+", text):
            return self.arrow.uint64()
        try:
            float(text)
        except ValueError:
            return None
        return self.arrow.float64() if kind != "double" else None


class Npz:
    """Arrays of one length, read out of the archive piece by piece."""

    what = "column"

    def __init__(self, path, name):
        self.path = self.where = path
        if name:
            raise Problem(f"{path}:{name}: only ROOT files hold trees; leave ':{name}' away")
        try:
            self.archive = zipfile.ZipFile(path)
            self.headers = {}
            for member in self.archive.namelist():
                with self.archive.open(member) as stream:
                    self.headers[member.removesuffix(".npy")] = self.header(stream)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise Problem(f"{path}: cannot be read as an npz file ({error}); is it complete?") from error
        self.keys = set(self.headers)
        self.entries = max((shape[0] for shape, _, _ in self.headers.values() if shape), default=0)

    @staticmethod
    def header(stream):
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return read(stream)

    def checked(self, name):
        shape, by_columns, dtype = self.headers[name]
        if dtype.kind not in "biuf" or len(shape) not in (1, 2) or len(shape) == 2 and by_columns:
            raise Problem(f"{self.where}: column '{name}' is not one number, or one row, for each event (type {dtype}, "
                          f"shape {shape}{', stored by columns' if by_columns else ''})")
        if shape[0] != self.entries:
            raise Problem(f"{self.where}: column '{name}' has {shape[0]} events, others have {self.entries}")
        return shape[1:], dtype

    def settle(self, names):
        """The archive says how many there are."""

    def pieces(self, names, step):
        rows = rows_of(step, len(names))
        kinds = {name: self.checked(name) for name in names}
        streams = {}
        try:
            for name in names:
                streams[name] = self.archive.open(name + ".npy")
                self.header(streams[name])
            for first in range(0, self.entries, rows):
                piece = {}
                for name, (width, dtype) in kinds.items():
                    n = min(rows, self.entries - first)
                    numbers = n * (width[0] if width else 1)
                    bytes_ = streams[name].read(numbers * dtype.itemsize)
                    values = np.frombuffer(bytes_, dtype, numbers).astype(dtype.newbyteorder("="), copy=False)
                    piece[name] = Lists(values, np.arange(n) * width[0], np.full(n, width[0])) if width else values
                yield piece
        except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
            raise Problem(f"{self.where}: cannot be read ({error}); is the file complete?") from error
        finally:
            for stream in streams.values():
                stream.close()


MAGIC = {b"root": Tree, b"PAR1": Parquet, b"PK\x03\x04": Npz}
CSV_ENDINGS = (".csv", ".tsv", ".txt", ".dat", ".csv.gz", ".tsv.gz", ".txt.gz")


def open_table(path, name):
    """A file by its first bytes; text by its ending."""
    with open(path, "rb") as file:
        first = file.read(8)
    if kind := MAGIC.get(first[:4]):
        return kind(path, name)
    if path.endswith(CSV_ENDINGS):
        return Csv(path, name)
    hint = "for other HDF5 layouts use write_events of the Python package" if first[1:4] == b"HDF" else (
        "is it complete? For other tables use write_events of the Python package")
    raise Problem(f"{path}: is neither a ROOT, Parquet or npz file, nor text that ends with .csv, .tsv or .txt; {hint} "
                  "(docs/python.md)")
