# make audit: do the published numbers hold together?   make quick: three tables in a few minutes.
# make reproduce: every table, from data to report.   make test: the tests.
# Each creates .venv when it is missing; the audit installs only what it needs.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: audit quick reproduce test lint
.DELETE_ON_ERROR:

audit: .venv/audit
	python -m stages audit

quick: .venv/installed
	cd studies/quick && python -m stages grid
	@echo "the page: studies/quick/reports/report.html"

reproduce: .venv/installed
	python -m stages grid
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
