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

# How sample_data and the shipped weights were made; training takes about 20 minutes on one core.
sample: $(VENV)/.installed
	$(BIN)/cropxai simulate scenes -o sample_data --parcels 80 --size 160 --year 2018 --dates 28 --cloudiness 0.45 --seed 7 --overwrite

weights: $(VENV)/.installed
	$(BIN)/cropxai simulate country -o $(VENV)/simulated.zarr --parcels 20000 --year 2019 --regions 32 --seed 11 \
		--bands B02,B03,B04,B05,B06,B07,B08,B8A,B11,B12 --overwrite
	$(BIN)/cropxai train $(VENV)/simulated.zarr -o cropxai/model/pretrained/central-europe-l2a --steps 7000 \
		--gain 0.08 --shift 5 --overwrite

clean:
	rm -rf $(VENV) demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
