"""The story in a terminal: both languages, aligned, nothing hidden that was told."""

import asyncio
import json
import threading
from collections.abc import Iterator

import click
import msgspec
import pytest
from aiohttp import web
from click.testing import CliRunner

from hub.cli import group
from hub.cli.trace import is_over, timeline_line, told
from hub.domain.access import Principal
from hub.domain.faults import Both, fault
from hub.web import story
from tests.support.reading import Case, assessment_of

CASE = Case(5)
OFFICER = Principal(name="customs", roles=("customs",))
AGENT = Principal(name="agent", roles=("declarant",))


def _story(viewer: Principal) -> dict:
    documents = tuple(CASE.released(kind) for kind in CASE.keys)
    found = story.Story(documents[-1], documents, (), assessment_of(CASE))
    return json.loads(json.dumps(story.declaration_json(viewer, found)))


def test_the_story_names_every_document_and_every_word_of_customs() -> None:
    text = click.unstyle("\n".join(told(_story(OFFICER), "en")))
    for key in CASE.keys.values():
        assert key.partition("/")[2] in text
    assert [word in text for word in ("declaring", "stored by customs", "released", "R06", "→ release")] == [True] * 5


def test_a_declarant_is_told_no_finding_in_either_language() -> None:
    for speaks in ("en", "zh"):
        text = "\n".join(told(_story(AGENT), speaks))
        assert "R06" not in text
        assert "secret" not in text


def test_the_chinese_story_has_no_english_state() -> None:
    text = click.unstyle("\n".join(told(_story(AGENT), "zh")))
    assert "放行" in text
    assert "released " not in text


def test_a_warning_and_what_agrees_only_once_normalised_are_told_in_both_languages() -> None:
    said = {"field": "payerName", "version": 1, "one_digest": "0a", "other_digest": "0b"}
    said |= {"one": Both("order", "订单"), "other": Both("payment", "支付单")}
    notes = (fault("match.expiring", until="2026-06-02 12:00"), fault("match.spelling", path="PaymentHead/payerName", **said))
    waiting = msgspec.structs.replace(CASE.released("declaration"), notes=notes)
    body = json.loads(json.dumps(story.declaration_json(AGENT, story.Story(waiting, (waiting,)))))
    assert [note["code"] for note in body["match"]["notes"]] == ["match.expiring", "match.spelling"]
    assert body["match"]["differences"] == []
    english, chinese = ("\n".join(told(body, speaks)) for speaks in ("en", "zh"))
    assert "expires at 2026-06-02 12:00" in english
    assert "payerName of order and payment" in english
    assert "2026-06-02 12:00（北京时间）过期" in chinese
    assert "订单与支付单的 payerName" in chinese


def test_a_story_is_over_when_customs_is_done() -> None:
    assert is_over(_story(AGENT))
    open_ = _story(AGENT)
    open_["status"]["code"] = "120"
    assert not is_over(open_)


def test_a_stored_order_is_not_over_while_it_waits_for_others() -> None:
    lone = _story(AGENT) | {"kind": "order", "status": {"code": "120", "state": "stored by customs"}}
    assert is_over(lone)
    assert not is_over(lone | {"match": {"state": "waiting"}})


@pytest.fixture
def hub_url() -> Iterator[str]:
    """A server in a thread of its own that knows one declaration and one refused submission.

    Under the number LATE it is asked first when it knows but the second line of the story.
    """
    asked = 0

    async def declaration(request: web.Request) -> web.Response:
        nonlocal asked
        assert request.headers["Authorization"] == "Bearer key-agent"
        key, whole = request.match_info["key"], _story(AGENT)
        if key not in (CASE.business("declaration"), "LATE"):
            return web.json_response({"detail": "nothing"}, status=404)
        if key == "LATE" and not asked:
            whole["timeline"], whole["status"]["code"] = whole["timeline"][1:2], "2"
            asked += 1
        return web.json_response(whole)

    loop = asyncio.new_event_loop()
    app = web.Application()
    app.router.add_get("/v1/declarations/{key}", declaration)
    runner = web.AppRunner(app, access_log=None)

    async def start() -> int:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner.addresses[0][1]

    port = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(runner.cleanup())
    loop.close()


def test_trace_follows_to_the_end_and_says_what_it_cannot_find(hub_url: str) -> None:
    run = CliRunner(env={"HUB_API_KEY": "key-agent"}).invoke
    told_ = run(group, ["trace", CASE.business("declaration"), "--url", hub_url, "--follow", "--language", "en"])
    assert told_.exit_code == 0
    assert told_.output.index("declaring") < told_.output.index("whose turn")
    as_json = run(group, ["trace", CASE.business("declaration"), "--url", hub_url, "--json"])
    assert json.loads(as_json.output)["status"]["code"] == "800"
    assert run(group, ["trace", "unknown", "--url", hub_url]).exit_code == 1


def test_what_comes_late_and_stands_early_is_followed_too(hub_url: str) -> None:
    run = CliRunner(env={"HUB_API_KEY": "key-agent"}).invoke
    followed = run(group, ["trace", "LATE", "--url", hub_url, "--follow", "--language", "en"]).output
    lines = [timeline_line(line, "en") for line in _story(AGENT)["timeline"]]
    said = click.unstyle(followed).splitlines()
    assert sorted(said[: len(lines)]) == sorted(map(click.unstyle, lines))
    assert said[0] == click.unstyle(lines[1])


def test_a_hub_that_does_not_answer_is_exit_two() -> None:
    result = CliRunner(env={"HUB_API_KEY": "k"}).invoke(group, ["trace", "x", "--url", "http://127.0.0.1:9"])
    assert result.exit_code == 2


def test_the_numbers_others_know_it_by_are_told() -> None:
    found = _story(AGENT)
    found["keys"] |= {"invtNo": "29212026I000000001", "preNo": "I202600000000000001"}
    for speaks in ("en", "zh"):
        text = click.unstyle("\n".join(told(found, speaks)))
        assert [name in text for name in ("29212026I000000001", "I202600000000000001", "invtNo", "preNo")] == [True] * 4
