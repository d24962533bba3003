"""What is fast on a CPU: the gradients of depthwise convolutions, computed in another way, and memory that is kept."""

import copy
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

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


TAKES_MEMORY_AGAIN = """
import platform, resource, sys, numpy
from comp.hardware import device
if "keep" in sys.argv:
    device.choose_device("cpu")
for new in range(5):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    numpy.full(8 << 20, 1.0)  # 64 MB
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, platform.libc_ver()[0])
"""


def test_memory_that_was_freed_is_not_fetched_from_the_system_again():
    pages = {}
    for word in ("keep", "usual"):
        command = [sys.executable, "-c", TAKES_MEMORY_AGAIN, word]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        count, library = printed.strip("\n").split(" ")
        pages[word] = int(count)
    if library != "glibc":
        pytest.skip("only glibc has these settings")
    assert pages["usual"] > 0
    assert pages["keep"] <= pages["usual"] / 4
