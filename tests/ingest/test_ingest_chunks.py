import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from cropxai.errors import TooManyPixels
from cropxai.ingest import chunks
from cropxai.ingest.chunks import lay_out
from cropxai.ingest.runs import runs_of
from cropxai.ingest.scenes import Grid

PLAIN = Affine(1, 0, 0, 0, 1, 0)


def laid_out(boxes, width, height, block, layers=1):
    shapes = np.array([box(*corners) for corners in boxes], dtype=object)
    grid = Grid("", PLAIN, width, height)
    runs, _ = runs_of(shapes, np.ones(len(shapes), dtype=bool), grid)
    return lay_out(runs, grid, block, layers)


def pixels_by_parcel(layout, width, height):
    """Read the numbers of the pixels through the chunks, and put together which each parcel gets."""
    raster = np.arange(width * height).reshape(height, width)
    kept = np.full(layout.kept_pixels, -1)
    found = {}

    def take(pixels, groups):
        for g, member in enumerate(groups.member):
            assert member not in found
            runs = range(groups.ptr[g], groups.ptr[g + 1])
            found[member] = sorted(p for r in runs for p in pixels[groups.start[r] :][: groups.length[r]])

    for chunk in layout.chunks:
        w = chunk.window
        pixels = raster[w.row_off : w.row_off + w.height, w.col_off : w.col_off + w.width].ravel()
        assert len(pixels) == w.height * w.width
        take(pixels, chunk.groups)
        for start, length, target in zip(chunk.start, chunk.length, chunk.target, strict=True):
            assert (kept[target : target + length] == -1).all()
            kept[target : target + length] = pixels[start : start + length]
    take(kept, layout.kept)
    return found


@st.composite
def boxes(draw):
    corners = draw(st.lists(st.tuples(*[st.integers(0, 30)] * 4), min_size=1, max_size=8))
    return [(min(a, c), min(b, d), max(a, c) + 1, max(b, d) + 1) for a, b, c, d in corners]


@settings(max_examples=150, deadline=None)
@given(
    boxes=boxes(),
    block=st.sampled_from([(1, 31), (3, 31), (4, 4), (8, 16), (64, 64)]),
    layers=st.integers(1, 3),
    most=st.sampled_from([1, 40, 200, 1 << 20]),
)
def test_every_parcel_gets_its_pixels_from_blocks_read_once(boxes, block, layers, most):
    width, height = 31, 31
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "CHUNK_PIXELS", most)
        layout = laid_out(boxes, width, height, block, layers)
    found = pixels_by_parcel(layout, width, height)
    raster = np.arange(width * height).reshape(height, width)
    for member, (left, top, right, bottom) in enumerate(boxes):
        assert found[member] == sorted(raster[top:bottom, left:right].ravel())
    read = np.zeros((height, width), dtype=int)
    for chunk in layout.chunks:
        w = chunk.window
        assert w.row_off % block[0] == 0 and w.col_off % block[1] == 0
        assert (w.row_off + w.height) % block[0] == 0 or w.row_off + w.height == height
        assert (w.col_off + w.width) % block[1] == 0 or w.col_off + w.width == width
        one_block = min(block[0], height) * min(block[1], width)
        assert w.height * w.width * layers <= max(most, one_block * layers)
        read[w.row_off : w.row_off + w.height, w.col_off : w.col_off + w.width] += 1
    assert read.max() == 1


def test_blocks_without_a_parcel_are_not_read():
    layout = laid_out([(2, 2, 5, 5), (70, 90, 80, 99)], 100, 100, (16, 16))
    windows = [(c.window.row_off, c.window.col_off, c.window.height, c.window.width) for c in layout.chunks]
    assert windows == [(0, 0, 100, 80)]  # low blocks are read together, but for the columns behind
    layout = laid_out([(2, 2, 5, 5), (70, 700, 80, 709)], 100, 1000, (256, 256))
    assert [(c.window.row_off, c.window.height) for c in layout.chunks] == [(0, 256), (512, 256)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "CHUNK_PIXELS", 16 * 100)
        layout = laid_out([(2, 2, 5, 5), (70, 90, 80, 99)], 100, 100, (16, 16))
    windows = [(c.window.row_off, c.window.col_off, c.window.height, c.window.width) for c in layout.chunks]
    assert windows == [(0, 0, 16, 16), (80, 64, 16, 16), (96, 64, 4, 16)]


def test_only_parcels_across_chunks_are_kept():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "CHUNK_PIXELS", 16 * 100)
        layout = laid_out([(2, 2, 5, 5), (2, 14, 5, 18), (10, 20, 20, 30)], 100, 100, (16, 16))
    assert list(layout.kept.member) == [1]
    assert layout.kept_pixels == 12


def test_more_pixels_than_can_be_kept_are_refused(monkeypatch):
    across = [(1, 1, 5, 5)]  # 16 pixels on four blocks
    assert laid_out(across, 6, 6, (3, 3), 1 << 21).kept_pixels == 16
    monkeypatch.setattr(chunks, "MOST_PIXELS", 15)
    with pytest.raises(TooManyPixels, match="have 16 pixels.*fewer parcels at a time"):
        laid_out(across, 6, 6, (3, 3), 1 << 21)
