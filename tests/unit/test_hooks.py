"""Webhooks on their way out: where they may go, how they are signed, when they are tried again."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from adapters.standard_webhooks import genuine, sign_all
from adapters.transports.hook import HookClient, Sent
from hub.codec import delivery_report
from hub.domain.addresses import refused_address
from hub.domain.deliveries import DeliveryReport, cloud_event
from hub.domain.faults import Refused
from hub.domain.subscriptions import Subscription
from hub.infra.participants import hook_secret, hook_secrets, shown_secret
from hub.ports import Row
from streams.breaker import Breaker
from streams.subscribers import Subscribers
from tests.support.receiver import receiving
from tests.support.subscribing import digest, secret_of


def now() -> int:
    """The library verifies by the machine's clock."""
    return int(datetime.now(UTC).timestamp())


REFUSED = {
    "127.0.0.1": "loopback", "127.255.255.254": "loopback", "10.0.0.1": "private", "172.16.0.1": "private", "192.168.1.1": "private",
    "100.64.0.1": "private", "100.100.100.200": "metadata", "169.254.169.254": "metadata", "169.254.0.9": "link-local",
    "168.63.129.16": "metadata", "192.0.0.192": "private", "198.18.0.1": "private", "224.0.0.1": "multicast", "0.0.0.0": "unspecified",
    "255.255.255.255": "reserved", "240.0.0.1": "reserved", "::1": "loopback", "::": "unspecified", "fe80::1": "link-local",
    "fe80::1%eth0": "link-local", "2606:4700::1%eth0": "link-local", "fd00:ec2::254": "private", "fc00::1": "private",
    "fec0::1": "private", "ff02::1": "multicast", "::ffff:127.0.0.1": "loopback", "::ffff:10.0.0.1": "private",
    "::ffff:0:169.254.169.254": "metadata", "::127.0.0.1": "loopback", "2002:7f00:1::": "loopback", "2002:a9fe:a9fe::1": "metadata",
    "64:ff9b::7f00:1": "loopback", "64:ff9b::a00:1": "private", "64:ff9b:1::808:808": "tunnel", "2001::1": "tunnel",
    "2001:db8::1": "private", "4000::1": "private", "localhost": "no address", "127.1": "no address", "": "no address",
}  # fmt: skip


@pytest.mark.parametrize(("address", "why"), REFUSED.items())
def test_no_address_of_our_own_surroundings_is_called(address: str, why: str) -> None:
    assert refused_address(address) == why


@pytest.mark.parametrize("address", ["8.8.8.8", "114.114.114.114", "2606:4700:4700::1111", "2400:3200::1", "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8"])
def test_public_addresses_may_be_called(address: str) -> None:
    assert refused_address(address) == ""


@given(st.ip_addresses(v=4))
def test_what_is_refused_stays_refused_in_every_dress(address: Any) -> None:
    number = int(address)
    dresses = (f"::ffff:{address}", f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}", f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1")
    assert all(refused_address(dress) == refused_address(str(address)) for dress in dresses)
    assert refused_address(str(address)) or address.is_global


@pytest.mark.parametrize(
    ("url", "code"),
    {
        "http://example.com/": "webhook.url", "https://user:secret@example.com/": "webhook.url", "https://@example.com/": "webhook.url",
        "https://example.com/#x": "webhook.url", "https://example.com/#": "webhook.url", "ftp://example.com/": "webhook.url",
        "https:///x": "webhook.url", "example.com": "webhook.url", "": "webhook.url", "https://example.com/\r\nX: 1": "webhook.url",
        "https://example.com:99999/": "webhook.url", "https://example.com/" + "x" * 2000: "webhook.url", "file:///etc/passwd": "webhook.url",
        "https://example.com:22/": "webhook.port", "https://example.com:80/": "webhook.port", "https://127.0.0.1/": "webhook.address",
        "https://xn--/": "webhook.url", "https://a.xn--.example/": "webhook.url",
        "https://[::1]/": "webhook.address", "https://[::ffff:169.254.169.254]/": "webhook.address", "https://10.0.0.1:8443/": "webhook.address",
    }.items(),
)  # fmt: skip
async def test_an_address_that_may_not_be_is_refused_before_anything_is_asked(url: str, code: str) -> None:
    client = HookClient()
    with pytest.raises(Refused) as refused:
        await client.resolved(url)
    assert refused.value.faults[0].code == code
    assert await client.post(url, "1", now(), b"{}", (b"k",)) == Sent(0, code)
    await client.close()


def names(leading: dict[str, list[list[str]]]) -> Callable[..., Any]:
    """A getaddrinfo of names that lead elsewhere at each call; the last answer stays."""

    def found(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        if host not in leading:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        answers = leading[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port, 0, 0) if ":" in a else (a, port))
            for a in addresses
        ]

    return found


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost", "webhook.address"), ("127.1", "webhook.url"), ("2130706433", "webhook.url"),
        ("0x7f000001", "webhook.url"), ("0177.0.0.1", "webhook.url"), ("127.0.0.1.", "webhook.url"),
    ],
)  # fmt: skip
async def test_names_and_odd_spellings_of_this_machine_are_refused(host: str, code: str) -> None:
    client = HookClient()
    with pytest.raises(Refused) as refused:
        await client.resolved(f"https://{host}/")
    assert refused.value.faults[0].code == code
    assert await client.post(f"https://{host}/", "1", now(), b"{}", (b"k",)) == Sent(0, code)
    await client.close()


async def test_one_bad_address_among_good_ones_is_enough_and_a_rebinding_name_is_caught_at_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    leading = {"mixed.example": [["93.184.216.34", "10.0.0.1"]], "turns.example": [["93.184.216.34"], ["127.0.0.1"]]}
    monkeypatch.setattr(socket, "getaddrinfo", names(leading))
    client = HookClient(timeout=2)
    for host, code in (("mixed.example", "webhook.address"), ("nowhere.example", "webhook.name")):
        with pytest.raises(Refused) as refused:
            await client.resolved(f"https://{host}/")
        assert refused.value.faults[0].code == code
    await client.resolved("https://turns.example/")
    assert (await client.post("https://turns.example/", "1", now(), b"{}", (b"k",))).code == "webhook.address"
    await client.close()


async def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(secret_of("s1")) as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        asked: list[str] = []
        found = names({"here.example": [["127.0.0.1"]]})
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: (asked.append(host), found(host, *rest, **more))[1])
        client = HookClient(private=True)
        body = b'{"id":"e1","data":{}}'
        sent = await client.post(f"http://here.example:{port}/hook", "e1", now(), body, (hook_secret(digest, "s1", 1),))
        assert sent == Sent(204, "")
        assert asked == ["here.example"], "resolved once: by us"
        await client.close()


@asynccontextmanager
async def answering(handler: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.post("/", handler)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "headers", "sent"),
    [
        (200, {}, Sent(200, "")), (410, {}, Sent(410, "webhook.gone")), (400, {}, Sent(400, "webhook.answered")),
        (500, {}, Sent(500, "webhook.answered")), (429, {"Retry-After": "7"}, Sent(429, "webhook.busy", 7.0)),
        (503, {"Retry-After": "-1"}, Sent(503, "webhook.busy")), (503, {"Retry-After": "soon"}, Sent(503, "webhook.busy")),
        (503, {"Date": "Thu, 01 Jan 2026 00:00:00 GMT", "Retry-After": "Thu, 01 Jan 2026 00:01:00 GMT"}, Sent(503, "webhook.busy", 60.0)),
        (302, {"Location": "http://127.0.0.1/"}, Sent(302, "webhook.redirected")),
    ],
)  # fmt: skip
async def test_what_an_endpoint_answers_is_told_by_a_code(status: int, headers: dict[str, str], sent: Sent) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    client = HookClient(private=True)
    async with answering(handler) as url:
        assert await client.post(url, "1", now(), b"{}", (b"k",)) == sent
    assert (await client.post(url, "1", now(), b"{}", (b"k",))).code == "webhook.unreachable"
    await client.close()


async def test_an_endless_or_silent_answer_ends_in_time_and_takes_no_memory() -> None:
    written = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)
            written += 65_536

    async def silent(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    patient, client = HookClient(private=True, timeout=20), HookClient(private=True, timeout=0.5)
    async with answering(endless) as url:
        assert await patient.post(url, "1", now(), b"{}", (b"k",)) == Sent(200, "")
        assert written < 16 << 20
    async with answering(silent) as url:
        assert (await client.post(url, "1", now(), b"{}", (b"k",))).code == "webhook.timed_out"
    await patient.close()
    await client.close()


def test_the_public_library_verifies_our_signatures_also_while_a_secret_changes() -> None:
    subscription = Subscription("s1", "customs", "alerts", 0, secret=2, rotated_at=now() * 1000)
    secrets = hook_secrets(digest, 24)
    both, one = secrets(subscription, now() * 1000), secrets(subscription, (now() + 25 * 3600) * 1000)
    assert (len(both), len(one)) == (2, 1)
    body = b'{"n":1}'
    headers = sign_all(both, "e1", now(), body)
    for number in (1, 2):
        assert Webhook(shown_secret(hook_secret(digest, "s1", number))).verify(body, headers) == {"n": 1}
        assert genuine(headers, body, hook_secret(digest, "s1", number))
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_of("s1", 1)).verify(body, sign_all(one, "e1", now(), body))
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_of("s1", 2)).verify(b'{"n":2}', headers)


def test_an_event_keeps_its_id_and_its_data_byte_for_byte() -> None:
    value = '{"id":"甲","n":1.50}'.encode()
    headers = [("ce_id", "告警 1%".encode()), ("ce_type", b"hub.alert.raised.v1"), ("ce_source", b"/hub"), ("traceparent", b"x")]
    id, type_, body = cloud_event(headers, value, "alerts-0-1")
    assert (id, type_) == ("%E5%91%8A%E8%AD%A6%201%25", "hub.alert.raised.v1")
    assert value in body
    assert json.loads(body)["id"] == id
    assert cloud_event((), b"{}", "alerts-0-1")[0] == "alerts-0-1"
    assert cloud_event([("ce_id", b"a\r\nb")], b"{}", "")[0] == "a%0D%0Ab"


def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_probe_through() -> None:
    breaker = Breaker(3, 10.0, 40.0)
    for at in (1, 2):
        assert breaker.ask(at) == 0
        breaker.failed(at)
    breaker.succeeded()
    for at in (3, 4, 5):
        assert breaker.ask(at) == 0
        breaker.failed(at)
    assert (breaker.state, breaker.ask(6)) == ("open", 9.0)
    assert breaker.ask(15) == 0, "the probe"
    assert (breaker.state, breaker.ask(15) > 0) == ("probing", True)
    breaker.failed(16)
    assert breaker.ask(17) == 19.0, "doubled"
    assert breaker.ask(36) == 0
    breaker.given_up()
    assert breaker.ask(36) == 0, "a probe that was broken off is made again"
    breaker.failed(36)
    assert breaker.until == 76, "capped"
    assert breaker.ask(76) == 0
    breaker.failed(76, at_least=100)
    assert breaker.until == 176, "what the endpoint asked for"
    assert breaker.ask(176) == 0
    breaker.succeeded()
    assert (breaker.state, breaker.ask(177)) == ("closed", 0)


async def test_a_recipient_is_reported_when_something_changed_and_once_a_minute_at_least() -> None:
    said: list[DeliveryReport] = []

    class Noting:
        async def send(self, rows: Mapping[tuple[str, int], Sequence[Row]]) -> dict[tuple[str, int], list[int]]:
            said.extend(delivery_report(value or b"") for some in rows.values() for _, value, _ in some)
            return {}

    reports = [DeliveryReport("customs", "here", at, 0, delivered=count) for at, count in ((0, 1), (2_000, 1), (4_000, 2), (6_000, 2), (64_000, 2))]
    left = iter(reports)
    subscribers = Subscribers(
        wanted=list, principal=lambda _: None, make=lambda *_: pytest.fail("no subscription"), publisher=Noting(), partitions=1, others=lambda: [next(left)]
    )
    for _ in reports:
        await subscribers.tell()
    assert [report.at for report in said] == [0, 4_000, 64_000]


async def test_names_whose_server_does_not_answer_delay_no_other_and_are_asked_for_once_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    over, asked = threading.Event(), list[str]()

    def found(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        if host != "quick.example":
            over.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    client, given_up = HookClient(timeout=0.2), HookClient(timeout=30)
    given_up._resolver = client._resolver
    try:
        names_ = [f"https://{n}.example/" for n in range(40)]
        for refused in await asyncio.gather(*map(client.resolved, names_ * 2), return_exceptions=True):
            assert isinstance(refused, Refused)
            assert refused.faults[0].code == "webhook.name"
        assert sorted(asked) == sorted(f"{n}.example" for n in range(40))
        await given_up.resolved("https://quick.example/")
    finally:
        over.set()
        await client.close()
