"""Runs the yardstick on the log of a finished run: the stages in plain Faust, until so many declarations are assessed.

``python -m hub.bench.plain JOB``; the job is a JSON file, the result a number of µs of CPU a declaration.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from hub import topics
from hub.infra.process import WallClock
from hub.infra.reference import ReferenceReader
from hub.infra.vault import Vault
from streams import plain
from streams.api import Stage
from streams.stages.assess import Assess
from streams.stages.ledger import Ledger
from streams.stages.match import Match
from streams.stages.register import Register
from streams.stages.resolve import Resolve
from streams.stages.split import Split

SECONDS = 180.0


class Job(msgspec.Struct, frozen=True):
    """``declarations`` to assess of what the topic ``submissions`` holds; ``warm`` of them are not counted."""

    bootstrap: str
    partitions: int
    keys: str
    data: str
    declarations: int
    warm: int
    result: str


class _Counting:
    """Assess, with its assessments counted and the CPU time taken at the first and the last counted."""

    name, inbox = Assess.name, Assess.inbox

    def __init__(self, stage: Any, job: Job) -> None:  # Any: the stage with its own state type
        self._stage, self._job, self._seen, self._began = stage, job, 0, 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)

    def handle(self, state: Any, record: Any, now: Any) -> Any:
        step = self._stage.handle(state, record, now)
        if step is not None and any(output.topic == topics.ASSESSMENTS for output in step.outputs):
            self._seen += 1
            if self._seen == self._job.warm:
                self._began = _cpu()
            elif self._seen == self._job.declarations:
                spent = (_cpu() - self._began) / (self._job.declarations - self._job.warm)
                Path(self._job.result).write_text(f"{spent * 1e6:.1f}", "utf-8")
                os._exit(0)
        return step


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _prepare(job: Job) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=job.bootstrap)
    await admin.start()
    there = set(await admin.list_topics())
    wanted = [
        NewTopic(plain.name_of(topic.name), job.partitions, 1)
        for topic in topics.TOPICS
        if topic.name != topics.SUBMISSIONS and plain.name_of(topic.name) not in there
    ]
    await admin.create_topics(wanted)
    await admin.close()


async def _reference(job: Job) -> ReferenceReader:
    reader = ReferenceReader(job.bootstrap, WallClock())
    await reader.start()
    await reader.ready()
    await reader.stop()
    return reader


def main() -> None:
    """Run the job of the file argv names."""
    job = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Job)
    asyncio.run(_prepare(job))
    reference = asyncio.run(_reference(job))
    plain.use_uvloop()
    vault = Vault(Path(job.keys))
    stages: list[Stage[Any]] = [
        Split(vault.open),
        Register(),
        Match(),
        _Counting(Assess(reference.data), job),
        Resolve(),
        Ledger(reference.data),
    ]
    threading.Thread(target=_give_up, daemon=True).start()
    Path(job.data).mkdir(parents=True, exist_ok=True)
    app = plain.make(stages, job.bootstrap, job.partitions, job.data)
    sys.argv = sys.argv[:1]
    plain.run(app)


def _give_up() -> None:
    time.sleep(SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
