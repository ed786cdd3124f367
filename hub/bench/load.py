"""The load: reads messages made beforehand and sends each at its appointed time, whether or not the hub keeps up.

Open loop: a message's latency counts from the moment it was due, so that a stalled hub cannot hide its own delay.
Runs as a process of its own (``python -m hub.bench.load``), a bare HTTP/1.1 client on keep-alive connections,
so that the load costs the machine as little as it can.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

#: Before each message in a load file: which key of the run signs in, and the length of the bytes that follow.
FRAME = struct.Struct(">BI")


class Plan(msgspec.Struct, frozen=True):
    """What to send: files of framed messages, API keys by index, at which rate (messages a second; 0: as fast as it goes),
    and twice as many for ``burst`` seconds from ``burst_at`` on (seconds after the start).
    """

    files: list[str]
    keys: list[str]
    host: str
    port: int
    rate: float
    connections: int
    seconds: float
    result: str
    media_type: str = "application/xml"
    #: how many messages in a row belong together and are sent at one time on one connection each
    start_at: float = 0.0
    burst_at: float = 0.0
    burst: float = 0.0
    patience: float = 30.0

    def due(self, number: int) -> float:
        """Seconds after the start at which a message is due."""
        early = max(number - self.rate * self.burst_at, 0)
        in_burst = min(early, 2 * self.rate * self.burst)
        return (number - in_burst / 2) / self.rate


class Tally(msgspec.Struct):
    """What came of it. Latencies in milliseconds, from due to answered; ``open``: the numbers of messages sent that were not
    acknowledged, whatever became of them.
    """

    sent: int = 0
    accepted: int = 0
    refused: int = 0
    failed: int = 0
    started_at: float = 0.0
    ended_at: float = 0.0
    latencies: list[float] = []
    answers: dict[str, int] = {}
    sample: str = ""
    open: list[int] = []


def messages(files: list[str]) -> Iterator[tuple[int, bytes]]:
    """(key index, bytes) of each framed message, in the order of the files."""
    for name in files:
        with Path(name).open("rb") as file:
            while head := file.read(FRAME.size):
                key, length = FRAME.unpack(head)
                yield key, file.read(length)


class Connection:
    """One keep-alive connection; sends one request at a time and reads the answer's status and body."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        """(status, body); raises OSError when the connection breaks."""
        if self._writer is None or self._writer.is_closing():
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port, limit=1 << 20)
        assert self._reader is not None
        self._writer.writelines((head, body))
        answer = await self._reader.readuntil(b"\r\n\r\n")
        status = int(answer[9:12])
        length = 0
        for line in answer.split(b"\r\n")[1:]:
            if line[:15].lower() == b"content-length:":
                length = int(line[15:])
        return status, await self._reader.readexactly(length)

    def close(self) -> None:
        """Drop the connection; the next post opens another."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


async def run(plan: Plan) -> Tally:
    """Send until the time is over or the messages are; answers still open at the end are awaited for ``patience`` seconds."""
    tally, open_ = Tally(), set[int]()
    heads = [
        (
            f"POST /v1/messages HTTP/1.1\r\nHost: {plan.host}:{plan.port}\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: {plan.media_type}\r\nContent-Length: "
        ).encode()
        for key in plan.keys
    ]
    queue: asyncio.Queue[tuple[int, float, int, bytes] | None] = asyncio.Queue()

    async def work() -> None:
        with contextlib.closing(Connection(plan.host, plan.port)) as connection:
            while (item := await queue.get()) is not None:
                number, due, key, body = item
                try:
                    status, answer = await connection.post(heads[key] + b"%d\r\n\r\n" % len(body), body)
                except (OSError, asyncio.IncompleteReadError):
                    connection.close()
                    tally.failed += 1
                    continue
                tally.latencies.append((time.monotonic() - due) * 1000)
                tally.answers[str(status)] = tally.answers.get(str(status), 0) + 1
                if status == 202:
                    tally.accepted += 1
                    open_.discard(number)
                else:
                    tally.refused += 1
                    tally.sample = tally.sample or answer[:2000].decode("utf-8", "replace")

    workers = [asyncio.create_task(work()) for _ in range(plan.connections)]
    if plan.start_at:
        await asyncio.sleep(max(0.0, plan.start_at - time.time()))
    tally.started_at = time.time()
    start = time.monotonic()
    for number, (key, body) in enumerate(messages(plan.files)):
        due = start + plan.due(number) if plan.rate else time.monotonic()
        if due - start > plan.seconds:
            break
        ahead = due - time.monotonic()
        if ahead > 0.002:
            await asyncio.sleep(ahead)
        while queue.qsize() > plan.connections * (4 if not plan.rate else 4096):  # noqa: ASYNC110 - a queue tells of full, not of this
            await asyncio.sleep(0.001)
        open_.add(number)
        queue.put_nowait((number, due, key, body))
        tally.sent += 1
        if not plan.rate and time.monotonic() - start > plan.seconds:
            break
    for _ in workers:
        queue.put_nowait(None)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*workers), plan.patience)
    tally.ended_at, tally.open = time.time(), sorted(open_)
    return tally


def main() -> None:
    """``python -m hub.bench.load PLAN``: run the plan of a JSON file, write the tally where it says."""
    import uvloop

    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    tally = uvloop.run(run(plan))
    Path(plan.result).write_text(json.dumps(msgspec.to_builtins(tally)), "utf-8")


if __name__ == "__main__":
    main()
