"""Seasons cut at several days: what a network says of parcels when it has seen them up to there only."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cropxai.model.inputs import Inputs

#: Days between the nodes at which a season is cut.
NODE_DAYS = 15


@dataclass(frozen=True)
class Prefixes:
    """Parcels on cut seasons, one row a parcel and node at which it shows something new.

    Attributes
    ----------
    nodes : (node,) season days at which the season was cut, rising; the last is the last date
    node : (row,) number of the node
    parcel : (row,) number of the parcel
    end : (row,) float32, season day of the last clear date up to the node
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
    for node, before in zip(nodes, (-np.inf, *nodes[:-1]), strict=True):
        cut = inputs.within(last_day=float(node))
        end = last_clear_day(cut.valid, cut.day)
        new = np.flatnonzero(np.nan_to_num(end, nan=-np.inf) > before)
        rows.append((new, end[new], scored(cut.at(np.flatnonzero(cut.day <= node)).take(new))))
    parcel, ends, scores = (np.concatenate(column) for column in zip(*rows, strict=True))
    node_of = np.repeat(np.arange(len(nodes)), [len(row[0]) for row in rows])
    return Prefixes(nodes, node_of, parcel, ends, scores)


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
