"""Columns of equal length, as arrays or as a DataFrame."""
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .files import Array, Problem, did_you_mean, needed


class Table(dict[str, Array]):
    """From the name of a column to its array [rows].

    What a result does not say is NaN among numbers and None elsewhere.
    """

    def __missing__(self, name: str) -> Array:
        raise Problem(f"no column '{name}'" + did_you_mean(name, self))

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], columns: Iterable[str] | None = None) -> "Table":
        """Of dicts, which need not have the same keys. columns: those to take, in order; default all."""
        rows = list(rows)
        names = list(columns) if columns is not None else list(dict.fromkeys(key for row in rows for key in row))
        return cls({name: _column([row.get(name) for row in rows]) for name in names})

    def frame(self, index: str | None = None) -> Any:
        """As a pandas DataFrame. index: the column that becomes the index"""
        pandas = needed("pandas", "frames")

        frame = pandas.DataFrame({name: list(column) if column.dtype == object else column for name, column in self.items()})
        return frame if index is None else frame.set_index(index)

    def _repr_html_(self) -> str | None:
        try:
            html: str = self.frame().to_html(index=False)
        except Problem:
            return None
        return html


def _column(values: list[Any]) -> Array:
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known) and len(known) == len(values):
        return np.array(values, dtype=bool)
    if known and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known):
        return np.array([np.nan if value is None else value for value in values], dtype=float)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
