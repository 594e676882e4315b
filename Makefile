# make demo: environment, then the main job on sample_data.   make test: environment, then all checks and tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
QGIS_PACKAGES := qgis python3-qgis qgis-providers gdal-bin python3-gdal xvfb

.PHONY: demo test qgis lock weights sample clean

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

# QGIS and GDAL's own scripts come from Debian; where they cannot be installed, their tests say that they skip.
qgis:
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && ! [ -x /usr/bin/qgis_process.bin ]; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(QGIS_PACKAGES) >/dev/null; \
	fi

# Exact versions of everything, for pip; the build of torch is left to the index that pip is given.
lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet torch==2.13.0
	.venv-lock/bin/python -m pip install --quiet .[dev]
	.venv-lock/bin/python -m pip freeze --exclude cropxai | sed 's/+cpu$$//' > requirements.lock
	rm -rf .venv-lock

clean:
	rm -rf $(VENV) demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
