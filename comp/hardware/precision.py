"""Number format and memory layout: which are fast on a device (bf16, fp16 or float32; channels-last or not)."""

import contextlib

import torch

from comp.recipes.families import is_transformer
from comp.recipes.recipe import Recipe


def precision(recipe: Recipe, device: torch.device, training: bool = False) -> torch.dtype:
    """The compute type: bf16 where the hardware has it (on CPUs too, twice as fast), else fp16 on a GPU, else fp32."""
    if recipe.amp in ("bf16", "fp16"):
        return {"bf16": torch.bfloat16, "fp16": torch.float16}[recipe.amp]
    if recipe.amp == "off":
        return torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported() and _fast_cpu_bf16():
        return torch.float32 if training and _slow_in_bf16(recipe) else torch.bfloat16
    return torch.float32


# On a CPU the backward pass of depthwise convolutions is slow in bf16: below these sides (pixels) fp32 trains faster.
# Measured (two cores with AVX512-BF16, channels_last, images/s, fp32 : bf16): tf_efficientnet_lite0 242 : 105 at 64 px,
# 71 : 58 at 112, 16 : 18 at 224; efficientnetv2_rw_t 85 : 74 at 64, 38 : 47 at 112; mobilenetv3_large 349 : 179 at 64.
_FP32_BELOW = {"efficientnetv2": 96, "efficientnet": 192, "mobilenet": 192}


def _slow_in_bf16(recipe: Recipe) -> bool:
    return recipe.image_size < next((side for family, side in _FP32_BELOW.items() if family in recipe.model), 0)


def _fast_cpu_bf16() -> bool:
    """Whether the CPU has bf16 instructions: oneDNN also emulates bf16, but slowly.

    torch has no public name for this in all versions that we support; torch.cpu.get_capabilities is newer.
    """
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def autocast(dtype: torch.dtype, device: torch.device):
    """torch.autocast to `dtype`, or nothing for float32."""
    return contextlib.nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)


def memory_format(recipe: Recipe) -> torch.memory_format:
    """channels_last for convolutions, on GPUs and CPUs (there up to twice as fast); it slows transformers on a CPU."""
    wanted = not is_transformer(recipe.model) if recipe.channels_last == "auto" else recipe.channels_last == "on"
    return torch.channels_last if wanted else torch.contiguous_format
