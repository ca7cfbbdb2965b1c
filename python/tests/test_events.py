"""write_events and read_events: what goes in comes out, and the program finds nothing wrong with it."""
import os
import tracemalloc

import awkward
import h5py
import numpy as np
import pandas as pd
import pyarrow
import pytest
from conftest import program

import ratiofarm
from ratiofarm import Problem, read_events, write_events

ROWS = 70000  # more than a block of the checksums


def table(rows=ROWS, seed=1):
    rng = np.random.default_rng(seed)
    return {"mass": rng.normal(size=rows), "pt": rng.exponential(size=rows).astype("f4"), "weight": np.full(rows, 100.0 / rows),
            "up": rng.normal(1.0, 0.1, rows) * 100.0 / rows, "event": rng.permutation(rows).astype("u8") + (1 << 60)}


def written(folder, samples, **options):
    options = {"features": ["mass", "pt"], "id": "event", "weights": {"muR": "up"}} | options
    return write_events(folder / "events.h5", samples, **options)


@pytest.mark.parametrize("kind", ["dict", "DataFrame", "structured", "awkward"])
def test_tables_of_every_kind_give_the_same_events(kind, tmp_path):
    columns = table()
    source = {"dict": lambda: columns, "DataFrame": lambda: pd.DataFrame(columns), "awkward": lambda: awkward.Array(columns),
              "structured": lambda: pd.DataFrame(columns).to_records(index=False)}[kind]()

    events = read_events(written(tmp_path, {"S": source}), "S")

    assert events.columns == ["mass", "pt"]
    assert (events.features == np.stack([columns["mass"], columns["pt"]], axis=1).astype("f4")).all()
    assert (events.weight == columns["weight"]).all() and (events.id == columns["event"]).all()
    assert (events.weights["muR"] == columns["up"]).all()
    assert len(events.frame()) == ROWS and list(events.frame()) == ["mass", "pt", "weight", "id", "muR"]


def test_the_program_finds_every_column_and_its_checksums(tmp_path):
    written(tmp_path, {"S": table(), "B": table(seed=2)})
    (tmp_path / "c.toml").write_text('[campaign]\nname="c"\n[events]\nfile="events.h5"\nfeatures=["mass","pt"]\n'
                                     '[parameters.mu]\nrange=[0.0,5.0]\n[[process]]\nname="S"\ncoefficient="mu"\n'
                                     '[[process]]\nname="B"\n[reference]\nmixture={S=1,B=1}\n')
    program("check", "c.toml", folder=tmp_path)
    with h5py.File(tmp_path / "events.h5") as file:
        place = file["S/weight"].id.get_offset() + 5
    with open(tmp_path / "events.h5", "r+b") as file:  # a bit of a weight
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))

    with pytest.raises(Problem, match="/S/weight is damaged in rows 0 to 65536"):
        read_events(tmp_path / "events.h5", "S")
    with pytest.raises(AssertionError, match="events.h5.*S.*weight.*rows 0"):
        program("check", "c.toml", folder=tmp_path)


def test_damaged_metadata_are_noticed(tmp_path):
    written(tmp_path, {"S": table()})
    data = (tmp_path / "events.h5").read_bytes()
    at = data.index(b"mass")
    (tmp_path / "events.h5").write_bytes(data[:at] + b"moss" + data[at + 4:])

    with pytest.raises(Problem, match="metadata do not match"):
        read_events(tmp_path / "events.h5", "S")


def test_a_flipped_bit_of_the_structure_is_one_clear_error(tmp_path):
    path = written(tmp_path, {"S": table()})
    data = path.read_bytes()
    with h5py.File(path) as file:
        values = [(item.id.get_offset(), item.nbytes) for item in (file["S"][name] for name in ("features", "weight", "id"))]
    structure = [at for at in range(len(data)) if not any(first <= at < first + size for first, size in values)]
    rng = np.random.default_rng(4)
    for _ in range(150):
        at, bit = int(rng.choice(structure)), int(rng.integers(8))
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1:])

        try:
            read_events(path, "S")
        except Problem as problem:
            assert str(path) in str(problem), f"byte {at}, bit {bit}"


def test_no_second_copy_of_the_table_is_held(tmp_path):
    rows = 1_000_000
    frame = pd.DataFrame({f"x{k}": np.ones(rows, "f4") for k in range(20)} | {"weight": np.ones(rows), "event": np.arange(rows)})
    size = frame.memory_usage().sum()

    tracemalloc.start()
    write_events(tmp_path / "events.h5", {"S": frame}, features=[f"x{k}" for k in range(20)], id="event")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert os.path.getsize(tmp_path / "events.h5") > 0.95 * size
    assert peak < 0.25 * size, f"{peak / size:.2f} of the table"


def test_data_have_weight_one_without_a_column(tmp_path):
    samples = {"S": table(10), "data": {name: column for name, column in table(10).items() if name not in ("weight", "up")}}

    path = written(tmp_path, samples, weight={"S": "weight", "data": 1.0})

    assert (read_events(path, "data").weight == 1.0).all() and ratiofarm.sample_names(path) == ["S", "data"]
    assert not read_events(path, "data").weights and list(read_events(path, "S").weights) == ["muR"]


def with_column(name, values):
    return {"S": table(10) | {name: values}}


def nan_in_row(row, rows=10):
    values = np.ones(rows)
    values[row] = np.nan
    return values


MISTAKES = {
    "a feature that is not there": ({"S": table(10)}, {"features": ["mas"]}, "sample 'S': no column 'mas'; did you mean 'mass'"),
    "NaN": (with_column("pt", nan_in_row(7)), {}, "sample 'S': column 'pt' is nan in row 7 .must be finite"),
    "NaN in the second block": ({"S": table() | {"pt": nan_in_row(65540, ROWS)}}, {}, "column 'pt' is nan in row 65540"),
    "too large for 32 bits": (with_column("mass", np.full(10, 1e300)), {}, "'mass' is 1e.300 in row 0"),
    "a weight that is infinite": (with_column("weight", np.full(10, np.inf)), {}, "sample 'S': weight is inf in row 0"),
    "weights that cancel": (with_column("weight", np.array([1.0, -1.0] * 5)), {}, "weight sums to 0 .must be > 0:"),
    "weights too large": (with_column("weight", np.full(10, 1e35)), {}, "weight sums to 1e.36 .must be <= 1e.30:"),
    "weights too small": (with_column("weight", np.full(10, 1e-35)), {}, "weight sums to 1e-34 .must be >= 1e-30:"),
    "ids that repeat": (with_column("event", np.array([1, 2] * 5)), {}, "8 of 10 events have the id of another one, for example 1"),
    "ids that are floats": (with_column("event", np.arange(10.0)), {}, "id 'event' has type float64 .must be whole numbers"),
    "ids below zero": (with_column("event", np.arange(-1, 9)), {}, "id 'event' is -1 in row 0"),
    "columns of unequal length": (with_column("pt", np.ones(9)), {}, "'pt' has 9 rows, 'mass' has 10"),
    "text": (with_column("pt", np.array(["a"] * 10)), {}, "column 'pt' has missing values or no numbers"),
    "missing values": (with_column("pt", pd.array([1, None] * 5, dtype="Int64")), {}, "column 'pt' is nan in row 1"),
    "jagged": ({"S": awkward.zip({"mass": np.ones(2), "pt": awkward.Array([[1.0], [1.0, 2.0]]), "weight": np.ones(2),
                                  "up": np.ones(2), "event": np.arange(2)}, depth_limit=1)}, {}, "'pt' is not one number for each event"),
    "two numbers for each event": (with_column("pt", np.ones((10, 2))), {}, "'pt' is not one number for each event"),
    "no events": ({"S": {name: column[:0] for name, column in table(1).items()}}, {}, "sample 'S' has no events"),
    "no samples": ({}, {}, "no samples"),
    "no features": ({"S": table(10)}, {"features": []}, "at least one column"),
    "a feature twice": ({"S": table(10)}, {"features": ["pt", "pt"]}, "none of them twice"),
    "a name with a blank": ({"S 1": table(10)}, {}, "sample 'S 1': a name consists of"),
    "no table": ({"S": 3.0}, {}, "must be a DataFrame, a dict of arrays"),
    "weights that no sample has": ({"S": table(10)}, {"weights": {"a": "b"}}, "weights 'a': no sample has a column 'b'"),
    "a name that is a number": ({1: table(10)}, {}, "sample 1: a name consists of"),
    "weights with a slash": ({"S": table(10)}, {"weights": {"a/b": "up"}}, "weights 'a/b': a name consists of"),
    "weights called as a checksum": ({"S": table(10)}, {"weights": {"up_crc": "up"}}, "weights 'up_crc': .* does not end with _crc"),
    "a weight of None": ({"S": table(10)}, {"weight": None}, "sample 'S': weight is None .must be the name of a column"),
    "awkward None": ({"S": awkward.Array(table(2) | {"pt": [1.0, None]})}, {}, "column 'pt' has missing values"),
    "a sample without a weight": ({"S": table(10)}, {"weight": {"B": 1.0}}, "weight says nothing of sample 'S'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_clear_error_and_leaves_no_file(mistake, tmp_path):
    samples, options, message = MISTAKES[mistake]

    with pytest.raises(Problem, match=message):
        written(tmp_path, samples, **options)

    assert not list(tmp_path.iterdir())


def test_what_is_no_regular_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "events.h5")

    with pytest.raises(Problem, match="events.h5' is there, and is no regular file"):
        written(tmp_path, {"S": table(10)})

    assert (tmp_path / "events.h5").is_fifo()


@pytest.mark.parametrize("source", [lambda columns: pd.DataFrame(columns).rename(columns={"mass": 0}), pyarrow.table])
def test_frames_with_numbers_as_names_and_arrow_tables_are_tables(source, tmp_path):
    name = 0 if source is not pyarrow.table else "mass"

    written(tmp_path, {"S": source(table(10))}, features=[name, "pt"])

    assert (read_events(tmp_path / "events.h5", "S").features[:, 0] == table(10)["mass"].astype("f4")).all()


@pytest.mark.parametrize("change, message", [
    ({"E": [[1.0], [2.0, -1.0]]}, "'E' of a particle is -1.0 in row 1 .must be >= 0"),
    ({"E": [[1.0], [2.0, 0.5]]}, "1 of 3 particles have E < .p.: are the first columns really E")])
def test_momenta_that_the_program_refuses_are_refused(change, message, tmp_path):
    source = {"mass": np.ones(2), "pt": np.ones(2), "weight": np.ones(2), "event": np.arange(2), "E": [[1.0], [2.0, 3.0]],
              "px": [[0.0], [1.0, 2.0]], "py": [[0.0], [0.0, 0.0]], "pz": [[0.0], [0.0, 0.0]]} | change

    with pytest.raises(Problem, match=message):
        written(tmp_path, {"S": source}, weights={}, particles=["E", "px", "py", "pz"])


def test_files_that_are_no_events_are_refused(tmp_path):
    (tmp_path / "text.h5").write_text("no HDF5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.attrs["format"], file.attrs["version"] = "ratiofarm-ratios", 1
    with h5py.File(tmp_path / "newer.h5", "w") as file:
        file.attrs["format"], file.attrs["version"] = "ratiofarm-events", 9
    written(tmp_path, {"S": table(10)})

    for name, sample, message in [("none.h5", "S", "does not exist"), ("text.h5", "S", "not an HDF5 file"),
                                  ("other.h5", "S", "expected 'ratiofarm-events'"), ("newer.h5", "S", "version 9"),
                                  ("events.h5", "T", "no sample 'T' .there is: S")]:
        with pytest.raises(Problem, match=message):
            read_events(tmp_path / name, sample)
    with pytest.raises(Problem, match="the folder .* does not exist"):
        write_events(tmp_path / "none" / "e.h5", {"S": table(10)}, features=["pt"], id="event")


def test_parts_and_folds_are_functions_of_the_id():
    ids = np.arange(200_000, dtype="u8") * np.uint64(0x9E3779B97F4A7C15)
    parts = ratiofarm.split_part(ids, {"train": 0.5, "validation": 0.1, "inference": 0.4})

    assert np.allclose(np.bincount(parts, minlength=4) / len(ids), [0.5, 0.1, 0.4, 0.0], atol=0.005)
    assert np.allclose(np.bincount(ratiofarm.fold_of(ids, 5)) / len(ids), 0.2, atol=0.005)
    assert (ratiofarm.split_part(ids, {"folds": 2}) == 2).all()


def particle_table(rows=ROWS, seed=3):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 5, rows)
    momenta = rng.normal(size=(counts.sum(), 3)).astype("f4")
    flat = {"E": np.linalg.norm(momenta, axis=1) * 1.001 + 1e-3, "px": momenta[:, 0], "py": momenta[:, 1], "pz": momenta[:, 2],
            "pdg": rng.choice([11, -11, 13, 22], counts.sum())}
    return counts, flat


@pytest.mark.parametrize("kind", ["awkward", "lists"])
def test_particle_lists_come_back_as_they_went_in(kind, tmp_path):
    counts, flat = particle_table(ROWS if kind == "awkward" else 500)
    rows = len(counts)
    columns = {name: values[:rows] for name, values in table().items()}
    if kind == "awkward":
        source = awkward.Array(columns)
        for name, values in flat.items():
            source[name] = awkward.unflatten(values, counts)
    else:
        source = columns | {name: [list(x) for x in np.split(values, np.cumsum(counts)[:-1])] for name, values in flat.items()}
    written(tmp_path, {"S": source}, particles=["E", "px", "py", "pz"], particle_type="pdg")

    lists = read_events(tmp_path / "events.h5", "S").particles

    assert lists.columns == ["E", "px", "py", "pz"]
    assert (np.diff(lists.offsets.astype("i8")) == counts).all()
    assert (lists.values == np.stack([flat[name] for name in lists.columns], axis=1).astype("f4")).all()
    assert (lists.types == flat["pdg"]).all()
    assert (lists.of(7) == lists.values[counts[:7].sum():counts[:8].sum()]).all()
    (tmp_path / "c.toml").write_text('[campaign]\nname="c"\n[events]\nfile="events.h5"\nfeatures=["mass","pt"]\n'
                                     '[parameters.mu]\nrange=[0.0,5.0]\n[[process]]\nname="S"\ncoefficient="mu"\n'
                                     '[reference]\nmixture={S=1}\n[network]\nkind="transformer"\nparticles=["eta","type_11"]\n'
                                     '[training]\nbatch=100\n')
    assert "at most" in program("check", "c.toml", folder=tmp_path)


@pytest.mark.parametrize("change, message", [
    ({"E": [[1.0], [2.0, np.nan]]}, "'E' of a particle is nan in row 1"),
    ({"px": [[0.0], [0.0]]}, "'px' has 1 particles in row 1, 'E' has 2"),
    ({"px": [0.0, 0.0]}, "column 'px' of particles is not a list of numbers for each event"),
    ({"pdg": [[11.5], [11, 13]]}, "particle_type 'pdg' has type float64"),
    ({"E": awkward.Array([[[1.0]], [[2.0], [3.0]]])}, "'E' of particles has lists in its lists"),
    ({"E": [[], []], "px": [[], []], "pdg": [[], []]}, "has no particle in any event"),
])
def test_bad_particle_lists_are_refused(change, message, tmp_path):
    source = {"mass": np.ones(2), "pt": np.ones(2), "weight": np.ones(2), "event": np.arange(2), "E": [[1.0], [2.0, 3.0]],
              "px": [[0.0], [1.0, 2.0]], "pdg": [[11], [11, 13]]} | change

    with pytest.raises(Problem, match=message):
        written(tmp_path, {"S": source}, weights={}, particles=["E", "px"], particle_type="pdg")
    assert not (tmp_path / "events.h5").exists()
