# The commands from a competition folder to submission.csv. `make help` lists the targets and options.

# These are assigned with =, so that variables of the shell's environment with the same names change nothing.
PYTHON = python3
PYTHONS = 3.13 3.12 3.11
GPUS   = 1
PY    := .venv/bin/python
READY := .venv/ready
export NO_ALBUMENTATIONS_UPDATE := 1

# Only the variables of the command line reach the scripts, as NAME="$NAME". They arrive as they were typed, even with
# spaces, quotes, brackets and $. `value` prevents make from expanding a $ in them. tools/options.py lists the names.
GIVEN := $(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(name)))
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name))))
export $(GIVEN)
WORDS  = $(foreach name,$(filter-out PY PYTHON GPUS -%,$(GIVEN)),$(name)="$$$(name)")
# tools/options.py replaces ~ by the home folder, as in the scripts
FOLDER = $(if $(filter OUTPUTS,$(GIVEN)),"$$("$(PYTHON)" tools/options.py --path "$$OUTPUTS")",outputs)
PLACES = $(foreach name,$(filter INPUTS OUTPUTS COMPETITION,$(GIVEN)),$(name)="$$$(name)")
# one process, or one process for each GPU
LAUNCH = $(PY)$(if $(filter-out 1,$(GPUS)), -m comp.hardware.launch "$$GPUS")

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL: # each target of a command reads the files that the target before it has written
.PHONY: help setup init eda folds train predict embed stack blend pseudo sub status vote scores compare lb board report look export \
        demo bench test lint clean clean-cache

help: ## list the targets and options
	@"$(PYTHON)" tools/options.py

setup: $(READY) ## make .venv with the locked versions (every target does this itself if it is needed)

$(READY): requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] not in "$(PYTHONS)".split())' 2> /dev/null || { \
	  other="<the path of such a Python>"; \
	  for version in $(PYTHONS); do command -v python$$version > /dev/null && other=python$$version && break; done; \
	  echo "error: $$("$(PYTHON)" --version 2>&1) found; expected: Python 3.11, 3.12 or 3.13; run: make setup PYTHON=$$other"; \
	  exit 2; }
	@echo "setting up .venv (only once; takes some minutes and 6 GB, most of it for torch)"
	@"$(PYTHON)" -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $(READY)

init: $(READY) ## look at INPUTS and write competition.toml, with a reason for each guess
	@$(PY) tools/init_competition.py $(WORDS)

eda: $(READY) ## show the input as a page: classes, sizes, brightness, duplicates, how train and test differ
	@$(PY) tools/eda.py $(WORDS)

folds: $(READY) ## assign photos to folds, keep groups together, and check for leaks
	@$(PY) tools/make_folds.py $(WORDS)

train: $(READY) ## train MODEL on all folds (FOLD=2: only fold 2), then predict with TTA
	@$(LAUNCH) tools/train_fold.py $(WORDS)

predict: $(READY) ## predict again with a trained run (TTA=zoom: with other views of the photos)
	@$(LAUNCH) tools/predict_fold.py $(WORDS)

embed: $(READY) ## make a run from a scikit-learn classifier on features of the frozen MODEL
	@$(PY) tools/embed.py $(WORDS)

stack: $(READY) ## make a run from a small classifier on the OOF predictions of RUNS
	@$(PY) tools/stack.py $(WORDS)

# Each script does nothing if its files were already made from the current contents of the files that it reads.
blend: $(READY) ## fit the blend on out-of-fold predictions, then write submission.csv
	@$(PY) tools/blend.py $(WORDS)
	@$(PY) tools/make_sub.py $(PLACES)

sub: $(READY) ## write submission.csv from the blend (RUN=r34: from the run r34)
	@$(PY) tools/make_sub.py $(WORDS)

pseudo: $(READY) ## train RUN again with pseudo-labelled test photos, until the score no longer rises (at most ROUNDS)
	@$(PY) tools/pseudo.py $(WORDS)

vote: $(READY) ## combine submission files into one by a vote: make vote FILES="a.csv b.csv c.csv"
	@$(PY) tools/vote.py $(WORDS)

status: $(READY) ## show the state of every run and fold: complete, trained, begun, missing, or stale and why
	@$(PY) tools/status.py $(WORDS)

scores: $(READY) ## print the out-of-fold scores of every run and of the blend
	@$(PY) tools/scores.py $(WORDS)

compare: $(READY) ## say whether run B is better than run A: make compare A=r34 B=r34_v2, or several seeds of each
	@$(PY) tools/compare.py $(WORDS)

lb: $(READY) ## record a leaderboard score (make lb SCORE=0.7377), or list all submissions and say which to select
	@$(PY) tools/leaderboard.py $(WORDS)

board: $(READY) ## show all runs side by side, in the terminal and as a page: settings, scores, times, leaderboard
	@$(PY) tools/board.py $(WORDS)

report: $(READY) ## write a page about the runs: learning curves, confusion, calibration, mistakes with photos
	@$(PY) tools/report.py $(WORDS)

look: $(READY) ## show where RUN looks in a photo: make look RUN=r34 IMAGE=<a name in folds.csv>
	@$(PY) tools/look.py $(WORDS)

export: $(READY) ## copy the results to another tool: make export TO=tensorboard (or mlflow, or fiftyone)
	@$(PY) tools/export.py $(WORDS)

demo: $(READY) ## run all stages on a small competition of drawn faces (COMP=digits: of real handwritten digits)
	@$(PY) tools/dev/demo.py $(WORDS)

bench: $(READY) ## compare speed and scores with other code (BENCH=data: only this part); run nothing else meanwhile
	@$(PY) tools/dev/bench.py $(WORDS)

# One process for each core, each with one thread: the models of the tests are too small to gain from more threads.
test: $(READY) ## run all tests
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n logical --maxprocesses 8 --dist worksteal

lint: $(READY) ## check the code with ruff, and the direction of imports between the folders of comp/
	@$(PY) -m ruff check .
	@$(dir $(PY))lint-imports --no-logo

clean: ## delete OUTPUTS (asks first)
	@folder=$(FOLDER) && printf 'delete %s? [y/N] ' "$$folder"; \
	  read answer && [ "$$answer" = y ] && rm -rf -- "$$folder" || echo "kept"

clean-cache: ## delete the cache of decoded photos; it is made again when it is needed
	@folder=$(FOLDER) && [ "$$folder" ] && rm -rf -- "$$folder/cache"
