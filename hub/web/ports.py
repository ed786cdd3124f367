"""What the web asks of the rest of the hub; ``hub.wiring`` hands the parts in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from hub.domain import exports
from hub.domain.access import Principal
from hub.domain.audit import Act
from hub.domain.cursor import Cursor
from hub.domain.deliveries import DeliveryReport
from hub.domain.desk import Action, Came, Case
from hub.domain.events import (
    Alert,
    Answer,
    Assessment,
    Decided,
    HandOverOutcome,
    Hold,
    Profile,
    Status,
    SubmissionSummary,
)
from hub.domain.expiry import Expiring
from hub.domain.faults import Unavailable
from hub.domain.reading import (
    AlertFilter,
    CaseFilter,
    DeskFilter,
    HandOverRow,
    Place,
    RuleFigures,
    Scope,
    Search,
    SummaryGroup,
    Throughput,
)
from hub.domain.reference import Reference
from hub.domain.ring import Stretch, Wanted
from hub.domain.subscriptions import Subscription
from hub.domain.summary import Closed
from hub.ports import Amend, Clock, Sealer
from hub.web.prover import Prover

#: Who asks.
Viewer = Principal


class ReadModel(Protocol):
    """The read model, read; raises Unavailable. ``scope`` says whose rows."""

    async def ping(self) -> None: ...
    async def keys_of(self, number: str) -> list[str]: ...
    async def statuses(self, keys: Iterable[str]) -> list[Status]: ...
    async def of_order(self, platform: str, order: str) -> list[Status]: ...
    async def search(self, search: Search, scope: Scope) -> list[Status]: ...
    async def keys_about(self, numbers: Iterable[str], kinds: Iterable[str], limit: int) -> list[str]: ...
    async def of_bill(self, bill: str, kinds: Iterable[str], limit: int) -> list[Status]: ...
    async def worklist(self, scope: Scope, limit: int, now: int) -> list[Status]: ...
    async def needs(self, scope: Scope, now: int) -> dict[str, tuple[int, int]]: ...
    async def summary_groups(self, scope: Scope) -> list[SummaryGroup]: ...
    async def to_summarise(self, scope: Scope, by: int, declarant: str, limit: int) -> list[Closed]: ...
    async def submission(self, submission: str) -> tuple[SubmissionSummary, Place] | None: ...
    async def refusal(self, submission: str) -> tuple[SubmissionSummary, Place] | None: ...
    async def handed_in(self, scope: Scope, refused: bool, limit: int) -> list[SubmissionSummary]: ...
    async def hand_overs(self, submissions: Iterable[str]) -> list[HandOverRow]: ...
    async def delivery_reports(self, recipients: Iterable[str]) -> list[DeliveryReport]: ...
    async def parked(self, recipients: Iterable[str], each: int) -> list[HandOverOutcome]: ...
    async def parked_counts(self, recipients: Iterable[str]) -> dict[str, int]: ...
    async def profile(self, enterprise: str) -> Profile | None: ...
    async def hold(self, submission: str) -> Hold | None: ...
    async def holds(self, state: str, authorities: Sequence[str] | None, limit: int) -> list[Hold]: ...
    async def assessment(self, declaration: str) -> Assessment | None: ...
    async def alert(self, alert: str) -> Alert | None: ...
    async def alerts_of(self, ids: Iterable[str]) -> list[Alert]: ...
    async def at_desk(self, wanted: DeskFilter) -> list[Alert]: ...
    async def desk_counts(self, wanted: DeskFilter) -> dict[str, int]: ...
    async def cases_of(self, ids: Iterable[str]) -> list[Case]: ...
    async def cases(self, wanted: CaseFilter) -> list[Case]: ...
    async def export_register(self, wanted: exports.Query) -> list[exports.Entry]: ...
    async def rule_figures(self, first: int, last: int) -> RuleFigures: ...
    async def alerts(self, wanted: AlertFilter) -> list[Alert]: ...
    async def answers(self, participant: str, after: Place, limit: int) -> list[tuple[Answer, Place]]: ...
    async def throughput(self, scope: Scope, since: int, until: int, breakdown: int) -> Throughput: ...
    async def applied(self) -> dict[tuple[str, int], int]: ...


class Records(Protocol):
    """Single records of the log; raises Unavailable."""

    async def read(self, topic: str, place: Place) -> bytes | None:
        """The value of the record at a place; None where it is gone."""

    async def ends(self, names: Iterable[str]) -> dict[tuple[str, int], int]:
        """{(topic, partition): offset after the last record}."""


class Source(Protocol):
    """Items of a topic behind any cursor, for many readers at a time; raises Unavailable, and Refused for a wrong cursor."""

    topic: str

    async def now(self) -> Cursor:
        """The cursor behind everything there is."""

    async def after(self, cursor: Cursor, wanted: Wanted, limit: int) -> Stretch:
        """What lies behind the cursor, some of it at a time."""

    async def news(self, cursor: Cursor, wanted: Wanted, seconds: float) -> None:
        """Wait until there may be something behind the cursor, but not longer than that."""


def _no_feed(_topic: str) -> Source:
    raise Unavailable("Kafka")


@dataclass(frozen=True, kw_only=True)
class Delivering:
    """What the web asks of those who send to subscribers."""

    #: Looks at an endpoint's address and where its name leads; raises Refused.
    check: Callable[[str], Awaitable[None]]
    #: Sends a test event; what came back, as JSON.
    test: Callable[[Subscription], Awaitable[dict[str, object]]]
    #: The n-th secret of a subscription, as Standard Webhooks writes it.
    secret: Callable[[str, int], str]
    #: {name: (consumer group, topic)} → {name: records behind, None where the group has not begun}; raises Unavailable.
    lags: Callable[[Mapping[str, tuple[str, str]]], Awaitable[dict[str, int | None]]]
    #: Sends parked hand-overs and events again; how many. Raises Unavailable.
    replay: Callable[[Sequence[HandOverOutcome]], Awaitable[int]]
    #: Whether there is a file drop.
    drop: bool
    #: Subscriptions a principal may have.
    each: int


async def _always_ready() -> list[str]:
    return []


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything the web needs. ``by_key`` and ``by_name`` know suspended principals too."""

    read: ReadModel
    records: Records
    sealer: Sealer
    clock: Clock
    by_key: Callable[[str], Viewer | None]
    by_name: Callable[[str], Viewer | None]
    #: The principal of the certificate by which a client opened its connection (its fingerprint).
    by_certificate: Callable[[str], Viewer | None] = lambda _: None
    #: The code of the fault for a key that nobody has.
    why_not: Callable[[str], str] = lambda _: "access.unknown_key"
    session_secret: bytes
    #: Why this process is not ready, one sentence each; the database and the log are asked by the web itself.
    ready: Callable[[], Awaitable[list[str]]] = _always_ready
    #: Certificates that are over or end soon: a participant's own, or (None) everybody's with the hub's.
    certificates: Callable[[Viewer | None], list[Expiring]] = lambda _: []
    #: Routes of others, such as the door's ``POST /v1/messages``.
    routes: Sequence[web.AbstractRouteDef] = ()
    #: Receipts as one CEB message: (message or None where none of them has that form, how many of them it covers).
    receipt_xml: Callable[[Sequence[Answer]], tuple[bytes | None, int]]
    max_body: int = 16 << 20
    version: str = "0.1.0"
    #: Names under which the console is reached over TLS get Secure cookies.
    secure_cookies: bool = False
    extra: Mapping[str, object] = field(default_factory=dict)
    #: The reference data as this process follows them, and how they are changed: the next versions are there and read on return.
    reference: Reference | None = None
    amend_reference: Amend | None = None
    #: What a topic brings, from any cursor on: of ``alerts`` and every ``out.<authority>``.
    feed: Callable[[str], Source] = _no_feed
    partitions: int = 8
    #: Streams open at a time in this process, of one principal and in all.
    streams_each: int = 20
    streams: int = 500
    #: Tells the gate an officer's decision about a held message (its submission id); raises Unavailable.
    decide: Callable[[str, Decided], Awaitable[None]] | None = None
    #: Tells the desk what people do about cases (by their ids), about each in this order; raises Unavailable.
    desk: Callable[[Mapping[str, Sequence[Came | Action]]], Awaitable[None]] | None = None
    delivering: Delivering | None = None
    #: Records what somebody does, before it takes effect (``hub.web.acting``); raises Unavailable. Without it nothing is recorded,
    #: and nobody reads unmasked what is not its own.
    audit: Callable[[Act], Awaitable[None]] | None = None
    #: Proves submissions by the chain of evidence; without it there are no evidence packs.
    prover: Prover | None = None


PARTS: web.AppKey[Parts] = web.AppKey("parts", Parts)
