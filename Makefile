# From a competition folder to submission.csv. `make help` lists the targets and variables.

MODEL   ?=
FOLD    ?= all
RUN     ?=
INPUTS  ?= inputs
OUTPUTS ?= outputs
DEVICE  ?= auto
SEED    ?= 0
FOLDS   ?= 5
SET     ?=
TTA     ?=
GPUS    ?= 1
BENCH   ?=
RUNS    ?=
METHOD  ?=
RULE    ?=
PER     ?= run
FILES   ?=
ADVERSARIAL ?=
COMPETITION ?=
SEARCH  ?= 1
COMP    ?= faces

PYTHON  ?= python3
PY      := .venv/bin/python
READY   := .venv/ready
export NO_ALBUMENTATIONS_UPDATE := 1

PATHS   = --inputs "$(INPUTS)" --outputs "$(OUTPUTS)"$(if $(COMPETITION), --competition "$(COMPETITION)")
# one process, or torchrun with one a GPU
LAUNCH  = $(PY)$(if $(filter-out 1,$(GPUS)), -m torch.distributed.run --standalone --nproc-per-node=$(GPUS) --)
WHICH   = --model "$(MODEL)" --run "$(RUN)" --fold "$(FOLD)" --device "$(DEVICE)"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup init folds train predict blend sub status vote scores demo demo-faces demo-digits bench test lint clean \
        clean-cache need-model FORCE

help: ## this list
	@echo "usage: make TARGET [VARIABLE=value …]"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' Makefile; echo
	@echo "  MODEL=$(MODEL)        recipe or timm model: vit_small_r26, efficientnetv2_rw_t, resnet34, resnet18, …"
	@echo "  FOLD=$(FOLD)      one fold's number, or all"
	@echo "  RUN=$(RUN)          name of the run; the model's if empty"
	@echo "  SET=$(SET)          settings to override, such as \"epochs=3 image_size=128\"; needs RUN"
	@echo "  TTA=$(TTA)          views of predict: none, hflip, contrast, zoom; the recipe's if empty"
	@echo "  RUNS=$(RUNS)         runs to blend; all if empty"
	@echo "  METHOD=$(METHOD) RULE=$(RULE)  how to blend; chosen by the cross-fitted score if empty"
	@echo "  PER=$(PER)         what has a weight in the blend: run, or attribute (a run's part of each)"
	@echo "  FILES=$(FILES)        submission files to vote among"
	@echo "  FOLDS=$(FOLDS)       how many folds"
	@echo "  SEARCH=$(SEARCH)        folds: so many seeds are tried, the most even assignment is kept"
	@echo "  ADVERSARIAL=$(ADVERSARIAL)  1: folds also tries to tell train from test photos"
	@echo "  SEED=$(SEED)        of folds and training"
	@echo "  GPUS=$(GPUS)        processes that train one fold together, one a GPU (torchrun, DDP)"
	@echo "  BENCH=$(BENCH)        parts of bench: data, engine, recipes, blending; all if empty"
	@echo "  DEVICE=$(DEVICE)   auto, cpu, cuda, cuda:1, mps"
	@echo "  INPUTS=$(INPUTS)  the competition's data"
	@echo "  COMPETITION=$(COMPETITION)  the file that describes it; INPUTS/competition.toml, else ./competition.toml if empty"
	@echo "  COMP=$(COMP)      which demo: faces, digits"
	@echo "  OUTPUTS=$(OUTPUTS)  everything that is generated"
	@echo "  PYTHON=$(PYTHON)  the Python (3.11 or newer) that the environment is made from"

setup: $(READY) ## make .venv with the locked versions (every target does so by itself)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $$($(PYTHON) --version) found, 3.11 or newer expected; run: make setup PYTHON=python3.12"; exit 2; }
	@echo "setting up .venv (once; some minutes and 6 GB, most of it torch)"
	@$(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $(READY)

init: $(READY) ## look at INPUTS and write competition.toml, with a reason beside each guess
	@$(PY) tools/init_competition.py $(PATHS)

folds: $(READY) ## assign photos to folds, groups kept together, and audit for leaks
	@$(PY) tools/make_folds.py $(PATHS) --folds "$(FOLDS)" --seed "$(SEED)" --search "$(SEARCH)" $(if $(ADVERSARIAL),--adversarial)

train: $(READY) need-model ## train MODEL on all folds (FOLD=2: one), then predict with TTA
	@$(LAUNCH) tools/train_fold.py $(PATHS) $(WHICH) --set "$(SET)" --seed "$(SEED)"

predict: $(READY) need-model ## predict a trained run again, with TTA=…
	@$(LAUNCH) tools/predict_fold.py $(PATHS) $(WHICH) --tta "$(TTA)" --set "$(SET)"

need-model:
	@test -n "$(MODEL)" || { echo "error: no MODEL"; \
	  echo "expected: MODEL=<recipe or timm model>: vit_small_r26, efficientnetv2_rw_t, resnet34, resnet18, …"; exit 2; }

# What a blend is made of. .settings changes when the list of files, RUNS, METHOD or RULE does, and only then.
PREDICTED = $(filter-out $(OUTPUTS)/blend/%,$(wildcard $(foreach f,oof test,$(OUTPUTS)/*/fold*/$f.npz \
              $(OUTPUTS)/*/$f.npz $(OUTPUTS)/*/$f.csv)))
BLENDED   = $(RUNS) $(METHOD) $(RULE) $(PER) $(PREDICTED)

blend: $(OUTPUTS)/submission.csv ## fit the blend on out-of-fold predictions; writes submission.csv
	@echo "$(OUTPUTS)/submission.csv is up to date"

$(OUTPUTS)/blend/.settings: FORCE | $(READY)
	@mkdir -p $(@D); echo '$(BLENDED)' | cmp -s - $@ || echo '$(BLENDED)' > $@

$(OUTPUTS)/blend/weights.json: $(OUTPUTS)/blend/.settings $(PREDICTED) $(wildcard $(OUTPUTS)/folds.csv)
	@$(PY) tools/blend.py $(PATHS) --runs "$(RUNS)" --method "$(METHOD)" --rule "$(RULE)" --per "$(PER)"

$(OUTPUTS)/submission.csv: $(OUTPUTS)/blend/weights.json $(wildcard $(INPUTS)/eval/info.csv)
	@$(PY) tools/make_sub.py $(PATHS)

sub: $(READY) ## write submission.csv from the blend (RUN=name: from one run)
	@$(PY) tools/make_sub.py $(PATHS) --run "$(or $(RUN),blend)"

status: $(READY) ## every run and fold: complete, trained, begun, missing, or stale and why
	@$(PY) tools/status.py $(PATHS)

vote: $(READY) ## hard vote of submission files: make vote FILES="a.csv b.csv c.csv"
	@$(PY) tools/vote.py $(PATHS) $(FILES)

scores: $(READY) ## out-of-fold scores of every run and the blend
	@$(PY) tools/scores.py $(PATHS)

demo: $(READY) demo-$(COMP) ## the whole way on a small competition: drawn faces, or COMP=digits: real handwritten digits

# The demo's settings are for learning from scratch in seconds on a CPU, not for a competition: tiny pictures, no
# pretrained weights, a head for each attribute (few faces teach eight values sooner than eighteen classes), three folds.
DEMO     = $(MAKE) --no-print-directory INPUTS=inputs/demo OUTPUTS=outputs/demo FOLD=all SEED=0 COMPETITION=
DEMO_SET = pretrained=false head=attributes image_size=64 accumulate=1 optimizer=adamw schedule=cosine patience=0 \
           mixup=0 cutmix=0 loss=cross_entropy smoothing=0 class_weights=none augment=flip weight_decay=0.05 warmup_epochs=0.3 clip_grad=1

demo-faces: $(READY)
	@$(PY) tools/make_demo.py --dest inputs/demo
	@$(DEMO) folds FOLDS=3
	@$(DEMO) train MODEL=vit_small_r26 RUN=vit_small_r26_64px SET="$(DEMO_SET) batch_size=20 lr=0.03 epochs=3 optimizer=sgd"
	@$(DEMO) train MODEL=efficientnetv2_rw_t RUN=efficientnetv2_rw_t_64px SET="$(DEMO_SET) batch_size=16 lr=1.5e-3 epochs=3"
	@$(DEMO) train MODEL=resnet34 RUN=resnet34_64px SET="$(DEMO_SET) batch_size=32 lr=1.5e-3 epochs=4"
	@$(DEMO) blend RUNS=
	@$(PY) tools/scores.py --inputs inputs/demo --outputs outputs/demo --answers inputs/demo/answers.csv
	@echo "the faces are drawn, not photographed: these numbers say that the way works, not how good the models are"

DIGITS     = $(MAKE) --no-print-directory INPUTS=inputs/digits OUTPUTS=outputs/digits FOLD=all SEED=0 COMPETITION=
DIGITS_SET = pretrained=false image_size=32 epochs=10 lr=3e-3

demo-digits: $(READY)
	@$(PY) tools/make_demo.py --comp digits --dest inputs/digits
	@$(DIGITS) folds FOLDS=3
	@$(DIGITS) train MODEL=resnet10t RUN=resnet10t_32px SET="$(DIGITS_SET)"
	@$(DIGITS) train MODEL=resnet18d RUN=resnet18d_32px SET="$(DIGITS_SET)"
	@$(DIGITS) blend RUNS=
	@$(PY) tools/scores.py --inputs inputs/digits --outputs outputs/digits --answers inputs/digits/answers.csv

demo-%:
	@echo "error: COMP=$*"; echo "expected: faces or digits"; exit 2

bench: $(READY) ## measure speed as ratios (BENCH="data engine": a part); nothing else should run meanwhile
	@$(PY) tools/bench.py $(PATHS) --only "$(BENCH)"

test: $(READY) ## all tests
	@$(PY) -m pytest

lint: $(READY) ## ruff, and the direction of imports between rooms
	@$(PY) -m ruff check .
	@$(dir $(PY))lint-imports --no-logo

clean: ## delete OUTPUTS (asks first)
	@printf "delete $(OUTPUTS)? [y/N] "; read answer && [ "$$answer" = y ] && rm -rf "$(OUTPUTS)" || echo "kept"

clean-cache: ## delete the decoded photos; they are made again when needed
	@rm -rf "$(OUTPUTS)/cache"

FORCE:
