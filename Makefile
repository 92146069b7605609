# The course's commands. Without make: see "Without make" in README.md.
PYTHON  ?= python3
VENV    ?= .venv
TRACK   ?= pytorch
PROFILE ?=
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PY := $(BIN)/python
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: help lab run test browser validate notebooks quizzes release bench lint clean
help:            ## these lines
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

$(VENV)/installed: requirements.txt constraints.txt pyproject.toml
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 14), f"the course needs Python 3.11 to 3.13; this is {sys.version.split()[0]}: make lab PYTHON=python3.12"'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --requirement requirements.txt --constraint constraints.txt --editable .
	@touch $@

$(VENV)/ready_for_tests: $(VENV)/installed tests/requirements.txt
	$(PY) -m pip install --quiet --requirement tests/requirements.txt --constraint constraints.txt
	@touch $@

lab: $(VENV)/installed            ## install what is missing and open JupyterLab at the first notebook
	$(BIN)/jupyter lab notebooks/00_start_here.ipynb

run: $(VENV)/installed            ## run one lesson without a screen: make run LESSON=02_vae TRACK=pytorch
	@test -n "$(LESSON)" || { echo "which lesson? for example: make run LESSON=02_vae TRACK=pytorch"; exit 2; }
	PROFILE=$(PROFILE) $(PY) notebooks/execute.py $(LESSON) --track $(TRACK)

test: $(VENV)/ready_for_tests lint            ## everything that must hold: code, lessons, exercises, every notebook once (15 to 20 minutes)
	$(PY) notebooks/build.py --check
	$(PY) -m pytest -n 2 --dist loadfile
	$(PY) notebooks/validate.py --solved --profile smoke --jobs 2

browser: $(VENV)/ready_for_tests            ## JupyterLab in Chromium as a student uses it, and the accessibility of every page (needs Chromium)
	$(PY) -m pytest tests/browser -n 2 --dist loadfile

lint: $(VENV)/installed
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet helpers notebooks tests images

validate: $(VENV)/installed            ## every notebook in the profile quick, with budgets and thresholds
	$(PY) notebooks/validate.py $(VALIDATE_OPTIONS)

notebooks: $(VENV)/installed            ## make the notebooks from their sources, keeping outputs
	$(PY) notebooks/build.py

quizzes: $(VENV)/installed            ## every quiz for Canvas, Moodle and paper, with keys, under build/quizzes
	$(PY) -m helpers.quiz all build/quizzes $(QUIZ_OPTIONS)

release: $(VENV)/installed            ## what a class gets, under build/release: student (no solutions) and instructor, with zips
	$(PY) notebooks/release.py $(RELEASE_OPTIONS)

bench: $(VENV)/installed            ## time and memory of training and of metrics, beside the usual way of doing it
	$(PY) tests/bench.py
	$(PY) tests/bench_metrics.py
	$(PY) tests/bench_dcgan.py
	$(PY) tests/bench_cyclegan.py
	$(PY) tests/bench_stylegan.py
	$(PY) tests/bench_style_transfer.py
	$(PY) tests/bench_grade.py

clean:            ## remove what runs have left (not the environment)
	rm -rf build
