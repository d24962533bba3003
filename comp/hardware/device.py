"""Devices: which one to use, which number format and memory layout are fast on it, and what to do if its memory ends.

The number formats are bf16, fp16 and float32; the memory layouts channels-last and the usual one.
"""

import contextlib
import os

import torch

from comp.errors import InputError
from comp.recipes.catalog import is_transformer
from comp.recipes.recipe_settings import Recipe


def precision(recipe: Recipe, device: torch.device, training: bool = False) -> torch.dtype:
    """The compute type: bf16 if the hardware has it (on CPUs it is twice as fast), else fp16 on a GPU, else fp32."""
    if recipe.amp in ("bf16", "fp16"):
        return {"bf16": torch.bfloat16, "fp16": torch.float16}[recipe.amp]
    if recipe.amp == "off":
        return torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu" and torch.backends.mkldnn.is_available() and _has_fast_bf16():
        return torch.float32 if training and _slow_in_bf16(recipe) else torch.bfloat16
    return torch.float32


# On a CPU the backward pass of depthwise convolutions is slow in bf16: below these sides (pixels) fp32 trains faster.
# Measured (two cores with AVX512-BF16, channels_last, images/s, fp32 : bf16): tf_efficientnet_lite0 242 : 105 at 64 px,
# 71 : 58 at 112, 16 : 18 at 224; efficientnetv2_rw_t 85 : 74 at 64, 38 : 47 at 112; mobilenetv3_large 349 : 179 at 64.
_FP32_BELOW = {"efficientnetv2": 96, "efficientnet": 192, "mobilenet": 192}


def _slow_in_bf16(recipe: Recipe) -> bool:
    return recipe.image_size < next((side for family, side in _FP32_BELOW.items() if family in recipe.model), 0)


def _has_fast_bf16() -> bool:
    """Whether the CPU has bf16 instructions: oneDNN also emulates bf16, but slowly."""
    # torch before 2.15 has no public name for this: there a CPU computes in float32
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_tile"))


def autocast(dtype: torch.dtype, device: torch.device):
    """torch.autocast to `dtype`, or nothing for float32."""
    return contextlib.nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)


def memory_format(recipe: Recipe) -> torch.memory_format:
    """channels_last for convolutions, on GPUs and CPUs (there up to twice as fast); it slows transformers on a CPU."""
    wanted = not is_transformer(recipe.model) if recipe.channels_last == "auto" else recipe.channels_last == "on"
    return torch.channels_last if wanted else torch.contiguous_format


@contextlib.contextmanager
def explained_device_error(recipe: Recipe, device: torch.device):
    """Within this context, running out of GPU memory and a missing compiler of torch.compile become an InputError.

    The advice for the first keeps the effective batch size.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        half = max(recipe.batch_size // 2, 1)
        raise InputError(
            f"{device} is out of memory at batch_size={recipe.batch_size}, image_size={recipe.image_size}",
            "a batch that fits",
            f'SET="batch_size={half} accumulate={recipe.accumulate * 2}" RUN=<name>: the same steps in half the memory',
        ) from error
    except RuntimeError as error:
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise
        raise InputError(
            f"compile=true: torch cannot compile {recipe.model} here: {str(error).strip().splitlines()[0]}",
            "a C++ compiler for a CPU (apt-get install g++), Triton for a GPU",
            "the same command with compile=false, under another RUN",
        ) from error


def choose_device(name: str) -> torch.device:
    """The device of that name; "auto" is the first GPU, else the CPU. InputError for one that this machine lacks."""
    if name == "auto":
        return torch.device(
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        device = torch.device(name)
    except RuntimeError:
        known = "auto, cpu, cuda, cuda:1, mps"
        raise InputError(f"DEVICE={name}", known, "the same command with DEVICE=auto") from None
    counts = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if (device.index or 0) >= counts.get(device.type, 0):
        raise InputError(
            f"DEVICE={name}, but this machine has {counts.get(device.type, 0)} such device(s)",
            "a device that is there",
            "the same command with DEVICE=auto (nvidia-smi shows what the driver sees)",
        )
    return device


def fitting(device: torch.device, size: int, count: int) -> int:
    """How many of `count` models (`size` bytes together) fit into half of the free memory, at least 1.

    The other half is for the outputs of layers.
    """
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
    elif hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    else:
        return 1
    return max(1, min(count, int(free / 2 * count / max(size, 1))))
