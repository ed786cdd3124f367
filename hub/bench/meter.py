"""CPU time and memory of the hub's processes, read from outside while they run."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import psutil

#: Its work is done by children, one a session; every other process does its own.
POSTGRES = "postgresql"


class Reading(msgspec.Struct, frozen=True):
    """CPU seconds since their start and resident bytes, by process name."""

    cpu: dict[str, float]
    rss: dict[str, int]


def processes(run_file: Path) -> dict[str, int]:
    """{name: pid} of a running hub, from the file its supervisor keeps."""
    entries: dict[str, int] = json.loads(run_file.read_text("utf-8"))["processes"]
    return entries


def read(pids: dict[str, int]) -> Reading:
    """One reading; a process that has gone is left out."""
    cpu: dict[str, float] = {}
    rss: dict[str, int] = {}
    for name, pid in pids.items():
        try:
            family = [psutil.Process(pid)]
            if name == POSTGRES:
                family += family[0].children()
        except psutil.NoSuchProcess:
            continue
        cpu[name] = sum(_cpu(member) for member in family) + (_reaped(family[0]) if name == POSTGRES else 0.0)
        rss[name] = sum(_rss(member) for member in family)
    return Reading(cpu=cpu, rss=rss)


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _reaped(process: psutil.Process) -> float:
    """What children that ended have used: PostgreSQL starts a process for each connection."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.children_user + times.children_system)


def _rss(process: psutil.Process) -> int:
    """Resident bytes that are the process's own: PostgreSQL's shared buffers would count once a backend."""
    try:
        memory = process.memory_info()
    except psutil.NoSuchProcess:
        return 0
    return int(memory.rss - memory.shared)


def used(before: Reading, after: Reading) -> dict[str, float]:
    """CPU seconds between two readings, by process."""
    return {name: after.cpu[name] - before.cpu.get(name, 0.0) for name in after.cpu}
