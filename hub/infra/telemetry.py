"""The log of a process: a JSON object a line on standard error, without anything out of messages.

``{"at", "level", "process", "logger", "message"}``, with an exception ``"error"`` (its type) and ``"trace"`` (file, line and
function, innermost last). An exception's own text can hold what a message held, so it is written only for errors whose
text is made of codes, paths and addresses: the hub's own, the operating system's, Kafka's.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

from aiokafka.errors import KafkaError

from hub.domain.faults import HubError

_SPEAKING = (HubError, OSError, KafkaError, ImportError)
#: Frames of a trace that are written, the innermost.
_FRAMES = 12
#: Libraries that say at each attempt that a server is away; once from us is enough.
_TALKATIVE = {"aiokafka": logging.CRITICAL, "faust": logging.WARNING, "mode": logging.WARNING, "asyncio": logging.WARNING}


class JsonLines(logging.Formatter):
    """One record as one line of JSON."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line["error"] = type(error).__name__
            if isinstance(error, _SPEAKING):
                line["reason"] = str(error)
            line["trace"] = [
                f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(error.__traceback__)[-_FRAMES:]
            ]
        return json.dumps(line, ensure_ascii=False)


def configure(process: str, level: str) -> None:
    """Let everything this process logs from ``level`` on go to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(process))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name, least in _TALKATIVE.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelName(level.upper())))
    sys.excepthook = _last_words


def _last_words(kind: type[BaseException], error: BaseException, trace: object) -> None:
    del trace
    logging.getLogger("hub").critical("the process ends: %s", kind.__name__, exc_info=error)
