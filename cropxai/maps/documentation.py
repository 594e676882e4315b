"""What a map says of itself: its columns, their permitted values, and its metadata, where GIS programs look for them.

GeoPackage extensions gpkg_schema and gpkg_metadata (OGC 12-128r15, annexes F.9 and F.8).
"""

import sqlite3
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from cropxai.maps import columns
from cropxai.maps.symbology import clean

#: Whose schema the metadata follows: QGIS reads title and abstract of a layer from it.
QGIS_METADATA = "http://mrcc.com/qgis.dtd"

ABSTRACT = {
    "parcels": "Crop of every parcel, how sure, which dates decided, and from which date it is known.",
    "relevance_by_date": "Relevance of every date for the crop of a parcel, to be stepped through in time.",
}


def document(database: sqlite3.Connection, run: Mapping[str, object]) -> None:
    """Describe columns and layers in the file itself."""
    _describe_columns(database)
    _describe_layers(database, str(run.get("software", "cropxai")))


def _describe_columns(database: sqlite3.Connection) -> None:
    database.execute(
        "CREATE TABLE gpkg_data_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, "
        "description TEXT, mime_type TEXT, constraint_name TEXT, "
        "CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name), CONSTRAINT gdc_tn UNIQUE (table_name, name))"
    )
    database.execute(
        "CREATE TABLE gpkg_data_column_constraints (constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, "
        "value TEXT, min NUMERIC, min_is_inclusive BOOLEAN, max NUMERIC, max_is_inclusive BOOLEAN, description TEXT, "
        "CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value))"
    )
    _extension(database, ("gpkg_data_columns", "gpkg_data_column_constraints"), "schema")
    there = {table: columns.written(database, table) for table in columns.TABLES}
    database.executemany(
        "INSERT INTO gpkg_data_columns (table_name, column_name, name, title, description) VALUES (?, ?, ?, ?, ?)",
        [
            (table, c.name, c.alias, c.alias, c.description)
            for table, described in columns.TABLES.items()
            for c in described
            if c.name in there[table]
        ],
    )


def _describe_layers(database: sqlite3.Connection, software: str) -> None:
    database.execute(
        "CREATE TABLE gpkg_metadata (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, md_scope TEXT NOT NULL DEFAULT "
        "'dataset', md_standard_uri TEXT NOT NULL, mime_type TEXT NOT NULL DEFAULT 'text/xml', "
        "metadata TEXT NOT NULL DEFAULT '')"
    )
    database.execute(
        "CREATE TABLE gpkg_metadata_reference (reference_scope TEXT NOT NULL, table_name TEXT, column_name TEXT, "
        "row_id_value INTEGER, timestamp DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')), "
        "md_file_id INTEGER NOT NULL, md_parent_id INTEGER, "
        "CONSTRAINT crmr_mfi_fk FOREIGN KEY (md_file_id) REFERENCES gpkg_metadata (id), "
        "CONSTRAINT crmr_mpi_fk FOREIGN KEY (md_parent_id) REFERENCES gpkg_metadata (id))"
    )
    _extension(database, ("gpkg_metadata", "gpkg_metadata_reference"), "metadata")
    for table, abstract in ABSTRACT.items():
        title = database.execute("SELECT identifier FROM gpkg_contents WHERE table_name = ?", (table,)).fetchone()[0]
        row = database.execute(
            "INSERT INTO gpkg_metadata (md_standard_uri, metadata) VALUES (?, ?)",
            (QGIS_METADATA, _metadata(title, abstract, software)),
        ).lastrowid
        database.execute(
            "INSERT INTO gpkg_metadata_reference (reference_scope, table_name, md_file_id) VALUES ('table', ?, ?)",
            (table, row),
        )


def _metadata(title: str, abstract: str, software: str) -> str:
    root = ET.Element("qgis")
    for name, text in (
        ("type", "dataset"),
        ("title", title),
        ("abstract", abstract),
        ("history", f"Made by {software}."),
    ):
        ET.SubElement(root, name).text = clean(text)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>" + ET.tostring(root, encoding="unicode")


def _extension(database: sqlite3.Connection, tables: tuple[str, ...], name: str) -> None:
    definition = f"http://www.geopackage.org/spec121/#extension_{name}"
    database.executemany(
        "INSERT INTO gpkg_extensions (table_name, column_name, extension_name, definition, scope) VALUES "
        "(?, NULL, ?, ?, 'read-write')",
        [(table, f"gpkg_{name}", definition) for table in tables],
    )
