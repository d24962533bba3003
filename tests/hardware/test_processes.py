"""Several processes on one training: what the first makes alone, and how long the others wait for it."""

import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import in_ranks

from comp.hardware import processes

TIMEOUT, LONGER = 1, 2  # seconds


def together(folder: Path, timeout: float, seconds: float, more: int) -> tuple[str, float]:
    """What one of several processes does: a block, in which the first takes `seconds`, and `more` blocks after it.

    Returns what the first process has made, and the sum of all ranks.
    """
    processes.start(torch.device("cpu"), timedelta(seconds=timeout))
    with processes.first_alone(folder):
        if processes.rank() == 0:
            time.sleep(seconds)
            (folder / "made").write_text("by 0")
        made = (folder / "made").read_text()
    for _ in range(more):
        with processes.first_alone(folder):
            pass
    total = processes.mean(float(processes.rank())) * processes.world()
    processes.stop()
    return made, total


def test_the_others_wait_for_the_first_for_longer_than_the_time_out(tmp_path):
    assert in_ranks(2, together, tmp_path, TIMEOUT, LONGER, 0) == [("by 0", 1.0)] * 2


def test_one_block_may_follow_another_at_once(tmp_path):
    """Process 0 must not take the lock of its next block before the others have had that of the last one."""
    assert in_ranks(3, together, tmp_path, 20, 0, 100) == [("by 0", 3.0)] * 3


def test_alone_a_process_waits_for_nobody_and_leaves_no_lock(tmp_path):
    with processes.first_alone(tmp_path):
        pass
    assert not list(tmp_path.iterdir())
    assert processes.TIMEOUT.total_seconds() > 600  # NCCL's default: decoding a large competition takes longer


@pytest.mark.parametrize("rows", [1, 5, 12])
def test_each_process_gets_its_share_of_a_batch_and_at_least_two_rows(monkeypatch, rows):
    monkeypatch.setenv("WORLD_SIZE", "3")
    shares = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        shares.append(processes.share(np.arange(rows)))
    assert {len(share) for share in shares} <= {max(2, -(-rows // 3)), max(2, rows // 3)}
    assert set(np.concatenate(shares)) == set(range(rows))
