# make demo: environment, then the main job on sample_data.   make test: environment, then all checks and tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
QGIS_PACKAGES := qgis python3-qgis qgis-providers gdal-bin python3-gdal xvfb

.PHONY: demo test qgis plugin lock weights sample clean

demo: $(VENV)/.installed
	mkdir -p demo
	$(BIN)/cropxai map sample_data/parcels.shp sample_data/scenes -o demo/crops.gpkg --label-field crop --overwrite
	@echo "The map: $(CURDIR)/demo/crops.gpkg (open it in QGIS; it brings its style)"

test: $(VENV)/.installed qgis
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cropxai needs Python 3.11 or newer: make PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# QGIS, a screen for its desktop (Xvfb) and GDAL's own scripts come from Debian; where they cannot be installed, their tests say that they skip.
qgis:
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && ! [ -x /usr/bin/qgis_process.bin -a -x /usr/bin/Xvfb ]; then \
		echo "installing QGIS for its tests"; \
		(apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			$(QGIS_PACKAGES)) >/dev/null || echo "QGIS could not be installed"; \
	fi

# The zip for plugins.qgis.org in dist/, checked by its rules; with bandit and detect-secrets where they are installed.
plugin:
	$(PYTHON) qgis_plugin/package.py -o dist

# Exact versions of everything, for pip; the build of torch is left to the index that pip is given.
lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet torch==2.13.0
	.venv-lock/bin/python -m pip install --quiet .[dev]
	.venv-lock/bin/python -m pip freeze --exclude cropxai | sed 's/+cpu$$//' > requirements.lock
	rm -rf .venv-lock

# How sample_data and the shipped weights were made; training takes ten minutes on one core.
sample: $(VENV)/.installed
	$(BIN)/cropxai simulate scenes -o sample_data --parcels 150 --size 216 --year 2018 --dates 28 --cloudiness 0.45 --seed 7 --overwrite

EUROPE = --country Austria,Denmark,Slovenia,Bavaria,Flanders --regions 45 --balance 0.3 --hardness 1 \
	--weather 2015,2016,2017,2018,2019,2020,2021,2022,2023 --year 2019
TRAINING = --average 0.99 --late-start 0.15 --growing-season 0.4 --gain 0.1 --shift 6 --clouds 0.5

weights: $(VENV)/.installed
	$(BIN)/cropxai simulate country -o $(VENV)/l2a.zarr --parcels 18000 $(EUROPE) --orbits 1 --cloudiness 0.45 \
		--bands B02,B03,B04,B05,B06,B07,B08,B8A,B11,B12 --seed 11 --overwrite
	$(BIN)/cropxai train $(VENV)/l2a.zarr -o cropxai/model/pretrained/europe-l2a --steps 2600 $(TRAINING) --overwrite
	$(BIN)/cropxai simulate country -o $(VENV)/l1c.zarr --parcels 14000 $(EUROPE) --level L1C --classes tinyeurocrops \
		--cloudiness 0.4 --seed 12 --overwrite
	$(BIN)/cropxai train $(VENV)/l1c.zarr -o cropxai/model/pretrained/europe-l1c --steps 2000 $(TRAINING) --overwrite

clean:
	rm -rf $(VENV) demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
