"""What a user is told where a device runs out of memory or torch.compile fails."""

import contextlib

import torch

from comp.errors import InputError
from comp.recipes.recipe import Recipe


@contextlib.contextmanager
def explained(recipe: Recipe, device: torch.device):
    """Say clearly what went wrong where a GPU runs out of memory, or torch.compile has no compiler.

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
