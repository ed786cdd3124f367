"""Whatever a stage can write into a timeline, and whoever's turn it can be, has words in both languages."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

import pytest
from aiohttp.test_utils import make_mocked_request

from hub.domain import lifecycle
from hub.web import words
from hub.web.views.common import number
from streams.stages import register

#: What a hand-over can have come to (streams.deliver), where it was not delivered.
OUTCOMES = ("refused", "parked")
REFUSED_VERSIONS = (register._EXISTS, register._CONFLICT, register._SAME_MESSAGE, register._CLOSED)


def _noted() -> Iterator[str]:
    """The words of every ``turn.note(by, what, …)`` in register: constants, and the module's names for them."""
    for node in ast.walk(ast.parse(inspect.getsource(register))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "note"):
            continue
        said = node.args[1]
        branches = [said.body, said.orelse] if isinstance(said, ast.IfExp) else [said]
        while branches:
            branch = branches.pop()
            if isinstance(branch, ast.IfExp):
                branches += [branch.body, branch.orelse]
            elif isinstance(branch, ast.Constant):
                yield str(branch.value)
            elif isinstance(branch, ast.Name) and branch.id.isupper():
                yield getattr(register, branch.id)


def test_the_words_are_found_in_the_source() -> None:
    assert {"received", "assessed", "still waiting", "overdue", "superseded", "expired"} <= set(_noted())


@pytest.mark.parametrize(
    "word",
    sorted(
        {
            *_noted(),
            *(f"duplicate.{name}" for name in REFUSED_VERSIONS),
            *(f"hand-over {outcome}" for outcome in OUTCOMES),
            *(state.name for state in lifecycle.HUB_STATES),
            lifecycle.REPEATED,
            lifecycle.STALE,
            lifecycle.HANDED_OVER,
        }
    ),
)
def test_every_word_of_the_timeline_is_said_in_both_languages(word: str) -> None:
    assert word in words.EVENTS
    english, chinese = words.EVENTS[word]
    assert english.isascii()
    assert not chinese.isascii()


def test_whoever_s_turn_it_can_be_has_a_name() -> None:
    turns = {state.turn for state in lifecycle.HUB_STATES} | {code.turn for code in lifecycle.CODES}
    assert turns | set(lifecycle.AWAITED_FROM.values()) | {"sender"} <= words.ACTORS.keys()


@pytest.mark.parametrize("at", [0, 1 << 53, -(1 << 53), (1 << 63) - 1])
def test_a_time_no_calendar_has_is_shown_as_none(at: int) -> None:
    assert words.rfc3339(at) == ""


def test_a_page_of_nothing_would_be_asked_for_without_end() -> None:
    request = make_mocked_request("GET", "/v1/search?limit=0&skip=0")
    assert number(request, "limit", 50, 200, least=1) == 1
    assert number(request, "skip", 0, 10_000) == 0
