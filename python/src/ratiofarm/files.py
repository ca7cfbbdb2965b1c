"""What all files of ratiofarm share: format and version, checksums, seals, publishing.

docs/formats.md is the authority; every reader and writer of this package comes through here.
"""
import contextlib
import difflib
import importlib
import json
import os
import tomllib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xxhash
from numpy.typing import NDArray

Array = NDArray[Any]

#: Rows that one checksum of a column of events covers, and events for one of a line.
ROWS_PER_BLOCK = 65536
EVENTS_PER_BLOCK = 4096

SEALS = {".json": (b',\n  "xxh3": "', b'"\n}\n'), ".toml": (b"# xxh3 ", b"\n")}
DIGITS = 32


class Problem(ValueError):
    """What a user can mend: names the object, what is wrong, what is allowed and what to do next."""


def needed(module: str, extra: str) -> Any:
    """A package that comes with an extra of this one only. Raises Problem that names the extra."""
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        raise Problem(f"this needs the package '{module}' ({missing}); pip install 'ratiofarm[{extra}]' brings it") from missing


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """"; did you mean 'x'?" and what there is, for the end of a message."""
    names = [str(one) for one in known]
    close = difflib.get_close_matches(str(name), names, n=1)
    shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return (f"; did you mean '{close[0]}'?" if close else "") + f" (there is: {shown or 'nothing'})"


def metadata_crc(path: Path) -> int:
    """CRC-32 of all bytes of an HDF5 file that are not values of contiguous datasets."""
    values: list[tuple[int, int]] = []
    size = path.stat().st_size

    def visit(_: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.id.get_offset() is not None:
            first = min(item.id.get_offset(), size)  # a damaged place may lie anywhere
            values.append((first, min(first + item.size * item.dtype.itemsize, size)))

    with h5py.File(path) as file:
        file.visititems(visit)
    crc, at = 0, 0
    with open(path, "rb") as bytes_:
        for first, last in sorted(values):
            if at < first:
                bytes_.seek(at)
                crc = zlib.crc32(bytes_.read(first - at), crc)
            at = max(at, last)
        bytes_.seek(at)
        while piece := bytes_.read(1 << 20):
            crc = zlib.crc32(piece, crc)
    return crc


def write_metadata_crc(path: Path) -> None:
    """Fills `/metadata_crc`, which the file holds already; not through HDF5, which might change metadata."""
    crc = metadata_crc(path)
    with h5py.File(path) as file:
        offset = file["metadata_crc"].id.get_offset()
    with open(path, "r+b") as bytes_:
        bytes_.seek(offset)
        bytes_.write(crc.to_bytes(4, "little"))


@contextlib.contextmanager
def open_table(path: str | os.PathLike[str], format_name: str, versions: Iterable[int]) -> Iterator[h5py.File]:
    """Opens an HDF5 table and checks its metadata, format and version.

    Raises Problem if it is missing, damaged, of another format or of a version that this package does not know; also where
    HDF5 finds its structure damaged while it is read.
    """
    path = Path(path)
    try:
        with _opened(path, format_name, versions) as file:
            yield file
    except Problem:
        raise
    except (RuntimeError, KeyError, OSError, ValueError, TypeError, AttributeError, IndexError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk, or of another file
        raise Problem(f"'{path}' is damaged: {error}; 'ratiofarm verify' says what to make again") from None


def _opened(path: Path, format_name: str, versions: Iterable[int]) -> h5py.File:
    if not path.is_file():
        raise Problem(f"'{path}' does not exist")
    try:
        file = h5py.File(path)
    except OSError as error:
        raise Problem(f"'{path}' is not an HDF5 file, or damaged: {error}; 'ratiofarm verify' says what to make again") from None
    try:
        if "metadata_crc" in file and int(file["metadata_crc"][0]) != metadata_crc(path):
            raise Problem(f"'{path}': the metadata do not match their checksum: damaged, or changed by another program "
                          "(then delete the dataset 'metadata_crc')")
        found = file.attrs.get("format")
        if found != format_name:
            raise Problem(f"'{path}' has format {found!r}, expected '{format_name}': it is incomplete or another kind of file")
        if int(file.attrs["version"]) not in versions:
            raise Problem(f"'{path}' has version {file.attrs['version']} of {format_name}; this package reads "
                          f"{', '.join(str(one) for one in versions)}: update the package, or make the file again")
    except BaseException:
        file.close()
        raise
    return file


def read_rows(dataset: h5py.Dataset) -> Array:
    """All rows of a column of events, compared with its checksums if there are any (`<name>_crc`)."""
    values: Array = dataset[()]
    crc_name = dataset.name + "_crc"
    if crc_name in dataset.file:
        for block, crc in enumerate(dataset.file[crc_name][()]):
            rows = values[block * ROWS_PER_BLOCK:(block + 1) * ROWS_PER_BLOCK]
            if zlib.crc32(np.ascontiguousarray(rows).data) != crc:
                raise Problem(f"'{dataset.file.filename}': {dataset.name} is damaged in rows {block * ROWS_PER_BLOCK} to "
                              f"{block * ROWS_PER_BLOCK + len(rows)}: their checksum does not match; make the file again")
    return values


def read_lines(dataset: h5py.Dataset) -> Array:
    """All lines of events [lines, n], compared with their checksums if there are any (`<name>_xxh3`)."""
    values: Array = dataset[()]
    xxh3_name = dataset.name + "_xxh3"
    if xxh3_name in dataset.file:
        for (line, block), digest in np.ndenumerate(dataset.file[xxh3_name][()]):
            part = values[line, block * EVENTS_PER_BLOCK:(block + 1) * EVENTS_PER_BLOCK]
            if xxhash.xxh3_64_intdigest(part.tobytes()) != digest:
                raise Problem(f"'{dataset.file.filename}': {dataset.name} is damaged in line {line}, events from "
                              f"{block * EVENTS_PER_BLOCK}: their checksum does not match; make the file again")
    return values


def read_sealed(path: str | os.PathLike[str], required: bool = True) -> bytes:
    """A text that ends with a seal (docs/formats.md, Checksums), compared with it.

    required: False for campaign files, which people write without a seal, and copy and edit with one.
    """
    path = Path(path)
    if not path.is_file():
        raise Problem(f"'{path}' does not exist")
    text = path.read_bytes()
    before, after = SEALS[path.suffix]
    content = text[:-(len(before) + DIGITS + len(after))]
    if text == content + before + xxhash.xxh3_128_hexdigest(content).encode() + after:
        return text
    if required:
        raise Problem(f"'{path}' does not match the checksum at its end: damaged, or changed by hand; make it again")
    return text


def sealed(path: str | os.PathLike[str], content: str) -> bytes:
    """A text with its seal. content: ends with a newline, JSON with "}" and a newline."""
    before, after = SEALS[Path(path).suffix]
    text = content.encode()[:-len("\n}\n")] if Path(path).suffix == ".json" else content.encode()
    return text + before + xxhash.xxh3_128_hexdigest(text).encode() + after


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A result as a dict, its seal checked."""
    result: dict[str, Any] = json.loads(read_sealed(path))
    return result


def read_toml(path: str | os.PathLike[str], required: bool = False) -> dict[str, Any]:
    """A campaign as a dict. required: it must have a seal that matches, as inside a run directory."""
    try:
        return tomllib.loads(read_sealed(path, required).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Problem(f"'{path}' is not a campaign file: {error}") from None


@contextlib.contextmanager
def published(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A path to write to; at the end it is synced and gets its final name, so that this name means complete."""
    path = Path(path)
    if not path.parent.is_dir():
        raise Problem(f"'{path}': the folder '{path.parent}' does not exist")
    if path.exists() and not path.is_file():  # a folder, or a device, which a rename would replace
        raise Problem(f"'{path}' is there, and is no regular file; name another one")
    partial = path.with_name(path.name + ".partial")
    try:
        yield partial
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
