"""The bench's messages: made, signed and written to files before the run, by as many processes as there are cores."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec

from adapters import signature
from hub.bench.load import FRAME
from hub.demo import MESSAGES
from hub.domain.kinds import IMPORT_KINDS
from hub.infra.participants import DemoPrincipal, hosted_key, sm2_key
from schemas import catalog, samples
from schemas.documents import Transfer

#: Declarations in one file: small enough that both cores stay busy to the end.
PER_FILE = 5_000


class Order(msgspec.Struct, frozen=True):
    """What to make: declarations ``first`` … ``first + count - 1``, ``each`` documents a message, dated ``at`` (ms), signed
    with SM2 or RSA.
    """

    file: str
    first: int
    count: int
    each: int
    at: int
    principals: dict[str, DemoPrincipal]
    sm2: bool = False


def prepare(
    folder: Path, principals: dict[str, DemoPrincipal], declarations: int, each: int, at: int, *, sm2: bool = False
) -> list[str]:
    """Files of framed messages in the order to send; a declaration's four messages stand together."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = {name: principals[name] for _, name in MESSAGES.values()}
    orders = [
        Order(str(folder / f"{first:09d}.load"), first, min(PER_FILE, declarations - first), each, at, chosen, sm2)
        for first in range(0, declarations, PER_FILE)
    ]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        list(pool.map(write, orders))
    return [order.file for order in orders]


def write(order: Order) -> None:
    """Make one file."""
    signing: Callable[[DemoPrincipal], signature.SigningKey] = sm2_key if order.sm2 else hosted_key
    keys = {name: signing(principal) for name, principal in order.principals.items()}
    transfers = {
        name: Transfer(copCode=p.codes[0], copName="示范企业", dxpMode="DXP", dxpId=p.dxp_id)
        for name, p in order.principals.items()
    }
    with Path(order.file).open("wb") as file:
        for first in range(order.first, order.first + order.count, order.each):
            last = min(first + order.each, order.first + order.count)
            sets = [samples.declaration_set(number, at=order.at) for number in range(first, last)]
            for place, kind in enumerate(IMPORT_KINDS):
                type_, name = MESSAGES[kind]
                documents = [getattr(one, kind) for one in sets]
                guid = documents[0].head.guid
                xml = catalog.render(catalog.message(type_), documents, guid=guid, transfer=transfers[name])
                body = signature.sign(xml, keys[name])
                file.write(FRAME.pack(place, len(body)) + body)
