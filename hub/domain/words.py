"""Lists of words in reference data: what a TOML file says as a list, a cell of a CSV file says with commas (``1210, 1239``)."""

from __future__ import annotations


def words_of(value: object) -> tuple[str, ...]:
    """The words of a list or cell; a number among them is its digits. The one reader of such lists."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, (list, tuple)):
        return ()
    return tuple([text for word in value if (text := str(word).strip())])


def are_words(value: object) -> bool:
    """Whether every one of a list is text, and none empty; or a cell."""
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(word, str) and word.strip() for word in value))
