"""Rasters and parcels on disk, made to order."""

from collections.abc import Callable, Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine

from cropxai.cli.main import main

UTM31 = "EPSG:32631"
TRANSFORM = Affine(10, 0, 500_000, 0, -10, 5_600_000)


@pytest.fixture
def raster() -> Callable[..., Path]:
    """Write a GeoTIFF from a mapping of band description to (row, column) values."""

    def write(
        path: Path,
        bands: Mapping[str, np.ndarray],
        *,
        crs: str | None = UTM31,
        transform: Affine = TRANSFORM,
        nodata: float | None = 0,
        tags: Mapping[str, str] | None = None,
        scaling: tuple[float, float] | None = None,
        **profile: object,
    ) -> Path:
        layers = list(bands.values())
        height, width = layers[0].shape
        path.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=width,
            height=height,
            count=len(layers),
            dtype=layers[0].dtype,
            crs=crs,
            transform=transform,
            nodata=nodata,
            **profile,
        ) as dataset:
            for index, (name, values) in enumerate(bands.items(), start=1):
                dataset.write(values, index)
                dataset.set_band_description(index, name)
            dataset.update_tags(**(tags or {}))
            if scaling is not None:
                dataset.scales = [scaling[0]] * len(layers)
                dataset.offsets = [scaling[1]] * len(layers)
        return path

    return write


@pytest.fixture
def vector() -> Callable[..., Path]:
    """Write parcels from geometries and columns."""

    def write(path: Path, geometry: list, *, crs: str | None = UTM31, **columns: list) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        frame = gpd.GeoDataFrame(columns, geometry=geometry, crs=crs)
        if path.suffix == ".parquet":
            frame.to_parquet(path)
        else:
            frame.to_file(path)
        return path

    return write


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process: exit code, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run
