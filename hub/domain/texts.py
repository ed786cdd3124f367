"""What no text that people are shown may hold (pure)."""

from __future__ import annotations

import re

#: Controls (a line break makes two codes of one, an escape tells a terminal what to do), and what turns the direction of what is shown.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def is_controlled(text: str) -> bool:
    """Whether a text holds a line break or another control character."""
    return _CONTROLS.search(text) is not None
