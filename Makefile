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
INIT    ?=
STAGES  ?=
TTA     ?=
GPUS    ?= 1
BENCH   ?=
RUNS    ?=
METHOD  ?=
RULE    ?=
ROUNDS  ?= 2
PER     ?= run
TRANSDUCTIVE ?=
FILES   ?=
A       ?=
B       ?=
SCORE   ?=
PRIVATE ?=
FILE    ?=
ADVERSARIAL ?=
COMPETITION ?=
SEARCH  ?= 1
COMP    ?= faces
IMAGE   ?=
TO      ?=

PYTHON  ?= python3
PY      := .venv/bin/python
READY   := .venv/ready
export NO_ALBUMENTATIONS_UPDATE := 1

# Recipes read variables from the environment, as "$$NAME": so any name of a file reaches the scripts as it was typed,
# with blanks, quotes, brackets and $. `value` keeps make from expanding a $ within it.
VARIABLES := MODEL FOLD RUN INPUTS OUTPUTS DEVICE SEED FOLDS SET INIT STAGES TTA GPUS BENCH RUNS METHOD RULE ROUNDS PER \
             TRANSDUCTIVE FILES ADVERSARIAL COMPETITION SEARCH COMP PYTHON A B SCORE PRIVATE FILE IMAGE TO
$(foreach name,$(VARIABLES),$(eval override $(name) := $$(value $(name))))
export $(VARIABLES)
$(foreach name,INPUTS OUTPUTS,$(if $(strip $($(name))),,$(error $(name) is empty, the name of a folder expected)))

PATHS   = --inputs="$$INPUTS" --outputs="$$OUTPUTS"$(if $(COMPETITION), --competition="$$COMPETITION")
# one process, or torchrun with one a GPU
LAUNCH  = $(PY)$(if $(filter-out 1,$(GPUS)), -m torch.distributed.run --standalone --nproc-per-node="$$GPUS" --)
WHICH   = --model="$$MODEL" --run="$$RUN" --fold="$$FOLD" --device="$$DEVICE"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL: # the targets of one command are stages: each reads what the one before has written
.PHONY: help setup init eda folds train predict embed stack blend pseudo sub status vote scores compare lb board report look export \
        demo demo-faces demo-digits demo-unknown bench \
        test lint clean clean-cache need-model

help: ## this list
	@echo "usage: make TARGET [VARIABLE=value …]"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' Makefile; echo
	@show() { printf '  %-20s %s\n' "$$1" "$$2"; }; \
	show "MODEL=$$MODEL" 'recipe or timm model: vit_small_r26, efficientnetv2_rw_t, resnet34, resnet18, …'; \
	show "FOLD=$$FOLD" "one fold's number, all, or all_data: all rows, after all folds"; \
	show "RUN=$$RUN" "name of the run; the model's if empty"; \
	show "SET=$$SET" 'settings to override, such as "epochs=3 image_size=128"; needs RUN'; \
	show "INIT=$$INIT" 'train: a run of the same model whose fold k fold k begins with; needs RUN'; \
	show "STAGES=$$STAGES" 'train: image sizes and epochs, one after another, such as "64x4 112x2"; needs RUN'; \
	show "TTA=$$TTA" "views of predict: none, hflip, contrast, zoom; the recipe's if empty"; \
	show "RUNS=$$RUNS" 'runs to blend; all if empty'; \
	show "METHOD=$$METHOD" 'how to blend; chosen by the cross-fitted score if empty'; \
	show "RULE=$$RULE" 'how to decide; chosen by the same score if empty'; \
	show "ROUNDS=$$ROUNDS" 'rounds of pseudo-labels, at most'; \
	show "PER=$$PER" "what has a weight in the blend: run, or attribute (a run's part of each)"; \
	show "TRANSDUCTIVE=$$TRANSDUCTIVE" '1: the blend decides on all test photos together; not every competition allows it'; \
	show "FILES=$$FILES" 'submission files to vote among, with blanks or commas between them'; \
	show "A=$$A" 'compare: a run, or several seeds of one: "x_s0 x_s1"; blend is a name, too'; \
	show "B=$$B" 'compare: the same, for what may be better'; \
	show "SCORE=$$SCORE" 'lb: score of a submission on the (public) leaderboard; lists all if empty'; \
	show "PRIVATE=$$PRIVATE" 'lb: its score on the private leaderboard, if that is known'; \
	show "FILE=$$FILE" 'lb: which submission, a path or the first letters of its hash; the latest if empty'; \
	show "IMAGE=$$IMAGE" 'look: photos as in folds.csv, or test photos, with blanks or commas between them'; \
	show "TO=$$TO" 'export: tensorboard, mlflow, fiftyone'; \
	show "FOLDS=$$FOLDS" 'how many folds'; \
	show "SEARCH=$$SEARCH" 'folds: so many seeds are tried, the most even assignment is kept'; \
	show "ADVERSARIAL=$$ADVERSARIAL" '1: folds also tries to tell train from test photos'; \
	show "SEED=$$SEED" 'of folds and training'; \
	show "GPUS=$$GPUS" 'processes that train one fold together, one a GPU (torchrun, DDP)'; \
	show "BENCH=$$BENCH" 'parts of bench: data, engine, recipes, blending, choosing; all if empty'; \
	show "DEVICE=$$DEVICE" 'auto, cpu, cuda, cuda:1, mps'; \
	show "INPUTS=$$INPUTS" "the competition's data"; \
	show "COMPETITION=$$COMPETITION" 'the file that describes it; INPUTS/competition.toml, else ./competition.toml if empty'; \
	show "COMP=$$COMP" 'which demo: faces, digits'; \
	show "OUTPUTS=$$OUTPUTS" 'everything that is generated'; \
	show "PYTHON=$$PYTHON" 'the Python (3.11 or newer) that the environment is made from'

setup: $(READY) ## make .venv with the locked versions (every target does so by itself)

$(READY): requirements.lock pyproject.toml
	@"$$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $$("$$PYTHON" --version) found, 3.11 or newer expected; run: make setup PYTHON=python3.12"; exit 2; }
	@echo "setting up .venv (once; some minutes and 6 GB, most of it torch)"
	@"$$PYTHON" -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $(READY)

init: $(READY) ## look at INPUTS and write competition.toml, with a reason beside each guess
	@$(PY) tools/init_competition.py $(PATHS)

eda: $(READY) ## look at the input: a page of classes, sizes, light, duplicates, train against test
	@$(PY) tools/eda.py $(PATHS)

folds: $(READY) ## assign photos to folds, groups kept together, and audit for leaks
	@$(PY) tools/make_folds.py $(PATHS) --folds="$$FOLDS" --seed="$$SEED" --search="$$SEARCH" $(if $(ADVERSARIAL),--adversarial)

train: $(READY) need-model ## train MODEL on all folds (FOLD=2: one), then predict with TTA
	@$(LAUNCH) tools/train_fold.py $(PATHS) $(WHICH) --set="$$SET" --init="$$INIT" --stages="$$STAGES" --seed="$$SEED"

predict: $(READY) need-model ## predict a trained run again, with TTA=…
	@$(LAUNCH) tools/predict_fold.py $(PATHS) $(WHICH) --tta="$$TTA" --set="$$SET"

embed: $(READY) need-model ## a scikit-learn classifier on features of the frozen MODEL, as a run (RUN, SET)
	@$(PY) tools/embed.py $(PATHS) --model="$$MODEL" --run="$$RUN" --set="$$SET" --seed="$$SEED" --device="$$DEVICE"

stack: $(READY) ## a small classifier on the OOF predictions of RUNS, as a run named RUN, or stack
	@$(PY) tools/stack.py $(PATHS) --runs="$$RUNS" --run="$${RUN:-stack}" --set="$$SET" --seed="$$SEED"

need-model:
	@test -n "$$MODEL" || { echo "error: no MODEL"; \
	  echo "expected: MODEL=<recipe or timm model>: vit_small_r26, efficientnetv2_rw_t, resnet34, resnet18, …"; exit 2; }

# Both stages know themselves what they are made of, and do nothing where that has not changed.
blend: $(READY) ## fit the blend on out-of-fold predictions; writes submission.csv
	@$(PY) tools/blend.py $(PATHS) --runs="$$RUNS" --method="$$METHOD" --rule="$$RULE" --per="$$PER" $(if $(TRANSDUCTIVE),--transductive)
	@$(PY) tools/make_sub.py $(PATHS)

sub: $(READY) ## write submission.csv from the blend (RUN=name: from one run)
	@$(PY) tools/make_sub.py $(PATHS) --run="$${RUN:-blend}"

status: $(READY) ## every run and fold: complete, trained, begun, missing, or stale and why
	@$(PY) tools/status.py $(PATHS)

pseudo: $(READY) ## train RUN again with pseudo-labelled test photos, until a round does not gain (ROUNDS at most)
	@$(PY) tools/pseudo.py $(PATHS) --run="$$RUN" --rounds="$$ROUNDS" --device="$$DEVICE"

vote: $(READY) ## hard vote of submission files: make vote FILES="a.csv b.csv c.csv"
	@$(PY) tools/vote.py $(PATHS) -- "$$FILES"

scores: $(READY) ## out-of-fold scores of every run and the blend
	@$(PY) tools/scores.py $(PATHS)

compare: $(READY) ## is run B better than run A? make compare A=r34 B=r34_v2, or several seeds of each
	@$(PY) tools/compare.py $(PATHS) --a="$$A" --b="$$B"

lb: $(READY) ## note a leaderboard score: make lb SCORE=0.7377; without: all submissions, which ones to select
	@$(PY) tools/leaderboard.py $(PATHS) --score="$$SCORE" --private="$$PRIVATE" --file="$$FILE"

board: $(READY) ## all runs side by side, on the terminal and as a page: what differs, scores, times, leaderboard
	@$(PY) tools/board.py $(PATHS)

report: $(READY) ## one page that opens offline: curves, confusion, calibration, mistakes with photos
	@$(PY) tools/report.py $(PATHS)

look: $(READY) ## where RUN looks in a photo: make look RUN=r34 IMAGE=<image as in folds.csv>
	@$(PY) tools/look.py $(PATHS) --run="$$RUN" --image="$$IMAGE"

export: $(READY) ## copy the results into another tool: make export TO=tensorboard (mlflow, fiftyone)
	@$(PY) tools/export.py $(PATHS) --to="$$TO"

KNOWN_COMP = $(if $(word 2,$(COMP)),,$(filter faces digits,$(COMP)))

demo: $(READY) demo-$(or $(KNOWN_COMP),unknown) ## the whole way on a small competition: drawn faces, or COMP=digits: real handwritten digits

# The demo's settings are for learning from scratch in seconds on a CPU, not for a competition: tiny pictures (the ViT's
# must be a multiple of 32), no pretrained weights, a head for each attribute (few faces teach eight values sooner than
# eighteen classes), classes drawn alike often, and two folds: each model sees half of the photos more often instead of
# more of them once. Each run ends before it is perfect, and errs on other photos than the others: so one blends.
DEMO     = $(MAKE) --no-print-directory INPUTS=inputs/demo OUTPUTS=outputs/demo FOLD=all SEED=0 COMPETITION= INIT= STAGES=
DEMO_SET = pretrained=false head=attributes accumulate=1 batch_size=16 optimizer=adamw schedule=cosine patience=0 \
           mixup=0 cutmix=0 loss=cross_entropy smoothing=0 class_weights=none sampler=balanced augment=flip \
           weight_decay=0.05 warmup_epochs=0.3 clip_grad=1

demo-faces: $(READY)
	@$(PY) tools/dev/make_demo.py --dest inputs/demo
	@$(DEMO) folds FOLDS=2
	@$(DEMO) train MODEL=vit_small_r26 RUN=vit_small_r26_32px SET="$(DEMO_SET) image_size=32 lr=5e-4 epochs=4"
	@$(DEMO) train MODEL=efficientnetv2_rw_t RUN=efficientnetv2_rw_t_40px SET="$(DEMO_SET) image_size=40 lr=2e-3 epochs=4"
	@$(DEMO) train MODEL=resnet34 RUN=resnet34_32px SET="$(DEMO_SET) image_size=32 lr=1.5e-3 epochs=2"
	@$(DEMO) blend RUNS=
	@$(PY) tools/scores.py --inputs inputs/demo --outputs outputs/demo --answers inputs/demo/answers.csv
	@$(DEMO) report
	@echo "the faces are drawn, not photographed: these numbers say that the way works, not how good the models are"

DIGITS     = $(MAKE) --no-print-directory INPUTS=inputs/digits OUTPUTS=outputs/digits FOLD=all SEED=0 COMPETITION= INIT= STAGES=
DIGITS_SET = pretrained=false image_size=32 epochs=6 lr=3e-3

demo-digits: $(READY)
	@$(PY) tools/dev/make_demo.py --comp digits --dest inputs/digits
	@$(DIGITS) folds FOLDS=3
	@$(DIGITS) train MODEL=resnet10t RUN=resnet10t_32px SET="$(DIGITS_SET)"
	@$(DIGITS) train MODEL=resnet18d RUN=resnet18d_32px SET="$(DIGITS_SET)"
	@$(DIGITS) blend RUNS=
	@$(PY) tools/scores.py --inputs inputs/digits --outputs outputs/digits --answers inputs/digits/answers.csv
	@$(DIGITS) report

demo-unknown:
	@echo "error: COMP=$$COMP"; echo "expected: faces or digits"; exit 2

bench: $(READY) ## measure speed as ratios (BENCH="data engine": a part); nothing else should run meanwhile
	@$(PY) tools/dev/bench.py --outputs="$$OUTPUTS" --only="$$BENCH"

# A process per core, each with one thread: the tests' models are too small for more threads to pay.
test: $(READY) ## all tests
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n logical --maxprocesses 8 --dist loadfile

lint: $(READY) ## ruff, and the direction of imports between rooms
	@$(PY) -m ruff check .
	@$(dir $(PY))lint-imports --no-logo

clean: ## delete OUTPUTS (asks first)
	@printf 'delete %s? [y/N] ' "$$OUTPUTS"; read answer && [ "$$answer" = y ] && rm -rf -- "$$OUTPUTS" || echo "kept"

clean-cache: ## delete the decoded photos; they are made again when needed
	@rm -rf -- "$$OUTPUTS/cache"
