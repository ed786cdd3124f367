"""The demo: one made-up import declaration with its order, payment and waybill, handed in and followed to release."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from adapters import signature
from hub.client import HubClient, NotReached, Refusal
from hub.domain.kinds import DECLARATION, ORDER, PAYMENT, WAYBILL
from hub.infra.participants import DEMO, DemoPrincipal, hosted_key, load_demo
from hub.settings import Settings
from schemas import catalog, samples
from schemas.documents import Transfer

#: Kind → (message, who hands it in).
MESSAGES = {
    ORDER: ("CEB311", "platform"),
    PAYMENT: ("CEB411", "payer"),
    WAYBILL: ("CEB511", "carrier"),
    DECLARATION: ("CEB621", "agent"),
}
#: Customs' word for released, and how long the demo waits for it.
RELEASED = "800"
SECONDS = 90.0
#: How often a message is handed in whose outcome is unknown: for about a minute and a half.
_ATTEMPTS = 12
#: After 800 comes 899; the trace ends with either.
_ENDS = frozenset({RELEASED, "899"})


class Signed(NamedTuple):
    """A message ready to be handed in: by whom, its bytes, the business key of its document."""

    kind: str
    principal: DemoPrincipal
    body: bytes
    key: str


def messages(principals: dict[str, DemoPrincipal], now: int) -> list[Signed]:
    """The four messages of a declaration that is new at ``now`` (ms), each signed by its enterprise."""
    made = []
    for kind, document in documents(now).items():
        principal = principals[MESSAGES[kind][1]]
        body = signature.sign(rendered(kind, document), hosted_key(principal))
        made.append(Signed(kind, principal, body, catalog.business_key(document)))
    return made


def documents(now: int) -> dict[str, Any]:  # Any: generated document structs
    """Order, payment, waybill and declaration that belong together, with numbers from ``now``."""
    return samples.declaration_set(now // 1000, at=now)._asdict()


def rendered(kind: str, document: Any) -> bytes:  # Any: the kind's struct
    """The unsigned message of its demo enterprise, as XML."""
    type_, name = MESSAGES[kind]
    return catalog.render(catalog.message(type_), [document], guid=document.head.guid, transfer=transfer_of(name))


def transfer_of(name: str) -> Transfer:
    """The transporting company of a demo principal's messages."""
    demo = next(demo for demo in DEMO if demo.name == name)
    return Transfer(copCode=demo.codes[0], copName=demo.title, dxpMode="DXP", dxpId=demo.dxp_id)


async def follow(settings: Settings, tell: Callable[[dict[str, Any]], Sequence[str]], url: str = "") -> int:
    """Hand in, print what happens, 0 once customs has released the declaration; ``tell`` makes lines of a story."""
    url = url or f"http://{settings.listen}"
    principals = load_demo(settings.data)
    key = ""
    for signed in messages(principals, time.time_ns() // 1_000_000):
        if not await _hand_in(url, signed):
            return 1
        key = signed.key
    print(f"\nThe declaration {key} on its way · 清单办理过程\n")
    story = await _until_released(url, key, principals["office"].api_key)
    print("\n".join(tell(story) if story else ["  nothing is known of it yet; hub doctor says what is wrong"]))
    return 0 if story and story.get("status", {}).get("code") in _ENDS else 1


async def _hand_in(url: str, signed: Signed) -> bool:
    """Hand one message in; False where it is not taken."""
    try:
        async with HubClient(url, signed.principal.api_key, timeout=30, attempts=_ATTEMPTS) as client:
            taken = await client.submit(signed.body)
    except (Refusal, NotReached) as error:
        print(f"  {signed.kind:12} {signed.key:44} not taken: HTTP {error.status}")
        for fault in error.faults if isinstance(error, Refusal) else ():
            print(f"      {fault.get('code')} {fault.get('path', '')} {fault.get('message', '')}")
        return False
    found = taken["documents"][0]
    print(f"  {signed.kind:12} {found['key']:44} {found['status']}  submission {taken['submission']}")
    return True


async def _until_released(url: str, key: str, api_key: str) -> dict[str, Any]:
    """The story of the declaration once it ends, or as far as it came in time."""
    story: dict[str, Any] = {}
    shown = 0
    deadline = time.monotonic() + SECONDS
    async with HubClient(url, api_key, timeout=30) as client:
        while time.monotonic() < deadline:
            with suppress(NotReached):
                story = await client.declaration(key) or story
            timeline = story.get("timeline", [])
            if sys.stdout.isatty() and len(timeline) > shown:
                print(f"\r  {len(timeline)} steps, {story['status']['state']}", end="", flush=True)
                shown = len(timeline)
            if story.get("status", {}).get("code") in _ENDS:
                break
            await asyncio.sleep(0.2)
    if shown:
        print("\r", end="")
    return story
