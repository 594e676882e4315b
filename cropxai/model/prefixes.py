"""Seasons cut at several days: what a network says of parcels when it has seen them up to there only."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cropxai.model.inputs import Inputs

#: Days between the nodes at which a season is cut.
NODE_DAYS = 15
#: Days after its last clear date for which the season of a parcel goes on with that of the series.
SEEN_DAYS = 60


@dataclass(frozen=True)
class Prefixes:
    """Parcels on cut seasons, one row a parcel and node from its first clear date on.

    Attributes
    ----------
    nodes : (node,) season days at which the season was cut, rising; the last is the last date
    node : (row,) number of the node
    parcel : (row,) number of the parcel
    end : (row,) float32, day on which the season of the parcel ends there (:func:`season_end`)
    scores : (row, class) float32 logits
    """

    nodes: npt.NDArray[np.float32]
    node: npt.NDArray[np.intp]
    parcel: npt.NDArray[np.intp]
    end: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]

    def take(self, rows: npt.NDArray[np.bool_]) -> "Prefixes":
        """Keep some rows, (row,) bool."""
        return Prefixes(self.nodes, self.node[rows], self.parcel[rows], self.end[rows], self.scores[rows])


def prefixes(scored: Callable[[Inputs], npt.NDArray[np.float32]], inputs: Inputs, step: float = NODE_DAYS) -> Prefixes:
    """Ask a network for its scores on the season up to each node.

    A parcel without a clear date since the node before shows nothing new, and is not asked again.

    Parameters
    ----------
    scored : gives the logits (parcel, class) of inputs
    inputs : of all dates
    step : days between nodes
    """
    nodes = season_nodes(inputs.day, step)
    rows: list[tuple[npt.NDArray[np.intp], npt.NDArray[np.float32], npt.NDArray[np.float32]]] = []
    scores: npt.NDArray[np.float32] | None = None
    for node, before in zip(nodes, (-np.inf, *nodes[:-1]), strict=True):
        cut = inputs.at(np.flatnonzero(inputs.day <= node))
        new = np.flatnonzero(cut.valid[:, cut.day > before].any(axis=1))
        found = scored(cut.take(new))
        if scores is None:
            scores = np.zeros((len(inputs), found.shape[1]), dtype=np.float32)
        scores[new] = found
        ends = season_end(cut.valid, cut.day)
        known = np.flatnonzero(np.isfinite(ends))
        rows.append((known, ends[known], scores[known]))
    parcel, end, answers = (np.concatenate(column) for column in zip(*rows, strict=True))
    node_of = np.repeat(np.arange(len(nodes)), [len(row[0]) for row in rows])
    return Prefixes(nodes, node_of, parcel, end, answers)


def season_nodes(day: npt.NDArray[np.float32], step: float = NODE_DAYS) -> npt.NDArray[np.float32]:
    """Return season days every ``step`` days back from the last of the dates (time,), none before the first."""
    count = int((day.max() - day.min()) // step) + 1
    return np.asarray(day.max() - step * np.arange(count)[::-1], dtype=np.float32)


def last_clear_day(valid: npt.NDArray[np.bool_], day: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the season day of each parcel's last clear date, (parcel,) float32, NaN where it has none.

    Parameters
    ----------
    valid : (parcel, time); day : (time,), in any order
    """
    last = np.where(valid, day, -np.inf).max(axis=1, initial=-np.inf)
    return np.where(np.isfinite(last), last, np.nan).astype(np.float32)


def season_end(valid: npt.NDArray[np.bool_], day: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the season day up to which each parcel has been watched, (parcel,) float32, NaN without a clear date.

    That is the last date of the series, clear or not; but of a parcel that has not been seen for more than two months,
    60 days after its last clear date.

    Parameters
    ----------
    valid : (parcel, time); day : (time,), in any order
    """
    until = np.float32(day.max(initial=-np.inf))
    return np.asarray(np.minimum(last_clear_day(valid, day) + SEEN_DAYS, until), dtype=np.float32)
