"""The crop map as a CSV table: what is known of the parcels, without their outlines."""

from pathlib import Path

import pandas as pd

from cropxai.errors import PathLike
from cropxai.maps.attributes import typed_parcels
from cropxai.maps.contents import MapContents
from cropxai.outputs import replacing


def write_table(path: PathLike, contents: MapContents, overwrite: bool = False) -> Path:
    """Write the attributes of the parcels to a CSV file (UTF-8, RFC 4180), whole or not at all.

    Raises
    ------
    OutputExists, OutputUnwritable
    """
    frame, _ = typed_parcels(contents.parcels)
    with replacing(path, overwrite) as part:
        pd.DataFrame(frame.drop(columns="geometry")).to_csv(part, index=False)
    return Path(path)
