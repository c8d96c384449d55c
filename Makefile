# make reproduce: everything from data to report.   make test: the tests.   Both create .venv when it is missing.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: reproduce test lint
.DELETE_ON_ERROR:

reproduce: .venv/installed
	dvc repro
	python -m stages compare

test: .venv/installed
	pytest --numprocesses 2 --dist loadgroup

lint: .venv/installed
	ruff check stages tests
	ruff format --check stages tests
	pyright

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[test]"
	touch $@
