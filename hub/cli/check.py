"""``hub check``: everything the door would say about messages, offline."""

from __future__ import annotations

import json
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import click
import msgspec
from lxml import etree

from adapters.dialects import json_twin
from adapters.intake import Judge, Judged, judge_schema
from adapters.schema_faults import schema_fault
from adapters.strict_json import loads
from hub.domain.access import ROLES, Access, Principal
from hub.domain.faults import Fault, Refused, fault
from hub.infra.crypto import DemoAuthority, HostedKey
from hub.infra.vault import Vault
from hub.settings import Settings
from schemas import twin
from schemas.catalog import message
from schemas.model import EDITIONS, message_types

#: Offline nobody knows who sends: first anybody who is no authority, then, for receipts, customs.
_ENTERPRISE = Principal(name="check", roles=tuple(role for role in ROLES if role != "customs"), demo=True, hosted=True)
_CUSTOMS = Principal(name="check", roles=("customs",))
_FOR_CUSTOMS = frozenset({"access.receipt", "xml.encoding", "schema.unknown_message"})
#: From so many messages on two processes are quicker than one; so many are handed to one at a time.
_MANY, _CHUNK = 400, 50

Row = dict[str, Any]  # Any: JSON


class Anybody:
    """Stands for every certificate: offline nobody knows whose it must be; the signature itself is checked."""

    def __contains__(self, _: object) -> bool:
        return True


def messages(paths: tuple[Path, ...]) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each message: files, folders below which they stand, zip archives."""
    for path in paths:
        if path.is_dir():
            wanted = (".xml", ".json", ".zip")
            yield from messages(tuple(sorted(p for p in path.rglob("*") if p.suffix.lower() in wanted and p.is_file())))
        elif path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for entry in archive.infolist():
                    if not entry.is_dir():
                        with archive.open(entry) as file:
                            yield f"{path}!{entry.filename}", file.read(Settings().max_unpacked + 1)
        else:
            with path.open("rb") as file:
                yield str(path), file.read(Settings().max_unpacked + 1)


@click.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--schema-only", is_flag=True, help="Judge nothing but well-formedness and the edition's schema.")
@click.option("--edition", type=click.Choice(EDITIONS), help="Edition to judge by (default: 202205, else 2018).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a document.")
def command(files: tuple[Path, ...], edition: str | None, *, schema_only: bool, as_json: bool) -> None:
    """Say about files, folders or zips of messages what the door would say; no hub is needed.

    Who may send what is not asked, nor whose certificate signed. Exit status: 0 all accepted, 1 otherwise.

    Example: hub check --json message.xml folder/
    """
    work = partial(rows_of, edition=edition or "", schema_only=schema_only)
    worst, seen = 0, False
    for rows in _spread(work, messages(files)):
        seen = True
        for row in rows:
            worst |= row["status"] != "accepted"
            _print(row, as_json=as_json)
    if not seen:
        raise click.ClickException(f"no messages in {', '.join(map(str, files))}")
    sys.exit(int(worst))


def _spread(work: Callable[[tuple[str, bytes]], list[Row]], found: Iterator[tuple[str, bytes]]) -> Iterator[list[Row]]:
    """The rows of each message, in order; many messages are shared out to processes."""
    first = list(islice(found, _MANY))
    if len(first) < _MANY:
        yield from map(work, first)
        return
    with ProcessPoolExecutor() as pool:
        while first:
            yield from pool.map(work, first, chunksize=_CHUNK)
            first = list(islice(found, _MANY))


def rows_of(given: tuple[str, bytes], edition: str, *, schema_only: bool) -> list[Row]:
    """What there is to say about a message ``given`` (name, bytes): a row a document, or one for all where it is refused."""
    name, data = given
    media_type = "application/json" if data.lstrip()[:1] in (b"{", b"[") else "application/xml"
    try:
        _bounded(data)
        if schema_only and media_type == "application/xml":
            mt, found, count = judge_schema(data, edition)
            return [_row(name, index, mt.type, found, "", "accepted", ()) for index in range(count)]
        judged = _judged(data, media_type, edition or _ENTERPRISE.edition)
    except Refused as refused:
        faults = refused.faults
        return [_row(name, -1, _type(data, faults), edition, "", "refused", faults)]
    return [
        _row(
            name, d.index, judged.message, judged.edition, d.key, "flagged" if d.faults else "accepted",
            (*judged.notes, *d.faults),
        )
        for d in judged.documents
    ]  # fmt: skip


def _bounded(data: bytes) -> None:
    most = Settings().max_unpacked
    if len(data) > most:
        raise Refused([fault("transport.unpacked_too_large", limit=most)])


@cache
def _judge() -> Judge:
    """One a process. Its digests are worth nothing: their key is thrown away."""
    with tempfile.TemporaryDirectory() as keys:
        digest = Vault(Path(keys)).digest
    return Judge(
        access=lambda: Access(open_enrolment=True),
        signatures="by-schema",
        digest=digest,
        signing_key=lambda _: _key(),
        certificates=lambda _: Anybody(),
    )


def _judged(data: bytes, media_type: str, edition: str) -> Judged:
    now = time.time_ns() // 1_000_000
    try:
        return _judge()(data, media_type, msgspec.structs.replace(_ENTERPRISE, edition=edition), now)
    except Refused as refused:
        if refused.faults[0].code not in _FOR_CUSTOMS:
            raise
        if media_type == "application/json":
            if refused.faults[0].code != "access.receipt":
                raise
            return _twin_of_customs(data, now)
        try:
            return _judge()(data, media_type, _CUSTOMS, now)
        except Refused:
            raise refused from None


def _twin_of_customs(data: bytes, now: int) -> Judged:
    """A receipt's twin, judged as the XML it stands for; paths are JSON pointers."""
    value = loads(data)
    mt = message(value["message"])
    found, wrong = twin.read(value, mt)
    if wrong:
        raise Refused([_pointed(schema_fault(one)) for one in wrong])
    try:
        xml = twin.xml(mt, found)
    except (ValueError, etree.LxmlError):
        raise Refused([fault("json.characters")]) from None
    judged = _judge()(xml, "application/xml", _CUSTOMS, now)
    documents = tuple(
        msgspec.structs.replace(one, faults=tuple(map(_pointed, one.faults))) for one in judged.documents
    )
    return msgspec.structs.replace(judged, documents=documents)


def _pointed(found: Fault) -> Fault:
    return msgspec.structs.replace(found, path=json_twin.pointer(found.path), line=0)


@cache
def _key() -> HostedKey:
    """Signs what will not be kept: a JSON twin is judged as the signed message it would become."""
    with tempfile.TemporaryDirectory() as keys:
        return DemoAuthority(Path(keys)).hosted("check")


def _type(data: bytes, faults: tuple[Fault, ...]) -> str:
    """The message that was refused, as far as it can be told: by its faults' paths, or by the first name in it."""
    root = next((f.path[1:].partition("/")[0] for f in faults if f.path.startswith("/CEB")), "")
    if root:
        return root.removesuffix("Message")
    if data.lstrip()[:1] not in (b"<", b"{"):
        return ""
    return next((type_ for type_ in message_types() if type_.encode() in data[:4096]), "")


def _row(
    name: str, index: int, message: str, edition: str, key: str, status: str, faults: tuple[Fault, ...]
) -> Row:
    return {
        "file": name,
        "index": index,
        "message": message,
        "edition": edition,
        "key": key,
        "status": status,
        "faults": [{"path": "", "line": 0, **msgspec.to_builtins(found)} for found in faults],
    }


def _print(row: Row, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    click.echo(f"{row['status']:9} {row['message']:8} {row['key']:44} {row['file']}")
    for found in row["faults"]:
        click.echo(f"          {found['code']} {found['path']}:{found['line']}  {found['message']} · {found['message_zh']}")
