# From a competition folder to submission.csv. `make help` lists the targets and options.

# plain =: a variable of the shell's environment changes nothing
PYTHON = python3
GPUS   = 1
PY    := .venv/bin/python
READY := .venv/ready
export NO_ALBUMENTATIONS_UPDATE := 1

# The variables of the command line, and only those, reach the scripts as they were typed: as NAME="$NAME" with blanks,
# quotes, brackets and $. `value` keeps make from expanding a $ within them. tools/options.py knows the names.
GIVEN := $(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(name)))
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name))))
export $(GIVEN)
WORDS  = $(foreach name,$(filter-out PY PYTHON GPUS -%,$(GIVEN)),$(name)="$$$(name)")
FOLDER = $(if $(filter OUTPUTS,$(GIVEN)),"$$OUTPUTS",outputs)
PLACES = $(foreach name,$(filter INPUTS OUTPUTS COMPETITION,$(GIVEN)),$(name)="$$$(name)")
# one process, or torchrun with one a GPU
LAUNCH = $(PY)$(if $(filter-out 1,$(GPUS)), -m torch.distributed.run --standalone --nproc-per-node="$(GPUS)" --)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL: # the targets of one command are stages: each reads what the one before has written
.PHONY: help setup init eda folds train predict embed stack blend pseudo sub status vote scores compare lb board report look export \
        demo bench test lint clean clean-cache

help: ## this list
	@"$(PYTHON)" tools/options.py

setup: $(READY) ## make .venv with the locked versions (every target does so by itself)

$(READY): requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $$("$(PYTHON)" --version) found, 3.11 or newer expected; run: make setup PYTHON=python3.12"; exit 2; }
	@echo "setting up .venv (once; some minutes and 6 GB, most of it torch)"
	@"$(PYTHON)" -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $(READY)

init: $(READY) ## look at INPUTS and write competition.toml, with a reason beside each guess
	@$(PY) tools/init_competition.py $(WORDS)

eda: $(READY) ## look at the input: a page of classes, sizes, light, duplicates, train against test
	@$(PY) tools/eda.py $(WORDS)

folds: $(READY) ## assign photos to folds, groups kept together, and audit for leaks
	@$(PY) tools/make_folds.py $(WORDS)

train: $(READY) ## train MODEL on all folds (FOLD=2: one), then predict with TTA
	@$(LAUNCH) tools/train_fold.py $(WORDS)

predict: $(READY) ## predict a trained run again, with TTA=…
	@$(LAUNCH) tools/predict_fold.py $(WORDS)

embed: $(READY) ## a scikit-learn classifier on features of the frozen MODEL, as a run (RUN, SET)
	@$(PY) tools/embed.py $(WORDS)

stack: $(READY) ## a small classifier on the OOF predictions of RUNS, as a run named RUN, or stack
	@$(PY) tools/stack.py $(WORDS)

# Both scripts know what their files are made of, and do nothing if that has not changed.
blend: $(READY) ## fit the blend on out-of-fold predictions; writes submission.csv
	@$(PY) tools/blend.py $(WORDS)
	@$(PY) tools/make_sub.py $(PLACES)

sub: $(READY) ## write submission.csv from the blend (RUN=name: from one run)
	@$(PY) tools/make_sub.py $(WORDS)

pseudo: $(READY) ## train RUN again with pseudo-labelled test photos, until a round does not gain (ROUNDS at most)
	@$(PY) tools/pseudo.py $(WORDS)

vote: $(READY) ## one submission from several files: make vote FILES="a.csv b.csv c.csv"
	@$(PY) tools/vote.py $(WORDS)

status: $(READY) ## every run and fold: complete, trained, begun, missing, or stale and why
	@$(PY) tools/status.py $(WORDS)

scores: $(READY) ## out-of-fold scores of every run and the blend
	@$(PY) tools/scores.py $(WORDS)

compare: $(READY) ## is run B better than run A? make compare A=r34 B=r34_v2, or several seeds of each
	@$(PY) tools/compare.py $(WORDS)

lb: $(READY) ## note a leaderboard score: make lb SCORE=0.7377; without: all submissions, which ones to select
	@$(PY) tools/leaderboard.py $(WORDS)

board: $(READY) ## all runs side by side, on the terminal and as a page: what differs, scores, times, leaderboard
	@$(PY) tools/board.py $(WORDS)

report: $(READY) ## one page that opens offline: curves, confusion, calibration, mistakes with photos
	@$(PY) tools/report.py $(WORDS)

look: $(READY) ## where RUN looks in a photo: make look RUN=r34 IMAGE=<image as in folds.csv>
	@$(PY) tools/look.py $(WORDS)

export: $(READY) ## copy the results into another tool: make export TO=tensorboard (mlflow, fiftyone)
	@$(PY) tools/export.py $(WORDS)

demo: $(READY) ## the whole way on a small competition: drawn faces, or COMP=digits: real handwritten digits
	@$(PY) tools/dev/demo.py $(WORDS)

bench: $(READY) ## measure speed as ratios (BENCH="data engine": a part); nothing else should run meanwhile
	@$(PY) tools/dev/bench.py $(WORDS)

# A process per core, each with one thread: the tests' models are too small for more threads to pay.
test: $(READY) ## all tests
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n logical --maxprocesses 8 --dist loadfile

lint: $(READY) ## ruff, and the direction of imports between rooms
	@$(PY) -m ruff check .
	@$(dir $(PY))lint-imports --no-logo

clean: ## delete OUTPUTS (asks first)
	@printf 'delete %s? [y/N] ' $(FOLDER); read answer && [ "$$answer" = y ] && rm -rf -- $(FOLDER) || echo "kept"

clean-cache: ## delete the decoded photos; they are made again when needed
	@rm -rf -- $(FOLDER)/cache
