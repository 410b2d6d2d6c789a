# gahr: an executable book. `make` alone lists the commands. Works with GNU make 3.81 and later.
#
# A chapter is executed again only if it, its drawings, the rest of the package or the data's manifest changed: the folders
# under _build/ and make's own comparison of dates are the cache. Recipes use no pipes, so a step
# that fails stops make on every shell.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

EFFORT ?= default
CELEBA ?=
PORT   ?= 8000
URL    ?=

# The first Python on the path that is new enough.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

VENV      := .venv
INSTALLED := $(VENV)/.installed
RUN       := $(VENV)/bin/python
CHAPTERS  ?= $(sort $(wildcard book/[0-9][0-9]-*.ipynb))
NAMES     := $(notdir $(CHAPTERS))
DRAWINGS  := $(wildcard gahr/figures/[a-z]*.py)
PACKAGE   := $(filter-out $(DRAWINGS),$(wildcard gahr/*.py gahr/*/*.py)) data/manifest.json
PAGES     := _config.yml _toc.yml $(wildcard book/*.md book/*.bib book/teaching/* book/teaching/*/* \
             _static/* _static/*/*)
TOOLS     := $(wildcard book/_tools/*.py book/lab/*.py)

export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help
help:
	@echo "make book        execute every chapter, render the book, pack the students' set, print the page to open"
	@echo "make serve       serve the rendered book on this machine (PORT=$(PORT))"
	@echo "make zip         the rendered book to read without a network (make pdf: as one document)"
	@echo "make jupyter     open the chapters in JupyterLab"
	@echo "make lab         fetch the lab's engine (make book does it, too, if npm is installed)"
	@echo "make student     the chapters without solutions, and a zip to hand out (make instructor: with them, folded)"
	@echo "make test        everything that continuous integration runs"
	@echo "make notebooks   for authors: execute chapters in place and store their outputs"
	@echo "                 (one: make notebooks CHAPTERS=book/01-denoising.ipynb)"
	@echo "make art         for authors: draw the logo and the first screen again, after networks changed"
	@echo "make repository  bring links and set-up cells in step (URL=https://github.com/me/gahr)"
	@echo "make venv        only make .venv and install"
	@echo "make clean       remove _build/ (the environment .venv stays)"
	@echo
	@echo "CELEBA=yes lets the chapters see your copy of CelebA (GAHR_CELEBA): do not publish such pages."
	@echo "EFFORT=quick, default or full says how hard \`make book\` computes (now: $(EFFORT))."

# ---------------------------------------------------------------------------- the environment

.PHONY: venv
venv: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "gahr needs Python 3.11 or newer on the path (or say PYTHON=...)."; exit 1; }
	@echo "Installing into $(VENV): a few minutes the first time."
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Could not make $(VENV). On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]" || { \
		echo "Installing failed: the reason is above. Nothing else was done."; exit 1; }
	@touch $@

# ---------------------------------------------------------------------------- the book

# _build/default/01-denoising.ipynb is chapter 1 executed with effort=default, and so on.
define EXECUTE
_build/$(1)/%.ipynb: book/%.ipynb $(PACKAGE) $(INSTALLED) book/_tools/execute.py
	@$(RUN) book/_tools/execute.py $$< $$@ --effort $(1)$(if $(CELEBA), --celeba)
endef
$(foreach effort,quick default full,$(eval $(call EXECUTE,$(effort))))

# A chapter is executed again for its own drawings only: those of its name (07-shrinkage, figures/shrinkage.py).
# $(1): effort, $(2): drawings, $(3): chapter
define DRAWN
$(if $(3),$(patsubst book/%,_build/$(1)/%,$(3)): $(2))
endef
$(foreach effort,quick default full,$(foreach file,$(DRAWINGS),$(eval $(call DRAWN,$(effort),$(file),\
	$(strip $(wildcard book/[0-9][0-9]-$(subst _,-,$(basename $(notdir $(file)))).ipynb))))))

.PHONY: book
book: _build/html/.$(EFFORT)
	@echo
	@echo "The book is ready. Open $(CURDIR)/_build/html/index.html"

_build/html/.$(EFFORT): $(addprefix _build/$(EFFORT)/,$(NAMES)) $(PAGES) $(TOOLS) $(PACKAGE) $(DRAWINGS)
	@echo "  rendering ..."
	@rm -f _build/html/.quick _build/html/.default _build/html/.full
	@$(RUN) book/_tools/assets.py _build/assets
	@$(RUN) book/_tools/gather.py _build/source --chapters _build/$(EFFORT) --assets _build/assets
	@$(VENV)/bin/jupyter-book build _build/source --path-output . --quiet || { \
		echo "Rendering failed: the page and the reason are above."; exit 1; }
	@$(RUN) book/_tools/slides.py _build/html/slides --chapters _build/$(EFFORT)
	@$(RUN) book/_tools/sets.py student _build/student
	@mkdir -p _build/html/sets && cp _build/gahr-student.zip _build/html/sets
	@touch $@

.PHONY: serve
serve:
	@test -f _build/html/index.html || { echo "Nothing to serve yet: run make book first."; exit 1; }
	@echo "http://127.0.0.1:$(PORT)/ (stop with Ctrl-C)"
	@$(RUN) -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

.PHONY: jupyter
jupyter: $(INSTALLED)
	@$(RUN) -m jupyterlab --notebook-dir book

# What the pages take from npm, at pinned versions, checked against their published hashes.
.PHONY: lab
lab: $(INSTALLED)
	@$(RUN) book/_tools/assets.py _build/assets
	@test -f _build/assets/lab/engine/.version
	@echo "The lab's engine is in _build/assets; make book puts it into the pages."

# ---------------------------------------------------------------------------- for lecturers

.PHONY: student instructor
student instructor: $(INSTALLED)
	@$(RUN) book/_tools/sets.py $@ _build/$@

# For reading without a network: pages that open with a double click, and one document with bookmarks.
.PHONY: zip pdf
zip pdf: book
	@$(RUN) book/_tools/offline.py $@ _build/html _build/gahr-book.$@

# ---------------------------------------------------------------------------- the tests

# Every chapter with Colab's versions, from the wheel, without a checkout: some minutes, once a week in CI.
.PHONY: test-colab
test-colab:
	@.ci/colab

.PHONY: test test-code test-units test-chapters test-quick test-pages test-browser
test: test-code test-units test-quick test-browser test-chapters
	@echo
	@echo "All tests passed."

test-code: $(INSTALLED)
	@echo "== ruff"
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff format --check --line-length 84 $(CHAPTERS)

test-units: $(INSTALLED)
	@echo "== pytest: units, doctests, rules for the chapters"
	@GAHR_STILL=1 $(RUN) -m pytest

# Every chapter as CI can afford it: papermill with effort=quick.
test-quick: $(INSTALLED)
	@echo "== papermill: every chapter with effort=quick"
	@$(MAKE) --no-print-directory $(addprefix _build/quick/,$(NAMES))

# The committed chapters render without a single warning.
test-pages: $(INSTALLED)
	@echo "== jupyter-book: warnings are errors"
	@$(RUN) book/_tools/assets.py _build/assets
	@$(RUN) book/_tools/assets.py _build/axe --for-tests
	@$(RUN) book/_tools/gather.py _build/check/source --assets _build/assets
	@$(VENV)/bin/jupyter-book build _build/check/source --path-output _build/check -W -n --keep-going --quiet
	@$(RUN) book/_tools/check_pages.py _build/check
	@$(RUN) book/_tools/slides.py _build/check/_build/html/slides

# The lab and some pages in Chromium, where there is one.
test-browser: test-pages $(VENV)/.browser
	@echo "== pytest: the pages in a browser"
	@GAHR_PAGES=_build/check/_build/html GAHR_AXE=_build/axe/axe/axe.min.js $(RUN) -m pytest tests/browser
	@$(RUN) -m pytest tests/teaching/test_quiz.py  # by itself: it opens a browser of its own

$(VENV)/.browser: $(INSTALLED)
	@$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[browser]"
	@touch $@

# Every chapter as the reader runs it: its check cell must print what is stored.
test-chapters: $(INSTALLED)
	@echo "== nbval: every chapter as stored"
	@GAHR_STILL=1 $(RUN) -m pytest -o addopts= -o filterwarnings=default -p no:cacheprovider \
		--nbval-lax --nbval-current-env --nbval-cell-timeout=900 \
		--nbval-sanitize-with book/_tools/nbval.cfg $(CHAPTERS)

# ---------------------------------------------------------------------------- for authors

.PHONY: notebooks
notebooks: $(INSTALLED)
	@$(RUN) book/_tools/store.py $(CHAPTERS)

# What is drawn with the book's networks and committed: again whenever they change.
.PHONY: art
art: $(INSTALLED)
	@$(RUN) book/_tools/art.py
	@$(RUN) -m book.lab.screen

.PHONY: repository
repository: $(INSTALLED)
	@$(RUN) book/_tools/repository.py $(URL)

.PHONY: clean
clean:
	rm -rf _build .pytest_cache .ruff_cache
