"""Participants made, listed and published: the demo's made-up ones, and those an operator adds.

An API key is shown once, when it is made; what is published is its hash. The demo's are kept in
``<data>/demo/principals.json`` (0600), so that a second start uses the same.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hub import sm2
from hub.domain.access import ROLES, UNITS
from hub.domain.credentials import keys_of, state
from hub.domain.expiry import days_left
from hub.domain.faults import Misconfigured
from hub.domain.keys import rfc3339
from hub.domain.reference import ReferenceRecord
from hub.domain.subscriptions import Subscription
from hub.infra.certificates import described
from hub.infra.crypto import DemoAuthority, HostedKey, api_key_hash, new_api_key
from hub.infra.hosted import RSA, SM2, Encryption, HostedKeys, made_up_file
from hub.infra.sm2_authority import Sm2Authority

#: The day from which demo data are in force: before anything the demo can submit.
DEMO_FROM = "2020-01-01"
#: When the demo's mandates end: 2050-01-01 in China.
_DEMO_UNTIL = 2_524_579_200_000


class Demo(NamedTuple):
    """One of the demo's made-up principals. ``company``: it is an enterprise with a code, a dxpId and a key."""

    name: str
    roles: tuple[str, ...]
    title: str
    codes: tuple[str, ...] = ()
    dxp_id: str = ""


class DemoPrincipal(msgspec.Struct):
    """An entry of ``principals.json``; certificates and keys are PEM, RSA and SM2, empty for authorities."""

    name: str
    roles: list[str]
    api_key: str
    codes: list[str]
    certificate: str = ""
    key: str = ""
    dxp_id: str = ""
    sm2_certificate: str = ""
    sm2_key: str = ""


#: Enterprises that do not exist; codes in the form of customs registration codes (district 9901 is not in use).
DEMO = (
    Demo("platform", ("platform", "merchant"), "示范电商平台", ("9901D00001", "9901D00002"), "DXPENT0000990001"),
    Demo("payer", ("payer",), "示范支付企业", ("9901D00003",), "DXPENT0000990003"),
    Demo("carrier", ("carrier",), "示范物流企业", ("9901D00004",), "DXPENT0000990004"),
    Demo("agent", ("declarant",), "示范申报企业", ("9901D00005",), "DXPENT0000990005"),
    Demo("site", ("site",), "示范监管场所", ("9901D00006",), "DXPENT0000990006"),
    Demo("customs", ("customs",), "沙箱海关", (), "DXPEDCCEB0000002"),
    Demo("tax", ("tax",), "沙箱税务"),
    Demo("forex", ("forex",), "沙箱外汇"),
    Demo("market", ("market",), "沙箱市场监管"),
    Demo("commerce", ("commerce",), "沙箱商务"),
    Demo("office", ("office",), "示范综试办"),
    Demo("operator", ("operator",), "运营方"),
)

#: Demo rates by HS code, as shares: value-added tax and consumption tax of a few goods people buy. Not the tariff.
_RATES: dict[str, dict[str, str]] = {
    "1901101000": {"duty": "0", "vat": "0.13", "ct": "0"},
    "1905310000": {"duty": "0", "vat": "0.13", "ct": "0"},
    "2106909090": {"duty": "0", "vat": "0.13", "ct": "0"},
    "3304990039": {"duty": "0", "vat": "0.13", "ct": "0"},
    "3304990049": {"duty": "0", "vat": "0.13", "ct": "0"},
    "3304100012": {"duty": "0", "vat": "0.13", "ct": "0.15"},
    "3305100090": {"duty": "0", "vat": "0.13", "ct": "0"},
    "4202220000": {"duty": "0", "vat": "0.13", "ct": "0"},
    "6403990090": {"duty": "0", "vat": "0.13", "ct": "0"},
    "9619001100": {"duty": "0", "vat": "0.13", "ct": "0"},
}


def demo_principals(data: Path, keys: Path, key_file: Path | None = None) -> list[DemoPrincipal]:
    """The demo's principals with their secrets, made at the first call and the same ever after.

    ``keys`` is the hub's key folder: the hub signs unsigned documents of these enterprises under their mandate, with keys
    encrypted as ``key_file`` says (setting ``hosted_key_file``; None: by a key made up for them).
    """
    file = data / "demo" / "principals.json"
    known = _read(file)
    authority: DemoAuthority | None = None
    made = []
    for demo in DEMO:
        entry = known.get(demo.name)
        if entry is None:
            authority = authority or DemoAuthority(keys)
            entry = _make(demo, authority)
        if demo.codes and not entry.sm2_key:
            entry.sm2_key, entry.sm2_certificate = Sm2Authority(keys).hosted(demo.name)
        entry.roles, entry.codes, entry.dxp_id = list(demo.roles), list(demo.codes), demo.dxp_id
        made.append(entry)
    _write(file, made)
    encryption = Encryption.of_file(key_file) if key_file is not None else Encryption.made_up(made_up_file(data))
    _host(HostedKeys(keys, encryption), made)
    return made


def _host(held: HostedKeys, entries: list[DemoPrincipal]) -> None:
    """The hub's copies of their keys, kept as those of real participants are."""
    for entry in entries:
        for kind, key, certificate in ((RSA, entry.key, entry.certificate), (SM2, entry.sm2_key, entry.sm2_certificate)):
            if key and not held.opens(entry.name, kind):
                held.put(entry.name, kind, key.encode(), certificate.encode())


def _make(demo: Demo, authority: DemoAuthority) -> DemoPrincipal:
    entry = DemoPrincipal(demo.name, list(demo.roles), new_api_key(), list(demo.codes))
    if demo.codes:
        hosted = authority.hosted(demo.name)
        entry.certificate, entry.key = hosted.certificate_pem(), hosted.private_pem()
    return entry


def _read(file: Path) -> dict[str, DemoPrincipal]:
    try:
        return {entry.name: entry for entry in msgspec.json.decode(file.read_bytes(), type=list[DemoPrincipal])}
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as error:
        raise Misconfigured([f"{file} cannot be read ({error}); remove it, and new principals are made"]) from error


def _write(file: Path, entries: list[DemoPrincipal]) -> None:
    content = msgspec.json.format(msgspec.json.encode(entries), indent=1)
    if file.exists() and file.read_bytes() == content:
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = file.with_suffix(".new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    aside.replace(file)


def load_demo(data: Path) -> dict[str, DemoPrincipal]:
    """The demo's principals as a running hub made them; Misconfigured where there are none."""
    found = _read(data / "demo" / "principals.json")
    if not found:
        raise Misconfigured([f"{data / 'demo' / 'principals.json'} is not there: start the hub with its sandbox first"])
    return found


def demo_records(principals: list[DemoPrincipal]) -> list[ReferenceRecord]:
    """Everything the demo publishes: principals, their enterprises, rates; all flagged as made up."""
    titles = {demo.name: demo.title for demo in DEMO}
    records = []
    for entry in principals:
        value = principal_value(
            roles=tuple(entry.roles),
            codes=tuple(entry.codes),
            dxp_ids=(entry.dxp_id,) if entry.dxp_id else (),
            key_hash=api_key_hash(entry.api_key),
            certificates=tuple(filter(None, (entry.certificate, entry.sm2_certificate))),
            hosted=bool(entry.key),
            title=titles[entry.name],
        )
        if entry.key:
            value["hosting"] = {"document": "made up with the demo", "until": _DEMO_UNTIL}
        records.append(ReferenceRecord("principal", entry.name, 1, DEMO_FROM, value={**value, "demo": True}, demo=True))
        for code in entry.codes:
            filing = {"name": titles[entry.name], "roles": entry.roles, "principal": entry.name, "state": "filed"}
            records.append(ReferenceRecord("enterprise", code, 1, DEMO_FROM, value=filing, demo=True))
    for code, rate in _RATES.items():
        records.append(ReferenceRecord("rate", code, 1, DEMO_FROM, value=dict(rate), demo=True))
    records.append(ReferenceRecord("exchange", "502", 1, DEMO_FROM, value={"cny": "7"}, demo=True))
    return records


def principal_value(
    *,
    roles: tuple[str, ...],
    codes: tuple[str, ...],
    dxp_ids: tuple[str, ...],
    key_hash: str,
    certificates: tuple[str, ...] = (),
    hosted: bool = False,
    edition: str = "202205",
    title: str = "",
    unit: str = "",
) -> dict[str, Any]:  # Any: JSON
    """The value of a reference record of kind ``principal``; ``certificates`` are PEM texts. Misconfigured if wrong."""
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        raise Misconfigured([f"role {', '.join(unknown) or 'missing'}: one of {', '.join(ROLES)}"])
    if unit and (unit not in UNITS or "customs" not in roles):
        raise Misconfigured([f"unit {unit}: a part of customs, one of {', '.join(UNITS)}"])
    return {
        "roles": list(roles),
        "codes": list(codes),
        "dxp_ids": list(dxp_ids),
        "api_key_hash": key_hash,
        "certificates": [certificate_der(text) for text in certificates],
        "hosted": hosted,
        "edition": edition,
        "title": title,
        **({"unit": unit} if unit else {}),
    }


def certificate_der(pem: str) -> str:
    """A certificate's DER in base64 from its PEM; Misconfigured where it is none."""
    body = "".join(line for line in pem.splitlines() if line and not line.startswith("-----"))
    try:
        base64.b64decode(body, validate=True)
    except ValueError as error:
        raise Misconfigured(["the certificate is not PEM"]) from error
    return body


def hosted_key(entry: DemoPrincipal) -> HostedKey:
    """The RSA signing key of a demo principal."""
    return HostedKey.from_pem(entry.key.encode(), entry.certificate.encode())


def sm2_key(entry: DemoPrincipal) -> sm2.PrivateKey:
    """The SM2 signing key of a demo principal."""
    return sm2.PrivateKey.from_pem(entry.sm2_key.encode(), entry.sm2_certificate.encode())


def shown(name: str, value: Mapping[str, Any], now: int, uses: Mapping[tuple[str, str], int] | None = None) -> dict[str, Any]:  # Any: JSON
    """A principal as ``hub participants list`` shows it at ``now`` (ms): no hashes, certificates described.

    ``uses``: (principal, id of a key) → its last use, ms; None where that is not known.
    """
    kept = {
        field: value[field]
        for field in ("roles", "codes", "dxp_ids", "hosted", "edition", "title", "rate_messages", "rate_documents", "rate_burst")
        if field in value
    }
    return {
        "name": name,
        **kept,
        "certificates": [
            {
                "subject": found.subject,
                "serial": found.serial,
                "fingerprint": found.fingerprint,
                "until": rfc3339(found.until),
                "days_left": days_left(found.until, now),
            }
            for found in map(described, value.get("certificates", ()))
            if found is not None
        ],
        "tls_certificates": list(value.get("tls_certificates", ())),
        "messages": list(value.get("messages", ())),
        "mandates": [{**one, "until": rfc3339(one["until"]), "granted": rfc3339(one.get("granted", 0))} for one in value.get("mandates", ())],
        "hosting": {**hosting, "until": rfc3339(hosting["until"])} if (hosting := value.get("hosting")) else None,
        "suspended": bool(value.get("suspended")),
        "demo": bool(value.get("demo")),
        "keys": [
            {
                "id": key.id,
                "label": key.label,
                "state": state(key, now),
                "created": rfc3339(key.created) if key.created else None,
                "until": rfc3339(key.until) if key.until else None,
                "revoked": rfc3339(key.revoked) if key.revoked else None,
                "last_used": rfc3339(uses[name, key.id]) if uses and (name, key.id) in uses else None,
            }
            for key in keys_of(value)
        ],
    }


def webhook_secret(digest: Callable[[str, str], str], name: str, key_hash: str) -> bytes:
    """What a principal signs webhooks with: made of the hub's digest key (``Vault.digest``) and one of its API keys (the hash).

    It is kept nowhere. A new API key means a new one, and the old one is over when the old key is; so does a new digest key.
    """
    return sha256(digest("webhook", f"{name}\0{key_hash}").encode()).digest()


def hook_secret(digest: Callable[[str, str], str], subscription: str, number: int) -> bytes:
    """What the hub signs the hooks of a subscription with: its ``number``-th secret, made of the hub's digest key and kept nowhere."""
    return sha256(digest("subscription", f"{subscription}\0{number}").encode()).digest()


def hook_secrets(digest: Callable[[str, str], str], overlap_hours: float) -> Callable[[Subscription, int], tuple[bytes, ...]]:
    """Those to sign a subscription's hooks with at a time (ms): the newest, and for a while after a change the one before."""

    def secrets(subscription: Subscription, at: int) -> tuple[bytes, ...]:
        changing = subscription.secret > 1 and at < subscription.rotated_at + overlap_hours * 3_600_000
        return tuple(
            hook_secret(digest, subscription.id, subscription.secret - back) for back in range(2 if changing else 1)
        )

    return secrets


def shown_secret(secret: bytes) -> str:
    """As Standard Webhooks writes secrets."""
    return "whsec_" + base64.b64encode(secret).decode()
