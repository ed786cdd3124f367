"""What the hub says about itself is complete and well formed."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession, web
from yarl import URL

from adapters.dialects import receipts
from hub import topics
from hub.cli.topics import page
from hub.domain.authority_views import VIEWS
from hub.domain.events import Assessment, Finding, SubmissionSummary
from hub.domain.faults import Unavailable, fault_kinds
from hub.web import story
from hub.web.app import make_app
from hub.web.asyncapi import PUBLIC, TYPED, asyncapi, event_schemas
from hub.web.openapi import SCHEMAS, openapi
from hub.web.ports import Parts
from hub.web.problems import unfilled
from schemas import samples
from tests.support.kept import Kept
from tests.support.reading import CALLERS, FixedClock, PlainSealer
from tests.support.zone import ALL, Zone
from tests.unit.test_zone_import import sold


class Away:
    """A read model and a log that do not answer."""

    def __getattr__(self, name: str) -> Any:
        async def refuse(*values: Any) -> None:
            raise Unavailable("PostgreSQL")

        return refuse


@pytest.fixture
async def url() -> AsyncIterator[str]:
    parts = Parts(
        read=Away(),
        records=Away(),
        sealer=PlainSealer(),
        clock=FixedClock(),
        by_key=CALLERS.get,
        by_name=lambda name: CALLERS.get(f"key-{name}"),
        session_secret=b"s" * 32,
        receipt_xml=receipts.message,
    )
    runner = web.AppRunner(make_app(parts))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(_references, value.values()), set())
    return set().union(*map(_references, value)) if isinstance(value, list) else set()


def _found(document: Any, reference: str) -> bool:
    for part in reference.removeprefix("#/").split("/"):
        if part not in document:
            return False
        document = document[part]
    return True


def test_every_reference_of_the_descriptions_leads_somewhere() -> None:
    for document in (openapi("1"), asyncapi("1")):
        references = _references(document)
        assert references
        assert [reference for reference in references if not _found(document, reference)] == []


def test_operation_ids_are_unique_and_path_parameters_declared() -> None:
    operations = [(path, one) for path, methods in openapi("1")["paths"].items() for one in methods.values()]
    assert len({one["operationId"] for _, one in operations}) == len(operations)
    for path, one in operations:
        declared = {parameter["name"] for parameter in one["parameters"] if parameter["in"] == "path"}
        assert declared == {part.strip("{}") for part in path.split("/") if "{" in part}


async def test_openapi_names_exactly_the_routes_that_programs_call(url: str) -> None:
    described = {path for path in openapi("1")["paths"] if path != "/v1/messages" and "/webhooks/" not in path}
    app = make_app(
        Parts(
            read=Away(),
            records=Away(),
            sealer=PlainSealer(),
            clock=FixedClock(),
            by_key=CALLERS.get,
            by_name=CALLERS.get,
            session_secret=b"s",
            receipt_xml=receipts.message,
        )
    )
    routed = {resource.canonical for resource in app.router.resources()}
    pages = {"/", "/login", "/logout", "/throughput", "/declarations", "/declarations/{key}", "/submissions", "/summaries", "/rules", "/held", "/held/{submission}"}
    pages |= {"/orders", "/orders/{id}/revoke", "/alerts", "/cases/{id}", "/deliveries", "/deliveries/{id}/{what}"}
    pages |= {"/submissions/{id}", "/static/{name}", "/docs", "/docs/messages", "/docs/messages/{type}"}
    pages |= {"/docs/messages/{type}/{part}/{field}", "/docs/fields/{name}"}
    pages |= {"/enterprises", "/enterprises/{code}", "/enterprises/{code}/standing"}
    assert routed - pages == described


def test_asyncapi_has_each_public_topic_with_a_schema_of_its_records() -> None:
    document = asyncapi("1")
    assert {*PUBLIC, *TYPED} <= {topic.name for topic in topics.TOPICS}
    assert set(document["channels"]) == {*PUBLIC, *TYPED}
    assert set(document["channels"]["out.tax"]["messages"]) == {"hub.alert.raised.v1", "hub.alert.changed.v1", *VIEWS["tax"]}
    assert document["components"]["schemas"]["Status"]["properties"]["timeline"]


def test_every_public_topic_has_its_schema_as_a_file() -> None:
    kept = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in Path("schemas/events").glob("*.json")}
    assert kept == json.loads(json.dumps(event_schemas())), "hub topics --schemas schemas/events writes them anew"


def test_the_declaration_has_the_fields_the_interfaces_promise() -> None:
    promised = {"key", "keys", "documents", "match", "status", "turn", "timeline", "handovers"}
    assert set(SCHEMAS["Declaration"]["required"]) == promised


OFFICER = msgspec.structs.replace(ALL, roles=("customs",))
ASSESSMENT = Assessment(
    id="a", declaration="d", revision=1, attempt=1, at=1, reference=1, rules="r", buyer="b", value=1, score=1,
    findings=(Finding(code="rule.x", evidence={"a": "b"}),), level="low", recommendation="release", tax={"a": "1"},
)  # fmt: skip


def undescribed(value: Any, schema: Any, path: str = "") -> list[str]:
    """Keys of an answer that its schema does not name."""
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        return [found for one in value for found in undescribed(one, schema.get("items", {}), f"{path}[]")]
    if not isinstance(value, dict) or schema.get("additionalProperties"):
        return []
    known = schema.get("properties", {})
    missing = [f"{path}.{name}" for name in value if name not in known]
    missing += [f"{path}.{name}" for name in schema.get("required", ()) if name not in value]
    return missing + [
        found for name, one in value.items() if name in known for found in undescribed(one, known[name], f"{path}.{name}")
    ]


async def test_every_key_of_a_real_answer_is_described() -> None:
    zone = Zone()
    made, key, number = sold(zone)
    quantity = int(made.declaration.list[0].qty or 0)
    zone.send("CEB625", samples.returned(made.declaration, number, quantities={"1": quantity}, at=zone.now))
    zone.settle()
    again = zone.send("CEB625", samples.returned(made.declaration, number, quantities={"1": 1}, turn=2, at=zone.now))[0]
    kept = Kept(zone)
    shown = set[str]()
    for asked in (key, again):
        found = await story.find(kept, ALL, asked.partition("/")[2])
        assert found is not None
        body = story.declaration_json(OFFICER, replace(found, assessment=ASSESSMENT), zone.now)
        assert undescribed(json.loads(json.dumps(body)), SCHEMAS["Declaration"]) == []
        shown |= body.keys()
        status = zone.status(asked)
        summary = SubmissionSummary(
            id=status.submission, principal="agent", sender="s", received_at=status.received_at, message=status.message,
            guid="g", edition="202205", digest="d", size=1, media_type="application/xml",
            documents=((status.index, status.kind, asked.partition("/")[2], ()),),
        )  # fmt: skip
        told = story.submission_json(ALL, summary, [status], refused=False)
        assert undescribed(json.loads(json.dumps(told)), SCHEMAS["Submission"]) == []
    # what was found at the second return after the door stands with its submission
    assert [fault["code"] for fault in told["documents"][0]["differences"]] == ["application.quantity"]
    assert shown >= {"need", "facts", "attempt", "assessment", "level"}


async def test_every_fault_code_has_its_page_in_both_languages(url: str) -> None:
    async with ClientSession() as session:
        for code, kind in fault_kinds().items():
            async with session.get(f"{url}/problems/{code}") as answer:
                text = await answer.text()
            assert answer.status == 200, code
            assert code in text
            assert str(kind.remedy_zh)[:20] in unescape(text)
        async with session.get(f"{url}/problems/no.such") as answer:
            assert answer.status == 404


@pytest.mark.parametrize("name", ["a" * 4000, "..%2f..%2fapp.py", "%00", "nothing.css"])
async def test_only_the_pages_own_files_are_served(url: str, name: str) -> None:
    async with ClientSession() as session:
        async with session.get(f"{url}/static/hub.css") as answer:
            assert (answer.status, answer.content_type) == (200, "text/css")
        async with session.get(URL(f"{url}/static/{name}", encoded=True)) as answer:
            assert answer.status == 404


async def test_while_the_read_model_is_away_calls_say_so_and_pages_are_pages(url: str) -> None:
    async with ClientSession(headers={"Authorization": "Bearer key-agent"}) as session:
        async with session.get(f"{url}/v1/worklist") as answer:
            body = await answer.json(content_type="application/problem+json")
            assert (answer.status, body["faults"][0]["code"]) == (503, "transport.unavailable")
            assert answer.headers["Retry-After"]
        async with session.get(f"{url}/declarations", headers={"Accept": "text/html"}) as answer:
            assert (answer.status, answer.content_type) == (503, "text/html")
        async with session.get(f"{url}/readyz") as answer:
            assert answer.status == 503
            assert len((await answer.json())["reasons"]) == 1
        async with session.get(f"{url}/healthz") as answer:
            assert answer.status == 200


async def test_pages_forbid_scripts_from_elsewhere_and_forms_need_their_token(url: str) -> None:
    async with ClientSession() as session:
        async with session.get(f"{url}/login") as answer:
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        async with session.post(f"{url}/login", data={"api_key": "key-agent"}) as answer:
            assert answer.status == 403
        async with session.post(f"{url}/logout", data={"csrf": "x"}) as answer:
            assert answer.status == 403


@pytest.mark.parametrize("type_", ["application/x-www-form-urlencoded; charset=nonsense", "multipart/form-data"])
async def test_what_is_no_form_is_a_form_without_its_token(url: str, type_: str) -> None:
    async with ClientSession() as session:
        for page in ("login", "logout"):
            async with session.post(f"{url}/{page}", data=b"a=b", headers={"Content-Type": type_}) as answer:
                assert answer.status == 403


@pytest.mark.parametrize("token", ["Y3VzdG9tcw==.99999999999999.00", "a.b.\xff"])
async def test_a_forged_session_opens_nothing(url: str, token: str) -> None:
    forged = {"Cookie": f"hub_session={token}"}
    async with ClientSession() as session, session.get(f"{url}/v1/worklist", headers=forged) as answer:
        assert answer.status == 401


def test_no_page_shows_a_blank_that_was_not_filled() -> None:
    for code, kind in fault_kinds().items():
        shown = unfilled(kind)
        assert "{" not in shown.message + shown.message_zh, code


def test_the_page_of_topics_is_that_of_the_code() -> None:
    written = (Path(__file__).parents[2] / "schemas" / "events" / "README.md").read_text("utf-8")
    assert written == page(), "print it anew: hub topics --schemas schemas/events"
