"""``hub``: the command line; with ``hub.cli`` the only reader of argv and environment."""

from __future__ import annotations

import io
import sys

from hub.cli import group


def main() -> None:
    """Run the command that argv names; what it says is said at once, into a file or a pipe too."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    group(prog_name="hub")


if __name__ == "__main__":
    main()
