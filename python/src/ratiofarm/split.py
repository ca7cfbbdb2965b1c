"""Which part of the split, and which fold, an event belongs to: a hash of its id."""
from collections.abc import Mapping
from typing import Any

import numpy as np

from .files import Array

#: Parts of the split, in the order of their numbers in split_part().
PARTS = ("train", "validation", "inference", "unused")


def uniform(key: int, ids: Array) -> Array:
    """Philox4x32-10 of (key, id) as numbers from [0, 1). ids: u64 [n]"""
    ids = np.asarray(ids, dtype=np.uint64)
    low, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    x = [ids & low, ids >> shift, np.zeros_like(ids), np.zeros_like(ids)]
    keys = [key & 0xFFFFFFFF, key >> 32]
    for _ in range(10):
        first, second = np.uint64(0xD2511F53) * x[0], np.uint64(0xCD9E8D57) * x[2]
        x = [(second >> shift) ^ x[1] ^ np.uint64(keys[0]), second & low,
             (first >> shift) ^ x[3] ^ np.uint64(keys[1]), first & low]
        keys = [(keys[0] + 0x9E3779B9) & 0xFFFFFFFF, (keys[1] + 0xBB67AE85) & 0xFFFFFFFF]
    numbers: Array = (((x[0] << shift) | x[1]) >> np.uint64(11)).astype(float) * 2.0**-53
    return numbers


def split_part(ids: Array, split: Mapping[str, Any]) -> Array:
    """Index into PARTS of each event. split: the section of a campaign, with `train`, `validation`, `inference`

    With `folds` every event is for inference.
    """
    if split.get("folds"):
        return np.full(len(ids), PARTS.index("inference"))
    ends = np.cumsum([split[part] for part in PARTS[:3]])
    ends[2] = 1.0 if ends[2] > 1.0 - 1e-9 else ends[2]
    return np.searchsorted(ends, uniform(0x73706C6974, ids), side="right")


def fold_of(ids: Array, folds: int) -> Array:
    """The fold whose nets never saw the event. ids: u64 [n]; folds: of `split.folds`"""
    return (uniform(0x666F6C64, ids) * folds).astype(int)
