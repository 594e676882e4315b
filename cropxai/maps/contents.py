"""What goes on a map, whatever its format: the value between the stages that find it and the files that hold it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd


@dataclass(frozen=True)
class RelevanceBlock:
    """The relevance of some parcels that follow each other on the map, and their reflectance.

    Attributes
    ----------
    first : position of the first of them, from 0
    total : (parcel, time) float, of whole dates, in the order of the map's dates; NaN where the parcel was not seen
    groups : (parcel, time, group) float, in the order of `cropxai.bands.GROUPS`; NaN also in all of a group that the
        model does not read; None where relevance is not told apart by band
    reflectance : (parcel, time, column) float, 0 to 1, in the order of `cropxai.maps.columns.REFLECTANCE`, NaN where
        missing; None where the map is to hold none, in all blocks or in no block
    """

    first: int
    total: npt.NDArray[np.float32]
    groups: npt.NDArray[np.float32] | None = None
    reflectance: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class MapContents:
    """What goes on a map.

    Attributes
    ----------
    parcels : (parcel,) the results and the input's attributes, as :func:`cropxai.maps.attributes.join_attributes`
        gives them
    classes : (class,) the columns of `cropxai.maps.columns.CLASSES`
    run : how the map was made: inputs, hashes, versions, parameters, model card; what is not text becomes JSON
    dates : (time,) datetime64[D] of the season, to which the relevance belongs
    relevance : blocks of parcels in their order, each written before the next is asked for; None without relevance
    curves, season_ends, months : the columns of the tables of these names, empty where they were not worked out
    """

    parcels: gpd.GeoDataFrame
    classes: pd.DataFrame
    run: Mapping[str, object]
    dates: npt.NDArray[np.datetime64] = field(default_factory=lambda: np.empty(0, dtype="datetime64[D]"))
    relevance: Iterable[RelevanceBlock] | None = None
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)
    season_ends: pd.DataFrame = field(default_factory=pd.DataFrame)
    months: pd.DataFrame = field(default_factory=pd.DataFrame)
