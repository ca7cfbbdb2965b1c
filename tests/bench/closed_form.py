"""What the drivers of this folder share."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from toy_campaign import campaign  # noqa: E402, F401: the drivers take it from here


def environment(**more):
    """For mpirun, which refuses root unless told twice; containers run as root."""
    return {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", **more}
