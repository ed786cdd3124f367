"""``hub check``: everything the door would say about messages, offline."""

from __future__ import annotations

import json
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
from lxml import etree

from adapters import xml
from adapters.intake import Judge, schema_faults
from hub.domain.access import ROLES, Access, Principal
from hub.domain.faults import Fault, Refused
from hub.infra.vault import Vault
from schemas import catalog
from schemas.model import EDITIONS

_NOBODY = Principal(name="check", roles=ROLES, demo=True, hosted=True)


class Anybody:
    """Stands for every certificate: offline nobody knows whose it must be; the signature itself is checked."""

    def __contains__(self, _: object) -> bool:
        return True


def messages(paths: tuple[Path, ...]) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each message: files, folders below which they stand, zip archives."""
    for path in paths:
        if path.is_dir():
            yield from messages(tuple(sorted(p for p in path.rglob("*") if p.suffix.lower() in (".xml", ".json", ".zip"))))
        elif path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if not name.endswith("/"):
                        yield f"{path}!{name}", archive.read(name)
        else:
            yield str(path), path.read_bytes()


@click.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--schema-only", is_flag=True, help="Judge nothing but well-formedness and the edition's schema.")
@click.option("--edition", type=click.Choice(EDITIONS), help="Edition to judge by (default 202205; 2018 where only that validates).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a document.")
def command(files: tuple[Path, ...], edition: str | None, *, schema_only: bool, as_json: bool) -> None:
    """Say about files, folders or zips of messages what the door would say; no hub is needed.

    Who may send what is not asked, nor whose certificate signed.

    Example: hub check --json message.xml folder/
    """
    worst = 0
    with tempfile.TemporaryDirectory() as keys:
        judge = None if schema_only else _judge(Path(keys))
        for name, data in messages(files):
            rows = _schema_only(data, edition) if judge is None else _whole(judge, data, edition)
            for row in rows:
                worst |= row["status"] != "accepted"
                _print({"file": name, **row}, as_json=as_json)
    sys.exit(int(worst))


def _judge(keys: Path) -> Judge:
    return Judge(
        access=lambda: Access(open_enrolment=True),
        signatures="by-schema",
        digest=Vault(keys).digest,
        signing_key=lambda _: _UnusedKey(),
        certificates=lambda _: Anybody(),
    )


class _UnusedKey:
    """Signs what will not be kept: a JSON twin is judged as the signed message it would become."""

    certificate = b""

    def sign(self, data: bytes, hash_name: str) -> bytes:
        """No signature."""
        del data, hash_name
        return b""


def _whole(judge: Judge, data: bytes, edition: str | None) -> list[dict[str, object]]:
    media_type = "application/json" if data.lstrip()[:1] in (b"{", b"[") else "application/xml"
    principal = msgspec.structs.replace(_NOBODY, edition=edition or _NOBODY.edition)
    try:
        judged = judge(data, media_type, principal, time.time_ns() // 1_000_000)
    except Refused as error:
        return [_refusal(error.faults, *_about(data))]
    return [
        {
            "index": d.index,
            "message": judged.message,
            "edition": judged.edition,
            "key": d.key,
            "status": "flagged" if d.faults else "accepted",
            "faults": [_fault(f) for f in d.faults],
        }
        for d in judged.documents
    ]


def _schema_only(data: bytes, edition: str | None) -> list[dict[str, object]]:
    try:
        root = xml.parse(data, xml.SCHEMA_ONLY).root
        mt = catalog.message_of(root)
        chosen = edition or (mt and catalog.edition_that_validates(root, mt)) or catalog.DEFAULT_EDITION
        schema_faults(root, mt, chosen)
    except Refused as error:
        return [_refusal(error.faults, *_about(data))]
    assert mt is not None
    return [
        {"index": index, "message": mt.type, "edition": chosen, "key": "", "status": "accepted", "faults": []}
        for index, _ in enumerate(root.iterchildren(f"{{{catalog.CEB}}}{mt.document}"))
    ]


def _about(data: bytes) -> tuple[str, str]:
    """(message, edition) of bytes that were refused, as far as they can be told."""
    try:
        root = xml.parse(data, xml.SCHEMA_ONLY).root
    except Refused:
        return "", ""
    return etree.QName(root).localname.removesuffix("Message"), ""


def _refusal(faults: tuple[Fault, ...], message: str, edition: str) -> dict[str, object]:
    return {
        "index": -1,
        "message": message,
        "edition": edition,
        "key": "",
        "status": "refused",
        "faults": [_fault(f) for f in faults],
    }


def _fault(fault: Fault) -> dict[str, object]:
    made: dict[str, object] = msgspec.to_builtins(fault)
    return {"path": "", "line": 0, **made}


def _print(row: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    click.echo(f"{row['status']:9} {row['message']:8} {row['key']:44} {row['file']}")
    for fault in row["faults"]:  # type: ignore[attr-defined]  # a list of faults
        click.echo(f"          {fault['code']} {fault['path']}:{fault['line']}  {fault['message']} · {fault['message_zh']}")
