"""Choose the device, and the number format and the memory layout that are fast on it; advise if its memory runs out.

The number formats are bf16, fp16 and float32. The memory layouts are channels-last and the usual one of PyTorch.
"""

import contextlib
import os

import torch

from comp.errors import InputError
from comp.recipes.catalog import is_transformer
from comp.recipes.recipe_settings import Recipe


def precision(recipe: Recipe, device: torch.device, training: bool = False) -> torch.dtype:
    """The number format of the computations, as the recipe's `amp` says.

    amp="auto" means bf16 if the hardware has it (a CPU is then twice as fast), else fp16 on a GPU and float32 on other
    devices. training: whether the model is trained, for which some models need float32 on a CPU to be fast.
    """
    if recipe.amp in ("bf16", "fp16"):
        return {"bf16": torch.bfloat16, "fp16": torch.float16}[recipe.amp]
    if recipe.amp == "off":
        return torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu" and torch.backends.mkldnn.is_available() and _has_fast_bf16():
        return torch.float32 if training and _slow_in_bf16(recipe) else torch.bfloat16
    return torch.float32


# On a CPU the backward pass of depthwise convolutions is slow in bf16. Below these sizes (pixels) fp32 trains faster.
# Measured (two cores with AVX512-BF16, channels_last, images/s, fp32 : bf16): tf_efficientnet_lite0 242 : 105 at 64 px,
# 71 : 58 at 112, 16 : 18 at 224; efficientnetv2_rw_t 85 : 74 at 64, 38 : 47 at 112; mobilenetv3_large 349 : 179 at 64.
_FP32_BELOW = {"efficientnetv2": 96, "efficientnet": 192, "mobilenet": 192}


def _slow_in_bf16(recipe: Recipe) -> bool:
    return recipe.image_size < next((side for family, side in _FP32_BELOW.items() if family in recipe.model), 0)


def _has_fast_bf16() -> bool:
    """Return whether the CPU has instructions for bf16. Without them oneDNN emulates bf16, but slowly."""
    # torch before 2.15 has no public name for this: there a CPU computes in float32
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_tile"))


def autocast(dtype: torch.dtype, device: torch.device):
    """The context torch.autocast for `dtype`, or a context without effect if `dtype` is float32."""
    return contextlib.nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)


def memory_format(recipe: Recipe) -> torch.memory_format:
    """The memory layout for the recipe's model.

    channels_last="auto" means channels-last for convolutional models, which are then up to twice as fast on a CPU, and
    the usual layout for transformers, which channels-last slows on a CPU.
    """
    wanted = not is_transformer(recipe.model) if recipe.channels_last == "auto" else recipe.channels_last == "on"
    return torch.channels_last if wanted else torch.contiguous_format


@contextlib.contextmanager
def explained_device_error(recipe: Recipe, device: torch.device):
    """Raise InputError if the block runs out of GPU memory, or if torch.compile lacks a compiler.

    The advice for too little memory keeps the effective batch size.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        half = max(recipe.batch_size // 2, 1)
        raise InputError(
            f"{device} is out of memory at batch_size={recipe.batch_size}, image_size={recipe.image_size}",
            "a batch that fits into the memory: SET keeps the effective batch size, and needs about half the memory",
            f'the same command with SET="batch_size={half} accumulate={recipe.accumulate * 2}" RUN=<another name>',
        ) from error
    except RuntimeError as error:
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise
        raise InputError(
            f"compile=true: torch cannot compile {recipe.model} here: {str(error).strip().splitlines()[0]}",
            "a C++ compiler (apt-get install g++) for a CPU, or Triton for a GPU",
            "the same command with SET=compile=false RUN=<another name>",
        ) from error


def choose_device(name: str) -> torch.device:
    """The device `name`; "auto" means a GPU, or the CPU if there is none. Raises InputError for a missing device."""
    if name == "auto":
        return torch.device(
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        device = torch.device(name)
    except RuntimeError:
        known = "the name of a device: auto, cpu, cuda, cuda:1 or mps"
        raise InputError(f"DEVICE={name}", known, "the same command with DEVICE=auto") from None
    counts = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if (device.index or 0) >= counts.get(device.type, 0):
        raise InputError(
            f"DEVICE={name}, but this machine has {counts.get(device.type, 0)} {device.type} device(s)",
            "a device that this machine has (nvidia-smi lists its GPUs)",
            "the same command with DEVICE=auto",
        )
    return device


def fitting(device: torch.device, size: int, count: int) -> int:
    """The number of models, from 1 to `count`, that fit into half of the free memory of the device.

    size: the bytes of all `count` models together. The other half of the memory is for the outputs of layers.
    """
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
    elif hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    else:
        return 1
    return max(1, min(count, int(free / 2 * count / max(size, 1))))
