"""Start a script in several processes that train together: python -m comp.hardware.launch GPUS SCRIPT NAME=value …

The Makefile calls this module if the option GPUS is not 1. It is torchrun, but if a process fails, its own error is the
last thing that is printed, without the report of torchrun about the exit of each process.
"""

import logging
import sys

from comp import console
from comp.errors import InputError


def main() -> None:
    count = process_count(sys.argv[1])
    from torch.distributed import run  # imported late, because a wrong GPUS does not need torch
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    logging.disable(logging.CRITICAL)  # only in this process, which only starts and ends the others
    try:
        run.main(["--standalone", f"--nproc-per-node={count}", "--", *sys.argv[2:]])
    except ChildFailedError as error:
        sys.exit(max(1, error.get_first_failure()[1].exitcode))
    except (SignalException, KeyboardInterrupt):
        sys.exit(130)


def process_count(text: str) -> int:
    """Return the number of processes that GPUS=text asks for. Raises InputError if `text` is no number from 1 on."""
    if not (text.isascii() and text.isdecimal() and int(text) >= 1):
        expected = "the number of GPUs that train a fold together, from 1 on"
        raise InputError(f"GPUS={text} is not allowed", expected, "the same command with GPUS=1")
    return int(text)


if __name__ == "__main__":
    console.run_stage(main)
