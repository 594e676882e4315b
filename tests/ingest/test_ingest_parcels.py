import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from cropxai.errors import DuplicateParcels, ParcelsSetAside, ParcelsUnreadable, UnknownField
from cropxai.ingest import read_parcels

BOXES = [box(500_000 + 40 * i, 5_599_900, 500_030 + 40 * i, 5_599_930) for i in range(3)]


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".geojson", ".fgb", ".parquet"])
def test_formats_and_non_ascii_names(tmp_path, vector, suffix):
    crs = "EPSG:4326" if suffix == ".geojson" else "EPSG:32631"
    shapes = list(gpd.GeoSeries(BOXES, crs="EPSG:32631").to_crs(crs))
    path = vector(tmp_path / "Äcker żółć" / f"Flächen{suffix}", shapes, crs=crs, Schlag=["ä", "ß", "ж"], n=[1, 2, 3])
    parcels = read_parcels(path, id_field="Schlag", label_field="schlag")
    assert sorted(parcels.parcel_id) == ["ß", "ä", "ж"]  # FlatGeobuf orders rows in space
    assert parcels.crop == parcels.parcel_id
    assert parcels.frame.crs == crs
    assert parcels.status == ["", "", ""]
    assert set(parcels.frame.columns) == {"Schlag", "n", "geometry"}


def test_default_identifiers(tmp_path, vector):
    assert read_parcels(vector(tmp_path / "a.gpkg", BOXES, ID=[7, 8, 9])).parcel_id == ["7", "8", "9"]
    both = vector(tmp_path / "b.gpkg", BOXES, id=[7, 8, 9], Parcel_ID=["x", "y", "z"])
    assert read_parcels(both).parcel_id == ["x", "y", "z"]
    assert read_parcels(both, id_field="FID").parcel_id == ["1", "2", "3"]
    assert read_parcels(vector(tmp_path / "c.gpkg", BOXES, name=["x", "y", "z"])).parcel_id == ["1", "2", "3"]


def test_whole_numbers_are_written_whole(tmp_path, vector):
    path = vector(tmp_path / "a.gpkg", BOXES, id=[7.0, 8.5, 9.0], crop=[9120.0, np.nan, 5.0])
    parcels = read_parcels(path, label_field="crop")
    assert parcels.parcel_id == ["7", "8.5", "9"]
    assert parcels.crop == ["9120", "", "5"]


def test_missing_labels_are_empty(tmp_path, vector):
    path = vector(tmp_path / "a.parquet", BOXES, crop=pd.array(["maize", None, pd.NA], dtype="string"))
    assert read_parcels(path, label_field="crop").crop == ["maize", "", ""]


def test_duplicate_identifiers(tmp_path, vector):
    path = vector(tmp_path / "a.gpkg", BOXES, id=[7, 8, 7])
    with pytest.raises(DuplicateParcels, match=r"a\.gpkg: field 'id' is not unique \(repeated: '7'\).*--id-field FID"):
        read_parcels(path)


def test_empty_identifiers(tmp_path, vector):
    path = vector(tmp_path / "a.gpkg", BOXES, id=["a", None, " "])
    with pytest.raises(ParcelsUnreadable, match=r"field 'id' is empty in row '2', '3'; fill it.*--id-field"):
        read_parcels(path)


def test_unknown_field_cut_by_the_shapefile(tmp_path, vector):
    path = vector(tmp_path / "a.shp", BOXES, crop_code_=[1, 2, 3])
    with pytest.raises(UnknownField, match=r"a\.shp: no field 'crop_code_2018' .*10 characters: 'crop_code_'\?"):
        read_parcels(path, label_field="crop_code_2018")
    with pytest.raises(UnknownField, match=r"a\.shp: no field 'kulturart'; --label-field takes one of 'crop_code_'"):
        read_parcels(path, label_field="kulturart")


def test_layers(tmp_path):
    path = tmp_path / "a.gpkg"
    for n, layer in enumerate(("fields", "orchards"), start=1):
        gpd.GeoDataFrame(geometry=BOXES[:n], crs="EPSG:32631").to_file(path, layer=layer)
    assert len(read_parcels(path)) == 1
    assert len(read_parcels(path, layer="orchards")) == 2
    with pytest.raises(ParcelsUnreadable, match="no layer 'woods'; --layer takes one of 'fields', 'orchards'"):
        read_parcels(path, layer="woods")


def test_geometry_is_made_flat_valid_and_polygonal(tmp_path, vector):
    high = Polygon([(0, 0, 5), (30, 0, 5), (30, 30, 5), (0, 30, 5)])
    bow_tie = Polygon([(0, 0), (30, 30), (30, 0), (0, 30)])
    spiked = Polygon([(0, 0), (30, 0), (30, 30), (60, 60), (30, 30), (0, 30)])
    mixed = GeometryCollection([box(0, 0, 10, 10), Point(3, 3)])
    several = MultiPolygon([box(0, 0, 10, 10), box(20, 20, 30, 30)])
    path = vector(tmp_path / "a.parquet", [high, bow_tie, spiked, mixed, several], id=list("abcde"))
    with pytest.warns(ParcelsSetAside, match=r"3 parcels: geometry mended \('b', 'c', 'd'\)"):
        parcels = read_parcels(path)
    shapes = parcels.frame.geometry
    assert parcels.status == [""] * 5
    assert not shapes.has_z.any()
    assert shapes.is_valid.all()
    assert list(shapes.area) == [900, 450, 900, 100, 200]
    assert set(shapes.geom_type) == {"Polygon", "MultiPolygon"}


def test_rows_without_a_polygon_stay_and_say_why(tmp_path, vector):
    flat = Polygon([(0, 0), (30, 0), (0, 0)])
    path = vector(tmp_path / "a.parquet", [None, Polygon(), Point(1, 1), LineString([(0, 0), (1, 1)]), flat, BOXES[0]])
    parcels = read_parcels(path)
    assert parcels.status == [
        "no geometry",
        "no geometry",
        "not a polygon but a Point",
        "not a polygon but a LineString",
        "a polygon without area",
        "",
    ]
    lon, lat = parcels.places()
    assert np.isnan(lon[:5]).all()
    np.testing.assert_allclose([lon[5], lat[5]], [3.0002, 50.5521], atol=2e-3)


@pytest.mark.parametrize(
    ("geometry", "said"),
    [
        ([Point(1, 1)], "not a polygon but a Point"),
        ([LineString([(0, 0), (1, 1)])], "a LineString"),
        ([None], "no geo"),
    ],
)
def test_a_file_without_polygons(tmp_path, vector, geometry, said):
    with pytest.raises(ParcelsUnreadable, match=rf"a\.parquet: holds no polygon \(.*{said}.*parcels must be polygons"):
        read_parcels(vector(tmp_path / "a.parquet", geometry))


def test_files_that_are_no_parcels(tmp_path, vector):
    with pytest.raises(ParcelsUnreadable, match=r"absent\.gpkg: no such file"):
        read_parcels(tmp_path / "absent.gpkg")
    for name in ("noise.gpkg", "noise.parquet", "noise.shp"):
        (tmp_path / name).write_bytes(b"\0noise" * 50)
        with pytest.raises(ParcelsUnreadable, match=rf"{name}: cannot be read as parcels .*export or copy it again"):
            read_parcels(tmp_path / name)
    with pytest.raises(ParcelsUnreadable, match=r"e\.gpkg: holds no parcel"):
        read_parcels(vector(tmp_path / "e.gpkg", []))
    with pytest.raises(ParcelsUnreadable, match=r"n\.shp: has no coordinate reference system; add its \.prj"):
        read_parcels(vector(tmp_path / "n.shp", BOXES, crs=None))


def test_the_hash_knows_geometry_and_identifiers(tmp_path, vector):
    first = read_parcels(vector(tmp_path / "a.gpkg", BOXES, id=[1, 2, 3]))
    same = read_parcels(vector(tmp_path / "b.parquet", BOXES, id=[1, 2, 3]))
    other = read_parcels(vector(tmp_path / "c.gpkg", BOXES[::-1], id=[1, 2, 3]))
    assert first.hash == same.hash != other.hash
