"""``hub``: the command line; with ``hub.cli`` the only reader of argv and environment."""

from __future__ import annotations

from hub.cli import group


def main() -> None:
    """Run the command that argv names."""
    group(prog_name="hub")


if __name__ == "__main__":
    main()
