"""Rules of measuring from end to end: what they do to a series, what its status says, and what is refused."""

import numpy as np
import pytest
import rasterio
from shapely.geometry import box

from cropxai.errors import ParcelsTooSmall, RulesUnusable
from cropxai.ingest import extract_series
from cropxai.ingest.rules import Rules
from cropxai.series import CropSeries

X, Y = 500_000, 5_600_000
NAMES = ("B02", "B08")


def at(left, top, right, bottom):
    return box(X + 10 * left, Y - 10 * bottom, X + 10 * right, Y - 10 * top)


FIELDS = [at(1, 1, 6, 5), at(8.6, 1.1, 11.4, 3.9), at(12, 1, 13.6, 9), at(1.6, 8.6, 2.4, 9.4), at(17, 12, 23, 17)]


@pytest.fixture
def fields(tmp_path, vector):
    return vector(tmp_path / "fields.gpkg", FIELDS, id=list("abcde"))


@pytest.fixture
def images(tmp_path, raster):
    rng = np.random.default_rng(3)
    for day in (5, 12):
        bands = {name: rng.integers(1, 9000, (15, 20)).astype(np.uint16) for name in NAMES}
        scl = np.where(rng.random((15, 20)) < 0.2, 9, 4).astype(np.uint16)
        raster(tmp_path / "s2" / f"L2A_31UDS_201805{day:02}.tif", {**bands, "SCL": scl}, tags={"BOA_ADD_OFFSET": "0"})
    return tmp_path / "s2"


def test_a_buffer_and_its_status(fields, images):
    series = extract_series(fields, images, buffer=12, min_clear=0)
    shrunk = extract_series(fields, images, min_clear=0)
    assert list(series.status) == [
        "",
        "no pixel centre inside the buffer of 12 m: area 16 m2, pixel 10 m",
        "nothing of it left inside the buffer",
        "nothing of it left inside the buffer",
        "",
    ]
    assert np.isnan(series.reflectance[1:4]).all()
    assert (series.dataset["valid_pixels"][0] < shrunk.dataset["valid_pixels"][0]).all()
    assert series.dataset.attrs["buffer"] == 12
    with pytest.raises(ParcelsTooSmall, match=r"fields\.gpkg: nothing of it left inside the buffer \(all parcels\)"):
        extract_series(fields, images, buffer=60)


@pytest.mark.parametrize("rule", ["centre", "exact"])
def test_parcels_of_few_pixels_say_so(fields, images, rule):
    series = extract_series(fields, images, min_pixels=10, pixel_rule=rule, min_clear=0)
    whole = extract_series(fields, images, pixel_rule=rule, min_clear=0)
    pixels = {"centre": ("6", "16"), "exact": ("7.84", "12.8")}[rule]
    small = (
        "no pixel centre inside: area 64 m2, pixel 10 m"
        if rule == "centre"
        else "too few pixels: 0.64, --min-pixels 10"
    )
    assert list(series.status) == ["", f"too few pixels: {pixels[0]}, --min-pixels 10", "", small, ""]
    with pytest.raises(ParcelsTooSmall, match=r"fields\.gpkg: fewer pixels than --min-pixels 99 \(all parcels\)"):
        extract_series(fields, images, min_pixels=99, pixel_rule=rule)
    np.testing.assert_array_equal(series.reflectance[[0, 2, 4]], whole.reflectance[[0, 2, 4]])
    assert np.isnan(series.reflectance[[1, 3]]).all()
    assert (series.dataset["valid_pixels"].values[[1, 3]] == 0).all()


def test_exact_counts_areas(fields, images):
    series = extract_series(fields, images, pixel_rule="exact", min_clear=0)
    with rasterio.open(images / "L2A_31UDS_20180505.tif") as dataset:
        clear = dataset.read(3) == 4
    for p, shape in enumerate(FIELDS):
        areas = [
            [shape.intersection(at(column, row, column + 1, row + 1)).area / 100 for column in range(20)]
            for row in range(15)
        ]
        share = (np.array(areas) * clear).sum()
        assert series.dataset["valid_pixels"].values[p, 0] == np.ceil(share - 1e-6)
        assert series.dataset["clear_fraction"].values[p, 0] == pytest.approx(share / (shape.area / 100), rel=1e-6)
    assert series.status[3] == ""  # it has no pixel centre, but 64 m2 of pixels
    assert series.dataset.attrs["pixel_rule"] == "exact"


def test_means_and_medians_of_a_series(fields, images):
    mean = extract_series(fields, images, statistic="mean", min_clear=0)
    with rasterio.open(images / "L2A_31UDS_20180505.tif") as dataset:
        stored, clear = dataset.read([1, 2]), dataset.read(3) == 4
    pixels = stored[:, 1:5, 1:6][:, clear[1:5, 1:6]]
    np.testing.assert_array_equal(mean.reflectance[0, 0], (pixels.mean(axis=1) / 10_000).astype(np.float32))
    assert (mean.dataset.attrs["statistic"], mean.dataset.attrs["pixel_rule"]) == ("mean", "centre")


def test_eurocropsml_from_end_to_end(tmp_path, raster, fields, images):
    nothing = {name: np.zeros((15, 20), dtype=np.uint16) for name in (*NAMES, "SCL")}
    raster(images / "L2A_31UDS_20180520.tif", nothing, scaling=(0.0001, -0.1))
    cloudy = {name: np.full((15, 20), 3000, dtype=np.uint16) for name in NAMES}
    raster(
        images / "L2A_31UDS_20180521.tif", {**cloudy, "SCL": np.full((15, 20), 9, np.uint16)}, scaling=(0.0001, -0.1)
    )
    series = extract_series(fields, images, pixel_rule="eurocropsml")
    assert len(series.dates) == 4
    assert list(series.status) == [""] * 5
    np.testing.assert_array_equal(series.reflectance[:, 2], 0)  # no data: 0
    np.testing.assert_array_equal(series.reflectance[3], 0)  # no pixel centre: 0
    np.testing.assert_array_equal(series.reflectance[[0, 1, 2, 4], 3], np.float32(0.3))  # clouds and offset stay
    assert "masked_classes" not in series.dataset.attrs
    assert np.isfinite(series.reflectance).all()
    kept = CropSeries.open(series.save(tmp_path / "out.zarr"))
    assert np.isfinite(kept.reflectance).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"buffer": -1}, "the buffer of -1 m is no distance inward"),
        ({"buffer": float("nan")}, "the buffer of nan m"),
        ({"min_pixels": -1}, "-1 pixels are no least number"),
        ({"pixel_rule": "all"}, "the pixel rule 'all' is unknown; --pixel-rule takes centre, exact or eurocropsml"),
        ({"statistic": "mode"}, "the statistic 'mode' is unknown; --statistic takes median or mean"),
        ({"pixel_rule": "eurocropsml", "buffer": 2}, "leaves no choice of masks"),
        ({"pixel_rule": "eurocropsml", "statistic": "mean"}, "leaves no choice of masks"),
        ({"pixel_rule": "eurocropsml", "masked_classes": ()}, "leaves no choice of masks"),
        ({"pixel_rule": "eurocropsml", "dilation": 10}, "leaves no choice of masks"),
    ],
)
def test_rules_that_cannot_be(wrong, said):
    with pytest.raises(RulesUnusable, match=said):
        Rules(**wrong)


def test_rules_on_the_command_line(tmp_path, command, fields, images):
    given = ("--pixel-rule", "exact", "--statistic", "mean", "--buffer", "2.5", "--min-pixels", "2")
    code, _, err = command("ingest", fields, images, "-o", tmp_path / "a.zarr", *given, "--plan-cache", tmp_path / "p")
    assert code == 0, err
    attrs = CropSeries.open(tmp_path / "a.zarr").dataset.attrs
    told = {"pixel_rule": "exact", "statistic": "mean", "buffer": 2.5, "min_pixels": 2}
    assert {name: attrs[name] for name in told} == told
    (plan,) = (tmp_path / "p").iterdir()
    made = plan.stat().st_mtime_ns
    assert command("ingest", fields, images, "-o", tmp_path / "b.zarr", *given, "--plan-cache", tmp_path / "p")[0] == 0
    assert plan.stat().st_mtime_ns == made
    for wrong in (("--buffer", "-1"), ("--min-pixels", "-1"), ("--pixel-rule", "all"), ("--statistic", "mode")):
        code, _, err = command("ingest", fields, images, "-o", tmp_path / "c.zarr", *wrong)
        assert code == 2 and wrong[0] in err
    for clash in (("--dn-offset", "0"), ("--buffer", "3")):
        arguments = ("ingest", fields, images, "-o", tmp_path / "c.zarr", "--pixel-rule", "eurocropsml", *clash)
        code, _, err = command(*arguments)
        assert (code, len(err.splitlines())) == (1, 1)
        assert "eurocropsml" in err
