"""A sample of parcels that is the same at every run."""

import numpy as np
import numpy.typing as npt


def spread(count: int, most: int) -> npt.NDArray[np.intp]:
    """Return the numbers of at most ``most`` of ``count`` things, spread evenly, ascending."""
    if count <= most:
        return np.arange(count)
    return np.asarray(np.arange(most) * count // most, dtype=np.intp)
