"""INIT: fold k begins with fold k of another run, and with nothing else; what began with other weights is stale."""

import dataclasses

import numpy as np
import pytest
import torch
from test_engine import CPU, HOME, same
from test_train_stage import (
    RECIPE,
    claim,
    killed_in_epoch,
    project,  # noqa: F401  a fixture
    states,
)

from comp import files
from comp.competition.competition import Attribute
from comp.data.run_data import RunData
from comp.errors import InputError
from comp.models import factory, init_weights, weights_file
from comp.models.heads import TABLE, build_head
from comp.models.init_weights import check_init_folds, with_init
from comp.prediction.predict import predict_folds
from comp.store import made_of
from comp.training import train_stage

QUICK = dict(epochs=1, accumulate=1, ema_decay=0, mixup=0, cutmix=0)


def save_fold(run, project, k=0, seed=0, **changes):  # noqa: F811
    """A run with weights of fold k that are drawn, not learned."""
    recipe = dataclasses.replace(RECIPE, **changes)
    claim(run, recipe)
    torch.manual_seed(seed)
    state = factory.create_model(recipe, HOME, "").state_dict()
    metadata = weights_file.training_record(RunData(project, recipe), run, k) | {"epoch": 1, "epochs": 1}
    weights_file.save_weights(run.weights(k), state, metadata)
    return state


def train(run, recipe, project, k=0):  # noqa: F811
    recipe = with_init(recipe, run, HOME)
    check_init_folds(run, recipe.init, project.folds_digest, [k])
    claim(run, recipe)
    train_stage.train_fold(RunData(project, recipe), run, k, CPU)


def weights(run, k=0):
    return weights_file.read_weights(run.weights(k), "")


def test_a_fold_begins_with_its_own_fold_alone_and_the_others_may_be_garbage(project):  # noqa: F811
    a, b = project.run("a"), project.run("b")
    marked = save_fold(a, project, 0)
    a.weights(1).parent.mkdir()
    a.weights(1).write_bytes(b"garbage")
    train(b, dataclasses.replace(RECIPE, init="a", lr=0.0, **QUICK), project)
    made = weights(b)
    names = dict(factory.create_model(RECIPE, HOME, "").named_parameters())  # batch norm statistics move without a step
    assert all(torch.equal(made[name], marked[name]) for name in names)


@pytest.mark.parametrize("model", ["test_resnet", "test_vit3", "test_convnext", "vit_tiny_patch16_dinov3_qkvb"])
def test_the_weights_are_taken_over_bit_by_bit(model):
    recipe = dataclasses.replace(RECIPE, model=model)
    first, second = (factory.create_model(recipe, HOME, "").state_dict() for _ in range(2))
    assert not same(first, second)
    built = factory.build_model(recipe, HOME, "", init=first)
    assert same(built.model.state_dict(), first)
    assert not built.new


@pytest.mark.parametrize("heads", [("classes", "attributes"), ("attributes", "classes")])
def test_another_head_is_new_and_said_so_and_the_backbone_is_kept(heads):
    before, now = (dataclasses.replace(RECIPE, head=head) for head in heads)
    first = factory.create_model(before, HOME, "").state_dict()
    built = factory.build_model(now, HOME, "", init=first)
    made = {name: value for name, value in built.model.state_dict().items() if name != TABLE}
    assert made.keys() == first.keys() - {TABLE}
    assert {name for name in made if not torch.equal(made[name], first[name])} >= {"fc.weight"}
    assert all(torch.equal(made[name], first[name]) for name in made if not name.startswith("fc."))
    assert [line.split()[0] for line in built.new] == ["fc.weight", "fc.bias"]


@pytest.mark.parametrize("heads", [("classes", "attributes"), ("attributes", "classes")])
def test_a_head_with_as_many_outputs_that_mean_something_else_is_new(heads):
    """Two attributes of two values make four classes, and the networks of both heads have four outputs."""
    attributes = {
        "size": Attribute(("small", "large"), (0, 0, 1, 1)),
        "form": Attribute(("round", "flat"), (0, 1, 0, 1)),
    }
    four = dataclasses.replace(HOME, classes=tuple("abcd"), attributes=attributes, ranges=())
    before, now = (dataclasses.replace(RECIPE, head=head) for head in heads)
    first = factory.create_model(before, four, "").state_dict()
    built = factory.build_model(now, four, "", init=first)
    assert [line.split()[0] for line in built.new] == ["fc.weight", "fc.bias"]
    assert built.new_head
    assert not factory.build_model(before, four, "", init=first).new


@pytest.mark.parametrize("model", ["test_vit", "test_vit3", "vit_tiny_patch16_dinov3_qkvb"])
def test_another_image_size_resamples_positions_and_keeps_all_else(model):
    small, large = (dataclasses.replace(RECIPE, model=model, image_size=size) for size in (32, 64))
    first = factory.create_model(small, HOME, "").state_dict()
    made = factory.build_model(large, HOME, "", init=first).model
    different = {name for name, value in made.state_dict().items() if not torch.equal(value, first.get(name))}
    assert different == ({"pos_embed"} & first.keys())
    assert build_head(large, HOME).probs(made(torch.zeros(1, 3, 64, 64))).shape == (1, 18)


def test_a_killed_training_ends_with_the_same_bits(project, monkeypatch):  # noqa: F811
    save_fold(project.run("a"), project, 0)
    recipe = dataclasses.replace(RECIPE, init="a", epochs=2)
    whole, killed = project.run("whole"), project.run("killed")
    train(whole, recipe, project)
    with killed_in_epoch(2, monkeypatch):
        train(killed, recipe, project)
    assert killed.resume(0).is_file()
    train(killed, recipe, project)
    assert same(weights(whole), weights(killed))


@pytest.fixture
def chain(project):  # noqa: F811
    """Runs a, b with INIT=a, and c with INIT=b; fold 0 of each is trained, and of c also predicted."""
    a, b, c = (project.run(name) for name in "abc")
    save_fold(a, project)
    save_fold(b, project, init="a")
    save_fold(c, project, init="b")
    predict_folds(data_of(c, project), c, [0], "none", CPU)
    return a, b, c


def data_of(run, project):  # noqa: F811
    return RunData(project, dataclasses.replace(RECIPE, init=run.init))


def state_of(run, project):  # noqa: F811
    return states(run, project)["0"]


def test_a_chain_is_recorded_and_stale_where_one_of_it_was_trained_again(chain, project):  # noqa: F811
    a, b, c = chain
    recorded = weights_file.weights_metadata(c.weights(0), "")["from_weights"]
    assert list(recorded) == ["b/fold0/model.safetensors", "a/fold0/model.safetensors"]
    assert state_of(c, project).state == "complete"
    save_fold(a, project, seed=1)
    for run in (b, c):
        with pytest.raises(InputError, match=r"a/fold0/model\.safetensors changed after its training"):
            weights_file.check_weights_current(data_of(run, project), run, 0)
    assert state_of(c, project).state == "stale"
    assert "RUN=c INIT=b FOLD=0" in state_of(c, project).why
    with pytest.raises(InputError, match="INIT=b: fold 0 is out of date: a/") as error:
        check_init_folds(project.run("d"), "b", project.folds_digest, [0])
    assert error.value.run == f"rm -r {b.fold(0)} && make train MODEL=test_resnet RUN=b INIT=a FOLD=0"


def test_a_record_names_the_weights_that_a_fold_began_with_and_notices_others(chain, project):  # noqa: F811
    a, b, _ = chain
    data, metadata = data_of(b, project), weights_file.weights_metadata(b.weights(0), "")
    record = weights_file.training_record(data, b, 0)
    assert record["from_weights"] == {"a/fold0/model.safetensors": files.digest(a.weights(0))}
    assert record == weights_file.kept_record(data, b, 0)
    assert made_of.changes(metadata, record) == []
    assert weights_file.changes_of_weights(b, metadata, record) == []
    save_fold(a, project, seed=1)
    now = weights_file.training_record(data, b, 0)
    (change,) = made_of.changes(metadata, now)
    assert (change.part, change.key) == ("from_weights", "a/fold0/model.safetensors")
    assert change.now == files.digest(a.weights(0)) != change.before
    assert weights_file.changes_of_weights(b, metadata, record) == ["a/fold0/model.safetensors"]
    assert weights_file.kept_record(data, b, 0) == record  # of the weights as they were trained
    with pytest.raises(InputError, match=r"a/fold0/model\.safetensors changed after its training"):
        train_stage.train_fold(data, b, 0, CPU)
    with pytest.raises(InputError, match=r"a/fold0/model\.safetensors changed after its training"):
        predict_folds(data, b, [0], "none", CPU)


def test_a_killed_training_does_not_go_on_with_other_weights_of_init(project, monkeypatch):  # noqa: F811
    save_fold(project.run("a"), project)
    recipe, killed = dataclasses.replace(RECIPE, init="a", epochs=2), project.run("killed")
    with killed_in_epoch(2, monkeypatch):
        train(killed, recipe, project)
    save_fold(project.run("a"), project, seed=1)
    with pytest.raises(InputError, match=r"resume\.pt was made with .*a/fold0/model\.safetensors") as error:
        train(killed, recipe, project)
    assert error.value.run.startswith(f"first rm {killed.resume(0)}, then the same command")
    assert not killed.is_trained(0)


def test_a_run_stays_complete_where_those_it_began_with_are_gone(chain, project):  # noqa: F811
    a, b, c = chain
    for run in (a, b):
        run.weights(0).unlink()
        run.recipe.unlink()
    assert state_of(c, project).state == "complete"
    train_stage.train_fold(data_of(c, project), c, 0, CPU)  # already trained
    predict_folds(data_of(c, project), c, [0], "hflip", CPU)
    assert state_of(c, project).why == "TTA hflip"


def test_other_folds_are_refused_with_the_leak_named(chain, project):  # noqa: F811
    with pytest.raises(InputError, match="may have seen photos that are held out now"):
        check_init_folds(project.run("d"), "a", "another digest", [0])


def test_missing_folds_are_refused_with_the_command_that_trains_them(chain, project):  # noqa: F811
    new = project.run("d")
    check_init_folds(new, "b", project.folds_digest, [0])
    with pytest.raises(InputError, match="INIT=b has no trained fold 1") as error:
        check_init_folds(new, "b", project.folds_digest, [0, 1])
    assert error.value.run == "make train MODEL=test_resnet RUN=b INIT=a FOLD=1"
    chain[1].resume(0).touch()  # it is being trained
    with pytest.raises(InputError, match="no trained fold 0, 1"):
        check_init_folds(new, "b", project.folds_digest, [0, 1])


def test_a_run_may_not_begin_with_itself_or_with_what_began_with_it(chain, project):  # noqa: F811
    a, *_ = chain
    with pytest.raises(InputError, match="is the run itself"):
        with_init(dataclasses.replace(RECIPE, init="d"), project.run("d"), HOME)
    a.weights(0).unlink()
    with pytest.raises(InputError, match="INIT=c was itself started with the weights of a"):
        check_init_folds(a, "c", project.folds_digest, [0])


@pytest.mark.parametrize(
    ("init", "changes", "words"),
    [
        ("zz", {}, "no trained run zz"),
        ("a", {"model": "test_vit"}, "INIT=a is a run of the model test_resnet"),
        ("../a", {}, "RUN=../a"),
    ],
)
def test_what_cannot_begin_is_one_clear_error(chain, project, init, changes, words):  # noqa: F811
    recipe = dataclasses.replace(RECIPE, init=init, **changes)
    with pytest.raises(InputError, match=words):
        with_init(recipe, project.run("d"), HOME)


def test_a_run_of_other_classes_is_refused(chain, project):  # noqa: F811
    other = dataclasses.replace(HOME, classes=HOME.classes[::-1])
    with pytest.raises(InputError, match=r"INIT=a: .* no recipe for the classes of this competition"):
        with_init(dataclasses.replace(RECIPE, init="a"), project.run("d"), other)


def test_the_normalisation_is_that_of_the_weights(project):  # noqa: F811
    save_fold(project.run("a"), project, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    plain = dataclasses.replace(RECIPE, init="a", mean=(), std=())
    made = with_init(plain, project.run("b"), HOME)
    np.testing.assert_array_equal((made.mean, made.std), [(0.1, 0.2, 0.3), (0.4, 0.5, 0.6)])


def test_weights_of_another_architecture_under_the_same_name_do_not_fit():
    state = factory.create_model(dataclasses.replace(RECIPE, model="test_vit"), HOME, "").state_dict()
    with pytest.raises(InputError, match="do not fit test_resnet"):
        factory.build_model(RECIPE, HOME, "", init=state)


def test_a_damaged_file_is_told_with_the_fold_to_train_again(chain, project):  # noqa: F811
    a, *_ = chain
    a.weights(0).write_bytes(a.weights(0).read_bytes()[:-100])
    with pytest.raises(InputError, match="does not load") as error:
        init_weights.init_weights_of(project.run("d"), "a", 0)
    assert error.value.run.startswith(f"rm -r {a.fold(0)} && make train")
