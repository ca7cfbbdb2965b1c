"""What the drivers of this folder share."""
import os

# The interference toy as part of a campaign; how many features it has the rest says.
INTERFERENCE = """
[parameters.mu]
range = [0.0, 10.0]
[[process]]
name = "S"
coefficient = "mu - sqrt(mu)"
[[process]]
name = "SBI"
coefficient = "sqrt(mu)"
[[process]]
name = "B"
coefficient = "1 - sqrt(mu)"
[reference]
mixture = { S = 1, SBI = 1, B = 1 }
"""


def environment(**more):
    """For mpirun, which refuses root unless told twice; containers run as root."""
    return {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", **more}
