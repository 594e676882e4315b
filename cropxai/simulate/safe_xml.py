"""Names and XML of SAFE products, as the Sentinel-2 Products Specification Document has them (PSD 12 and 14).

Left out of the XML is what no reader of reflectance needs: angles, spectral responses, quality reports.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rasterio.crs import CRS

from cropxai.bands import BANDS, QUANTIFICATION

#: Offset of products from baseline 04.00 on: stored DN = reflectance × 10 000 - offset.
OFFSET = -1000
RESOLUTIONS = (10, 20, 60)


@dataclass(frozen=True)
class SafeStyle:
    """How a product is written.

    Attributes
    ----------
    level : "L1C" or "L2A"
    baseline : processing baseline, "02.06" for example; from 04.00 on DN carry an offset
    naming : "compact" (one tile), or "old", as before December 2016 (any number of tiles)
    epsg : coordinate system of the tiles
    satellite : "A", "B" or "C"
    orbit : absolute orbit number
    processed : end of the processing, part of the names
    coarser : also the coarser copies of bands, as L2A has them of all but B08; they hold means
    """

    level: Literal["L1C", "L2A"] = "L2A"
    baseline: str = "05.09"
    naming: Literal["compact", "old"] = "compact"
    epsg: int = 32632
    satellite: str = "A"
    orbit: int = 15_000
    processed: dt.datetime = dt.datetime(2023, 12, 31, 12)
    coarser: bool = False

    @property
    def has_offset(self) -> bool:
        """Whether DN carry an offset."""
        return self.baseline >= "04.00"

    @property
    def checksum(self) -> str:
        """The checksum of the manifest, which changed with Collection 1."""
        return "SHA3-256" if self.baseline >= "05.00" else "MD5"

    @property
    def l2a_names(self) -> bool:
        """Whether elements bear the names of early L2A, most of them with "L2A_" before or "_2A" behind."""
        return self.level == "L2A" and self.baseline < "02.07"


@dataclass(frozen=True)
class Names:
    """The names in a product of some style whose datatake began at ``sensed`` (UTC)."""

    style: SafeStyle
    sensed: dt.datetime

    @property
    def compact(self) -> bool:
        """Whether the naming is the compact one."""
        return self.style.naming == "compact"

    @property
    def stamp(self) -> str:
        """Start of the datatake."""
        return f"{self.sensed:%Y%m%dT%H%M%S}"

    @property
    def product_xml(self) -> str:
        """The file that describes the product."""
        return f"MTD_MSI{self.style.level}.xml" if self.compact else f"{self._old('MTD_SAF')}.xml"

    def product(self, tile: str) -> str:
        """Return the folder of the product; of the compact naming, it holds the tile."""
        style = self.style
        if not self.compact:
            return f"{self._old('PRD_MSI')}.SAFE"
        number = style.baseline.replace(".", "")
        return f"S2{style.satellite}_MSI{style.level}_{self.stamp}_N{number}_R008_T{tile}_{self._processed}.SAFE"

    def identifier(self, tile: str) -> str:
        """Return the identifier of a granule."""
        return f"{self._granule(tile, 'MSI')}_N{self.style.baseline}"

    def folder(self, tile: str) -> str:
        """Return the folder of a granule."""
        if self.compact:
            return f"GRANULE/{self.style.level}_T{tile}_A{self.style.orbit:06}_{self.stamp}"
        return f"GRANULE/{self.identifier(tile)}"

    def tile_xml(self, tile: str) -> str:
        """Return the file that describes a granule."""
        return f"{self.folder(tile)}/" + ("MTD_TL.xml" if self.compact else f"{self._granule(tile, 'MTD')}.xml")

    def image(self, tile: str, layer: str, resolution: int) -> str:
        """Return the path of an image, without suffix; only L2A has folders and suffixes of resolutions."""
        within, end = (f"R{resolution}m/", f"_{resolution}m") if self.style.level == "L2A" else ("", "")
        if self.compact:
            start = "L2A_" if self.style.l2a_names else ""
            return f"{self.folder(tile)}/IMG_DATA/{within}{start}T{tile}_{self.stamp}_{layer}{end}"
        if layer == "SCL":
            return f"{self.folder(tile)}/IMG_DATA/{self._granule(tile, 'SCL')}{end}"
        return f"{self.folder(tile)}/IMG_DATA/{within}{self._granule(tile, 'MSI')}_{layer}{end}"

    @property
    def _processed(self) -> str:
        return f"{self.style.processed:%Y%m%dT%H%M%S}"

    @property
    def _owner(self) -> str:
        # L2A of the old naming was made by users.
        return f"S2{self.style.satellite}_{'USER' if self.style.level == 'L2A' else 'OPER'}"

    def _old(self, kind: str) -> str:
        return f"{self._owner}_{kind}{self.style.level}_PDMC_{self._processed}_R008_V{self.stamp}_{self.stamp}"

    def _granule(self, tile: str, kind: str) -> str:
        owner = f"S2{self.style.satellite}_OPER" if self.compact else self._owner
        return f"{owner}_{kind}_{self.style.level}_TL_SGS__{self._processed}_A{self.style.orbit:06}_T{tile}"


def product_xml(names: Names, tile: str, granules: Sequence[str]) -> str:
    """Return the XML of a product, without declaration.

    Parameters
    ----------
    names : Names
    tile : the first tile
    granules : the elements of its tiles, see :func:`granule_xml`
    """
    style = names.style
    level, own = style.level[1:], "L2A_" if style.l2a_names else ""
    uri = "PRODUCT_URI_2A" if style.l2a_names and names.compact else "PRODUCT_URI"
    time = f"{names.sensed:%Y-%m-%dT%H:%M:%S}.000Z"
    listing = "\n".join(granules)
    return f"""<n1:Level-{level}_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{level}.xsd">
  <n1:General_Info>
    <{own}Product_Info>
      <PRODUCT_START_TIME>{time}</PRODUCT_START_TIME>
      <PRODUCT_STOP_TIME>{time}</PRODUCT_STOP_TIME>
      <{uri}>{names.product(tile)}</{uri}>
      <PROCESSING_LEVEL>Level-{level}</PROCESSING_LEVEL>
      <PRODUCT_TYPE>S2MSI{level}</PRODUCT_TYPE>
      <PROCESSING_BASELINE>{style.baseline}</PROCESSING_BASELINE>
      <GENERATION_TIME>{style.processed:%Y-%m-%dT%H:%M:%S}.000000Z</GENERATION_TIME>
      <Datatake datatakeIdentifier="GS2{style.satellite}_{names.stamp}_{style.orbit:06}_N{style.baseline}">
        <SPACECRAFT_NAME>Sentinel-2{style.satellite}</SPACECRAFT_NAME>
        <DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE>
        <DATATAKE_SENSING_START>{time}</DATATAKE_SENSING_START>
        <SENSING_ORBIT_NUMBER>8</SENSING_ORBIT_NUMBER>
        <SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>
      </Datatake>
      {_query_xml(names)}
      <{own}Product_Organisation>
        <Granule_List>
{listing}
        </Granule_List>
      </{own}Product_Organisation>
    </{own}Product_Info>
    <{own}Product_Image_Characteristics>
      <Special_Values>
        <SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT>
        <SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX>
      </Special_Values>
      <Special_Values>
        <SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT>
        <SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX>
      </Special_Values>
      {_scaling_xml(style)}
    </{own}Product_Image_Characteristics>
  </n1:General_Info>
</n1:Level-{level}_User_Product>
"""


def granule_xml(names: Names, tile: str, images: Sequence[str]) -> str:
    """Return the element that lists the images of a tile, which are given by their paths without suffix."""
    style = names.style
    element = "Granule" if names.compact else "Granules"
    end = "_2A" if style.level == "L2A" and (style.l2a_names or not names.compact) else ""
    item = f"IMAGE_FILE{end}" if names.compact else f"IMAGE_ID{end}"
    listed = [image if names.compact else image.rpartition("/")[2] for image in images]
    lines = "\n".join(f"            <{item}>{image}</{item}>" for image in listed)
    return (
        f'          <{element} granuleIdentifier="{names.identifier(tile)}" imageFormat="JPEG2000">\n{lines}\n'
        f"          </{element}>"
    )


def _query_xml(names: Names) -> str:
    """Say what was asked for: a whole tile, or in the old naming, bands."""
    if names.compact:
        asked = "<PRODUCT_FORMAT>SAFE_COMPACT</PRODUCT_FORMAT>"
        return f'<Query_Options completeSingleTile="true">{asked}</Query_Options>'
    bands = "".join(f"<BAND_NAME>{band.name.replace('B0', 'B')}</BAND_NAME>" for band in BANDS)
    asked = f"<Band_List>{bands}</Band_List><PRODUCT_FORMAT>SAFE</PRODUCT_FORMAT>"
    return f"<Query_Options>{asked}</Query_Options>"


def _scaling_xml(style: SafeStyle) -> str:
    if style.level == "L1C":
        scaling = f'<QUANTIFICATION_VALUE unit="none">{QUANTIFICATION}</QUANTIFICATION_VALUE>'
    else:
        listing = "L1C_L2A_Quantification_Values_List" if style.l2a_names else "QUANTIFICATION_VALUES_LIST"
        value = "L2A_BOA_QUANTIFICATION_VALUE" if style.l2a_names else "BOA_QUANTIFICATION_VALUE"
        scaling = f'<{listing}><{value} unit="none">{QUANTIFICATION}</{value}></{listing}>'
    if not style.has_offset:
        return scaling
    listing, item = "BOA_ADD_OFFSET_VALUES_LIST", "BOA_ADD_OFFSET"
    if style.level == "L1C":
        listing, item = "Radiometric_Offset_List", "RADIO_ADD_OFFSET"
    offsets = "".join(f'<{item} band_id="{n}">{OFFSET}</{item}>' for n in range(len(BANDS)))
    return f"{scaling}\n      <{listing}>{offsets}</{listing}>"


def tile_xml(
    names: Names, tile: str, corner: tuple[float, float], shapes: Mapping[int, tuple[int, ...]], mask: str
) -> str:
    """Return the XML of a tile, without declaration.

    Parameters
    ----------
    names : Names
    tile : str
    corner : easting and northing (m) of the upper left corner
    shapes : rows and columns by resolution (m), of one at least
    mask : path of the cloud mask in the product, or ""
    """
    style = names.style
    level, own = style.level[1:], "_2A" if style.l2a_names else ""
    known = min(shapes)
    sizes = {n: shapes.get(n, tuple(side * known // n for side in shapes[known])) for n in RESOLUTIONS}
    geocoding = [
        f'<Size resolution="{n}"><NROWS>{rows}</NROWS><NCOLS>{columns}</NCOLS></Size>'
        for n, (rows, columns) in sizes.items()
    ]
    geocoding += [
        f'<Geoposition resolution="{n}"><ULX>{corner[0]:.0f}</ULX><ULY>{corner[1]:.0f}</ULY>'
        f"<XDIM>{n}</XDIM><YDIM>-{n}</YDIM></Geoposition>"
        for n in RESOLUTIONS
    ]
    lines = "\n      ".join(geocoding)
    listed = f'<MASK_FILENAME type="MSK_CLASSI">{mask}</MASK_FILENAME>' if mask else ""
    psd = f"https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-{level}_Tile_Metadata.xsd"
    return f"""<n1:Level-{level}_Tile_ID xmlns:n1="{psd}">
  <n1:General_Info>
    <TILE_ID{own} metadataLevel="Brief">{names.identifier(tile)}</TILE_ID{own}>
    <SENSING_TIME metadataLevel="Standard">{names.sensed:%Y-%m-%dT%H:%M:%S.%f}Z</SENSING_TIME>
  </n1:General_Info>
  <n1:Geometric_Info>
    <Tile_Geocoding metadataLevel="Brief">
      <HORIZONTAL_CS_NAME>{CRS.from_epsg(style.epsg).to_dict(projjson=True)["name"]}</HORIZONTAL_CS_NAME>
      <HORIZONTAL_CS_CODE>EPSG:{style.epsg}</HORIZONTAL_CS_CODE>
      {lines}
    </Tile_Geocoding>
  </n1:Geometric_Info>
  <n1:Quality_Indicators_Info metadataLevel="Standard">
    <Pixel_Level_QI geometry="FULL_RESOLUTION">{listed}</Pixel_Level_QI>
  </n1:Quality_Indicators_Info>
</n1:Level-{level}_Tile_ID>
"""


def manifest_xml(files: Mapping[str, tuple[int, str]], style: SafeStyle) -> str:
    """Return the manifest, without declaration, of files given by path, with size and digest."""
    listing = "\n".join(
        f'    <dataObject ID="File{number}"><byteStream mimeType="application/octet-stream" size="{size}">'
        f'<fileLocation locatorType="URL" href="./{path}"/>'
        f'<checksum checksumName="{style.checksum}">{digest}</checksum></byteStream></dataObject>'
        for number, (path, (size, digest)) in enumerate(files.items())
    )
    return f"""<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1" version="esa/safe/sentinel/1.1/sentinel-2/msi">
  <dataObjectSection>
{listing}
  </dataObjectSection>
</xfdu:XFDU>
"""
