"""What is fast on a CPU: the gradients of depthwise convolutions, computed in another way, and memory that is kept."""

import copy
import platform
import resource

import numpy as np
import pytest
import torch
from conftest import Forked
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from comp.hardware import device
from comp.hardware.device import use_quick_convolutions

SIDES, KERNELS, STRIDES, PADDINGS = st.integers(1, 6), st.integers(1, 5), st.integers(1, 3), st.integers(0, 3)


def gradients(module: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    images = images.clone().requires_grad_()
    outputs = module(images)
    outputs.backward(torch.randn(outputs.shape, dtype=outputs.dtype, generator=torch.Generator().manual_seed(1)))
    return [outputs.detach(), images.grad, *(parameter.grad for parameter in module.parameters())]


@settings(max_examples=60, deadline=None)
@given(*[st.tuples(kind, kind) for kind in (SIDES, KERNELS, STRIDES, PADDINGS)], st.booleans())
def test_gradients_are_those_of_torch(sides, kernel, stride, padding, bias):
    if any(side + 2 * pad < size for side, pad, size in zip(sides, padding, kernel, strict=True)):
        return  # there is no output
    plain = nn.Conv2d(4, 4, kernel, stride, padding, groups=4, bias=bias, dtype=torch.float64)
    quick = copy.deepcopy(plain)
    use_quick_convolutions(quick)
    images = torch.randn(3, 4, *sides, dtype=torch.float64)
    for expected, found in zip(gradients(plain, images), gradients(quick, images), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("frozen", ["weight", "bias"])
def test_a_frozen_part_has_no_gradient(frozen):
    module = nn.Conv2d(4, 4, 5, padding=2, groups=4)
    use_quick_convolutions(module)
    getattr(module, frozen).requires_grad_(False)
    module(torch.randn(2, 4, 2, 2)).sum().backward()
    assert {name for name, parameter in module.named_parameters() if parameter.grad is None} == {frozen}


def test_only_depthwise_convolutions_change_and_weights_keep_their_names():
    plain = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 1, groups=8))
    names = list(plain.state_dict())
    use_quick_convolutions(plain)
    assert [type(module) is nn.Conv2d for module in plain] == [True, False, True]
    assert list(copy.deepcopy(plain).state_dict()) == names


def test_predictions_and_half_precision_are_computed_by_torch():
    module = nn.Conv2d(4, 4, 5, padding=2, groups=4)
    images, plain = torch.randn(2, 4, 2, 2), copy.deepcopy(module)
    use_quick_convolutions(module)
    with torch.inference_mode():
        assert torch.equal(module(images), plain(images))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(module(images), plain(images))


def faults_when_memory_is_taken_again(kept: bool) -> int:
    """How many pages a process that has freed 64 MB gets from the system when it takes 64 MB again."""
    device.keep_freed_memory(False)
    if kept:
        device.choose_device("cpu")
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.full(8 << 20, 1.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_memory_that_was_freed_is_not_fetched_from_the_system_again():
    kept, usual = (Forked(faults_when_memory_is_taken_again, value).result() for value in (True, False))
    assert usual > 0
    assert kept <= usual / 4
