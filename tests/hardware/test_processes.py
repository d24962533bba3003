"""Several processes on one training: what the first makes alone, and how long the others wait for it."""

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from comp.hardware import processes

TIMEOUT, LONGER = 2, 4  # seconds
SCRIPT = """
    import sys, time
    from datetime import timedelta
    from pathlib import Path
    import torch
    from comp.hardware import processes

    folder, rank = Path(sys.argv[1]), processes.rank()
    (folder / f"here{rank}").touch()
    while not all((folder / f"here{other}").exists() for other in range(processes.world())):
        time.sleep(0.05)  # importing torch takes longer than the time-out
    processes.start(torch.device("cpu"), timedelta(seconds=float(sys.argv[2])))
    with processes.first_alone(folder):
        if rank == 0:
            time.sleep(float(sys.argv[3]))
            (folder / "made").write_text("by 0")
        print(rank, (folder / "made").read_text())
    for _ in range(int(sys.argv[4])):
        with processes.first_alone(folder):
            pass
    print("sum", processes.mean(float(rank)) * processes.world())
    processes.stop()
"""


def started(folder: Path, count: int, *words) -> list[subprocess.CompletedProcess]:
    """The results of `count` processes that run SCRIPT together."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = os.environ | {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(folder), *map(str, words)]
    running = [
        subprocess.Popen(
            command, env=shared | {"RANK": str(rank)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for rank in range(count)
    ]
    ends = [process.communicate(timeout=120) for process in running]
    return [
        subprocess.CompletedProcess(command, process.returncode, *end)
        for process, end in zip(running, ends, strict=True)
    ]


def test_the_others_wait_for_the_first_for_longer_than_the_time_out(tmp_path):
    first, second = started(tmp_path, 2, TIMEOUT, LONGER, 0)
    assert first.returncode == 0, first.stderr
    assert second.returncode == 0, second.stderr
    assert first.stdout.split() == ["0", "by", "0", "sum", "1.0"]
    assert second.stdout.split() == ["1", "by", "0", "sum", "1.0"]


def test_one_block_may_follow_another_at_once(tmp_path):
    """Process 0 must not take the lock of its next block before the others have had that of the last one."""
    for process in started(tmp_path, 3, 20, 0, 100):
        assert process.returncode == 0, process.stderr
        assert "sum 3.0" in process.stdout


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
