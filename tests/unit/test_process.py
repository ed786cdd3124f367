"""What a process asks of the scheduler, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="the scheduler of Linux")
def test_a_process_that_works_in_batches_keeps_its_niceness() -> None:
    said = "os.sched_getscheduler(0) == os.SCHED_BATCH, os.nice(0)"
    code = f"import os; from hub.infra.process import run_in_batches; os.nice(5); run_in_batches(); print({said})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["True", str(min(os.nice(0) + 5, 19))]
