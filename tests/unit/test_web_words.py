"""Whatever a stage can write into a timeline, and whoever's turn it can be, has words in both languages."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType

import pytest
from aiohttp.test_utils import make_mocked_request

from hub.domain import lifecycle, reading
from hub.domain.kinds import APPLICATION_KINDS, BILL_WORDS, KINDS, SUMMARY
from hub.web import words
from hub.web.views.common import number
from schemas import catalog
from streams.stages import bills, follow, register, split

#: What a hand-over can have come to (streams.deliver), where it was not delivered.
OUTCOMES = ("refused", "parked")
REFUSED_VERSIONS = (register._EXISTS, register._CONFLICT, register._SAME_MESSAGE, register._CLOSED, register._OTHER_SIDE)
#: Which argument holds the word: ``turn.note(by, what, …)``, ``Noted(what, …)``.
_PLACES = {"note": 1, "Noted": 0}


def _noted(*modules: ModuleType) -> Iterator[str]:
    """The words stages write: constants, the module's names for them, and with ``*`` what is open in an f-string."""
    for module in modules or (register, follow, bills, split):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            name = getattr(getattr(node, "func", None), "attr", "") or getattr(getattr(node, "func", None), "id", "")
            if isinstance(node, ast.Call) and name in _PLACES:
                yield from _words(node.args[_PLACES[name]], module)


def _words(said: ast.expr, module: ModuleType) -> Iterator[str]:
    if isinstance(said, ast.IfExp):
        yield from _words(said.body, module)
        yield from _words(said.orelse, module)
    elif isinstance(said, ast.Constant):
        yield str(said.value)
    elif isinstance(said, ast.Name) and said.id.isupper():
        yield getattr(module, said.id)
    elif isinstance(said, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in said.values)


def _said() -> set[str]:
    """Every word of the timeline, with what its open places can hold."""
    stages = (follow.APPLIED, follow.ACCEPTED, follow.REFUSED, follow.WITHDRAWN)
    parcel = [word for word, _ in BILL_WORDS.values()]
    return {
        *(word for word in _noted() if "*" not in word),
        *(f"duplicate.{name}" for name in REFUSED_VERSIONS),
        *(f"hand-over {outcome}" for outcome in OUTCOMES),
        *(state.name for state in lifecycle.HUB_STATES),
        *(f"{kind} {stage}" for kind in APPLICATION_KINDS for stage in stages),
        *(f"{SUMMARY} {stage}" for stage in (*stages, follow.CONCLUDED)),
        *parcel,
        *(f"{word}: {why}" for word in parcel for why in ("replaced", "moved", "withdrawn", "rejected", "concluded")),
        *follow.TAX_WORDS.values(),
        *("signed for", "signed for withdrawn", "tax due", "tax overdue"),
        lifecycle.REPEATED,
        lifecycle.STALE,
        lifecycle.HANDED_OVER,
    }


def test_the_words_are_found_in_the_source() -> None:
    assert {"received", "assessed", "still waiting", "overdue", "superseded", "expired"} <= set(_noted())
    assert {"assembled", "declaration found", "declaration not here"} <= set(_noted(follow))


def test_no_open_word_is_new() -> None:
    """An f-string somebody adds has to be thought of in ``_said``."""
    assert {word for word in _noted() if "*" in word} == {"* *", "* withdrawn", "summary *", "older: *"}


@pytest.mark.parametrize("word", sorted(_said()))
def test_every_word_of_the_timeline_is_said_in_both_languages(word: str) -> None:
    assert word in words.EVENTS
    english, chinese = words.EVENTS[word]
    assert english.isascii()
    assert not chinese.isascii()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_words_with_something_open_are_said_too(language: str) -> None:
    for word in ("older: tax bill void", "waybill status X", "waybill status X withdrawn", "tax bill 9"):
        assert (words.event_text(word, language) == word) == (language == "en" and word in ("older: tax bill void", "waybill status X"))
    assert words.event_text("older: tax bill void", "zh") == "较早：电子税单已作废"
    assert words.awaited_text("part 12", language) == ("part 12", "第 12 份")[words.index(language)]
    assert words.awaited_text("declaration", language) == ("declaration", "申报清单")[words.index(language)]


@pytest.mark.parametrize("table", ["KINDS", "FACT_NAMES", "STAGES", "ACTORS"])
def test_tables_speak_both_languages(table: str) -> None:
    for english, chinese in getattr(words, table).values():
        assert english.isascii()
        assert not chinese.isascii()


def test_every_kind_has_a_name() -> None:
    assert {*KINDS, "receipt"} <= words.KINDS.keys()


def _facts() -> Iterator[str]:
    """The facts stages set: keywords of ``_fact(turn, …)``, what others note, and the kinds applied for."""
    for node in ast.walk(ast.parse(inspect.getsource(follow))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_fact":
            yield from [keyword.arg for keyword in node.keywords if keyword.arg]
    yield from ("signed", "tax", "taxCreated", *APPLICATION_KINDS)
    for _, fact in BILL_WORDS.values():
        yield from (fact, f"{fact}Concluded")


def test_every_fact_has_a_form_and_a_name() -> None:
    assert set(_facts()) <= lifecycle.FACTS.keys() == words.FACT_NAMES.keys()
    assert words.fact_name("entry 2", "zh") == "报关单 2"


@pytest.mark.parametrize(("name", "value", "read", "zh"), [
    ("released", "1762790405000", "2025-11-10T16:00:05.000Z", "2025-11-11 00:00:05"),
    ("taxStatus", "2", "2", "2 已汇总"),
    ("statisticsFlag", "B", "B", "B 汇总申报"),
    ("cancellation", "accepted", "accepted", "海关已同意"),
    ("taxNo", "29212026I000000077_0", "29212026I000000077_0", "29212026I000000077_0"),
    ("released", "soon", "", ""),
])  # fmt: skip
def test_a_fact_is_read_by_programs_and_by_people(name: str, value: str, read: str, zh: str) -> None:
    assert words.fact_value(name, value) == read
    assert words.fact_text(name, read, "zh") == zh


def test_every_need_has_words_and_a_next_step() -> None:
    said = {node.value for node in ast.walk(ast.parse(inspect.getsource(reading.need) + inspect.getsource(reading._together)))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 20} & words.NEEDS.keys()  # fmt: skip
    assert {"doubtful", "parts missing", "not named", "rejected"} <= said
    late = {word + over for word in (reading.TAX, reading.BACK, reading.SUMMARISE) for over in ("", reading.OVERDUE)}
    assert late <= words.NEEDS.keys()
    for pairs in words.NEEDS.values():
        assert all(english.isascii() and not chinese.isascii() for english, chinese in pairs)


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


def test_states_and_numbers_of_a_declaration_are_said_in_chinese() -> None:
    assert words.say(words.STATES, "processing error", "zh") == "处理异常"
    for name in ("orderNo", "ebpCode", "preNo", "invtNo", "billNo", "sumNo", "taxNo"):
        assert words.number_name(name, "zh") == f"{words.number_name(name, 'zh').split(' ')[0]} {name}" != name


def test_sentences_have_their_full_stops() -> None:
    assert words.sentences("Released", "Nothing to do") == "Released. Nothing to do."
    assert words.sentences("已放行", "无需操作。") == "已放行。无需操作。"
    assert words.sentences("Released.", "") == "Released."


def test_whose_message_it_is_stands_in_both_languages() -> None:
    assert words.way(catalog.message("CEB711"), "en") == "site operator → customs"
    assert words.way(catalog.message("CEB403"), "zh") == "支付企业、电商企业、电商平台 → 海关"
    assert words.way(catalog.message("CEB622"), "en") == "customs → enterprise"
