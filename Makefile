# make audit: do the published numbers hold together?   make reproduce: everything from data to report.   make test: the tests.
# Each creates .venv when it is missing; the audit installs only what it needs.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: audit reproduce test lint
.DELETE_ON_ERROR:

audit: .venv/audit
	python -m stages audit

reproduce: .venv/installed
	dvc repro
	python -m stages compare

test: .venv/installed
	pytest --numprocesses 2 --dist loadgroup

lint: .venv/installed
	ruff check stages tests
	ruff format --check stages tests
	pyright

.venv/audit: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/installed: .venv/audit
	.venv/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[study,test]"
	touch $@
