# Everything a newcomer types. `make help` lists it.
PYTHON ?= python3
BIN := .venv/bin
RUN = $(BIN)/python -m

# what another system lacks are names of Python's own library: for it, no other library but numpy is read again
NAMES_ALONE := --follow-imports skip --no-warn-unreachable --no-warn-return-any --no-warn-unused-ignores \
	--allow-subclassing-any --allow-untyped-decorators --disable-error-code has-type

.DEFAULT_GOAL := help
.PHONY: help setup demo train model test test-slow test-robustness test-browser test-qgis lint format docs wheel tensorboard clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: .venv/installed ## create .venv and install everything at pinned versions

# torch first: with its pin, pip takes the machine's CPU build if there is one, instead of gigabytes of CUDA packages
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info[:2] < (3, 14), "Python 3.11 to 3.13 is needed: make PYTHON=python3.12 ..."'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: setup ## generate chips, train a small U-Net, score it, map a whole scene (5 minutes on 2 cores)
	$(RUN) seep_lightning.train experiment=demo
	run=$$(ls -d outputs/demo/*/ | tail -n 1) && \
		data=$$($(BIN)/python -c 'import json, sys; print(json.load(open(sys.argv[1]))["data"]["root"])' $${run}summary.json) && \
		$(RUN) seep_lightning.predict run=$$run input="$$data/scenes/900008.tif" output=$${run}maps picture=true

train: setup ## train the default recipe; ARGS="data=chips data.root=DIR ..." for your own chips
	$(RUN) seep_lightning.train $(ARGS)

model: setup ## train the network in the package: on generated chips, five folds that measure the recipe, then the network (needs SEEP_DATA_ROOT; 2 to 6 hours; if stopped, give the same command again)
	test -d "$$SEEP_DATA_ROOT" # the folder of the real chips
	$(RUN) seep_lightning.train experiment=generated ckpt=last hydra.run.dir=outputs/model/generated $(ARGS)
	$(RUN) seep_lightning.evaluate run=outputs/model/generated part=all data.root="$$SEEP_DATA_ROOT" name=real overwrite=true
	$(RUN) seep_lightning.export run=outputs/model/generated format=torch overwrite=true \
		output=src/seep_lightning/weights/generated.pt
	$(RUN) seep_lightning.train -m experiment=seeps split=kfold split.fold=0,1,2,3,4 test=false hydra.sweep.dir=outputs/model/folds $(ARGS)
	$(BIN)/python benchmarks/accuracy/pool.py outputs/model/folds
	$(RUN) seep_lightning.train experiment=seeps ckpt=last hydra.run.dir=outputs/model/first $(ARGS)
	$(RUN) seep_lightning.train experiment=seeps ckpt=last hydra.run.dir=outputs/model/network init=outputs/model/first \
		seed=4 split.val=0.03 split.test=0.03 $(ARGS)
	$(BIN)/python benchmarks/accuracy/card.py outputs/model

test: setup ## run all quick tests
	$(RUN) pytest -n 2 --dist worksteal -m "not slow and not browser and not qgis and not robustness"

test-slow: setup ## run the tests that take minutes: killed and resumed runs, a wheel in an empty environment
	$(RUN) pytest -n 2 --dist worksteal -m "slow and not browser and not qgis and not robustness"

test-robustness: setup ## give every verb 3,000 damaged, wrong and odd inputs (an hour or more; not in CI, which tries a sample)
	$(RUN) pytest -m robustness

test-browser: setup ## test TensorBoard and reports in headless Chromium (apt-get install chromium)
	$(RUN) pytest -m browser

test-qgis: setup ## test the Processing scripts and styles in QGIS (apt-get install --no-install-recommends qgis python3-qgis qgis-providers)
	$(RUN) pytest -m qgis

lint: setup ## check with ruff (lint, format), mypy and import-linter (the layers of the package)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	for system in win32 darwin; do $(BIN)/mypy --platform $$system $(NAMES_ALONE) --cache-dir .mypy_cache/$$system || exit 1; done
	$(BIN)/lint-imports

format: setup ## fix lint and format the code with ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# the site's tools are no part of `dev`: only who builds the site gets them
.venv/docs-installed: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@

docs: .venv/docs-installed ## build the documentation site in build/site/html; a dead link is an error
	$(BIN)/python docs/site/stage.py build/site
	$(BIN)/zensical build --strict --config-file build/site/zensical.toml

wheel: setup ## build dist/*.whl, with conf/ in it
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

tensorboard: setup ## show the curves of everything under outputs/
	$(RUN) seep_lightning.tensorboard

clean: ## remove caches and built files; outputs/ stays
	rm -rf dist build .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
