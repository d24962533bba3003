"""Choose the device, and what is fast on it: number format, memory layout, convolutions. Explain errors of the device.

The number formats are bf16, fp16 and float32. The memory layouts are channels-last and PyTorch's usual layout.
"""

import contextlib
import ctypes
import os
import sys

import torch
from torch import Tensor, nn
from torch.nn import functional

from comp.errors import InputError, first_line
from comp.recipes.catalog import is_transformer
from comp.recipes.recipe_settings import Recipe


def precision(recipe: Recipe, device: torch.device, training: bool = False) -> torch.dtype:
    """Return the number format in which a model computes. The recipe's setting `amp` decides.

    amp="auto" means bf16 if the hardware supports it (a CPU is then up to twice as fast). Otherwise it means fp16 on a
    device of the type cuda, and float32 on other devices. training: whether the model is being trained. On a CPU,
    float32 is faster if the photos are small, for some models only in training; "auto" then means float32.
    """
    if recipe.amp in ("bf16", "fp16"):
        return {"bf16": torch.bfloat16, "fp16": torch.float16}[recipe.amp]
    if recipe.amp == "off":
        return torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu" and torch.backends.mkldnn.is_available() and _has_fast_bf16():
        return torch.float32 if _slow_in_bf16(recipe, training) else torch.bfloat16
    return torch.float32


# On a CPU, bf16 is slower than float32 below these image sizes (pixels): small photos give little to compute, but all
# weights are converted in each step, and the backward pass of depthwise convolutions is slow in bf16. Images per second
# of training, float32 : bf16, on two cores with AVX512-BF16 and 32 photos in a step (predictions are alike):
#   resnet34                150 : 115 at 32 px, 59 : 64 at 64, 23 : 34 at 112
#   vit_small_r26            84 : 70 at 32 px, 35 : 53 at 64
#   tf_efficientnet_lite0   242 : 105 at 64 px, 71 : 58 at 112, 16 : 18 at 224
#   efficientnetv2_rw_t      85 : 74 at 64 px, 38 : 47 at 112
#   mobilenetv3_large       349 : 179 at 64 px
_FP32_BELOW = 64
_TRAINED_IN_FP32_BELOW = {"efficientnetv2": 96, "efficientnet": 192, "mobilenet": 192}


def _slow_in_bf16(recipe: Recipe, training: bool) -> bool:
    limits = _TRAINED_IN_FP32_BELOW if training else {}
    return recipe.image_size < next((side for family, side in limits.items() if family in recipe.model), _FP32_BELOW)


def _has_fast_bf16() -> bool:
    """Return whether the CPU has instructions for bf16. A CPU without them emulates bf16, which is slow."""
    # torch before 2.15 has no public function for this; then the answer is no, and the CPU computes in float32
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_tile"))


def autocast(dtype: torch.dtype, device: torch.device):
    """Return a context in which torch computes in `dtype` (torch.autocast). For float32 the context has no effect."""
    return contextlib.nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)


def memory_format(recipe: Recipe) -> torch.memory_format:
    """Return the memory layout for the recipe's model. The recipe's setting `channels_last` decides.

    "auto" means channels-last for convolutional models, which are then up to twice as fast on a CPU, and the usual
    layout for transformers, which channels-last makes slower on a CPU.
    """
    wanted = not is_transformer(recipe.model) if recipe.channels_last == "auto" else recipe.channels_last == "on"
    return torch.channels_last if wanted else torch.contiguous_format


# ---- depthwise convolutions of small images on a CPU


def use_quick_convolutions(model: nn.Module) -> None:
    """Let a model that is trained on a CPU compute the gradients of its depthwise convolutions faster.

    Only convolutions whose kernel is larger than their output change, so only models of small photos are faster.
    """
    for module in model.modules():
        if type(module) is nn.Conv2d and _is_depthwise(module):
            module.__class__ = _DepthwiseConv2d


def _is_depthwise(module: nn.Conv2d) -> bool:
    one_filter_each = module.groups == module.in_channels == module.out_channels > 1
    usual = module.dilation == (1, 1) and module.padding_mode == "zeros" and not isinstance(module.padding, str)
    return one_filter_each and usual and module.kernel_size != (1, 1)


class _DepthwiseConv2d(nn.Conv2d):
    """A depthwise convolution with another way to the gradient of its weights if its kernel is larger than its output.

    PyTorch's library for CPUs, oneDNN, is slow in this case, and a simple loop is faster. For 32 inputs of 4x4 with 672
    channels and a kernel of 5x5, the loop takes 7 ms instead of 37 ms. For 2x2 with 1152 channels and a kernel of 3x3,
    it takes 1 ms instead of 24 ms (one thread, torch 2.15).
    """

    def _conv_forward(self, images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        learns = weight.requires_grad and torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")
        small = any(kernel > side for kernel, side in zip(self.kernel_size, self._sides_of_output(images), strict=True))
        if learns and small and images.ndim == 4 and images.device.type == "cpu":
            return _QuickGradient.apply(images, weight, bias, self.stride, self.padding)
        return super()._conv_forward(images, weight, bias)

    def _sides_of_output(self, images: Tensor) -> list[int]:
        sides = zip(images.shape[-2:], self.kernel_size, self.padding, self.stride, strict=True)
        return [(side + 2 * padding - kernel) // stride + 1 for side, kernel, padding, stride in sides]


class _QuickGradient(torch.autograd.Function):
    """A depthwise convolution of images (B, C, H, W) with weights (C, 1, h, w), and its gradients."""

    @staticmethod
    def forward(context, images: Tensor, weight: Tensor, bias: Tensor | None, stride, padding) -> Tensor:
        context.save_for_backward(images, weight)
        context.stride, context.padding = stride, padding
        return functional.conv2d(images, weight, bias, stride, padding, groups=len(weight))

    @staticmethod
    def backward(context, gradient: Tensor):
        images, weight = context.saved_tensors
        wanted = [context.needs_input_grad[0], False, context.needs_input_grad[2]]
        of_images, _, of_bias = torch.ops.aten.convolution_backward(
            *(gradient, images, weight, [len(weight)], context.stride, context.padding),
            *((1, 1), False, (0, 0), len(weight), wanted),
        )
        of_weight = torch.zeros_like(weight)
        for row in range(weight.shape[2]):
            rows, out_rows = _overlap(row - context.padding[0], context.stride[0], images.shape[2], gradient.shape[2])
            for column in range(weight.shape[3]):
                shift = column - context.padding[1]
                columns, out_columns = _overlap(shift, context.stride[1], images.shape[3], gradient.shape[3])
                products = images[:, :, rows, columns] * gradient[:, :, out_rows, out_columns]
                of_weight[:, 0, row, column] = products.sum((0, 2, 3))
        return of_images, of_weight, of_bias, None, None


def _overlap(shift: int, stride: int, size: int, out_size: int) -> tuple[slice, slice]:
    """Return which inputs meet which outputs along one side of a convolution, for one place of the kernel.

    shift: the place of the input for output 0, which is outside of the input if it is negative. stride: how many places
    the input moves on for the next output. size, out_size: how many inputs and outputs there are.
    """
    first = max(0, -(shift // stride))  # the first output with shift + output * stride >= 0
    last = min(out_size - 1, (size - 1 - shift) // stride)
    start = shift + first * stride
    count = max(0, last - first + 1)
    return slice(start, start + count * stride, stride), slice(first, first + count)


# ---- errors


@contextlib.contextmanager
def explained_device_error(recipe: Recipe, device: torch.device):
    """Context manager: raise InputError if the code inside runs out of GPU memory, or if torch.compile fails in it.

    If memory runs out, the error advises to halve the batch size and to double the setting `accumulate`, which leaves
    the effective batch size unchanged. If a batch has only one photo already, it advises gradient checkpointing.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        if recipe.batch_size > 1:
            smaller = f"batch_size={recipe.batch_size // 2} accumulate={recipe.accumulate * 2}"
            expected = "a smaller batch; half the batch_size with twice the accumulate trains in the same way"
        else:
            smaller, expected = "checkpointing=true", "a model that needs less memory, or a smaller image_size"
        size = f"batch_size={recipe.batch_size}, image_size={recipe.image_size}"
        run = f'the same command with SET="{smaller}" RUN=<another name>'
        raise InputError(f"the device {device} is out of memory at {size}", expected, run) from error
    except RuntimeError as error:
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise
        raise InputError(
            f"torch cannot compile {recipe.model} (compile=true): {first_line(error, 2000)}",
            "for a CPU a C++ compiler (such as the system's package g++), for a GPU the Python package triton",
            "the same command with SET=compile=false RUN=<another name>",
        ) from error


def choose_device(name: str) -> torch.device:
    """Return the device with this name. "auto" means a GPU if the machine has one, else the CPU.

    If it is the CPU, this process keeps the memory that it frees. Raises InputError if the machine has no device with
    this name.
    """
    device = _device_of(name)
    if device.type == "cpu":
        keep_freed_memory()
    return device


def keep_freed_memory(kept: bool = True) -> None:
    """Let this process keep the memory that it frees, instead of giving it back to the system each time (glibc only).

    The system fills new memory with zeros, page by page. A training on a CPU frees and takes the same large tensors in
    each step: without this, a step of tf_efficientnet_lite0 with 32 photos of 64 px takes 290 ms instead of 245.
    kept: False sets glibc's usual values again.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(_M_MMAP_MAX, 0 if kept else 65536)
        mallopt(_M_TRIM_THRESHOLD, -1 if kept else 128 * 1024)


_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # from glibc's malloc.h; see `man mallopt`


def _device_of(name: str) -> torch.device:
    if name == "auto":
        return torch.device(
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        device = torch.device(name)
    except RuntimeError:
        known = "the name of a device, such as auto, cpu, cuda, cuda:1 or mps"
        advice = "the same command with DEVICE=auto"
        raise InputError(f"DEVICE={name} is not the name of a device", known, advice) from None
    counts = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if (device.index or 0) >= counts.get(device.type, 0):
        raise InputError(
            f"DEVICE={name}, but this machine has {counts.get(device.type, 0)} {device.type} device(s)",
            "a device that this machine has (`nvidia-smi` lists the NVIDIA GPUs)",
            "the same command with DEVICE=auto",
        )
    return device


def fitting(device: torch.device, size: int, count: int) -> int:
    """Return how many of `count` equally large models fit into half of the device's free memory, but at least 1.

    size: the bytes of all `count` models together. The other half of the memory is for the outputs of layers.
    """
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
    elif hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    else:
        return 1
    return max(1, min(count, int(free / 2 * count / max(size, 1))))
