"""XML signatures of CEB messages and DXP envelopes: signing and verifying (CEB specification, chapter 6).

A signature covers the whole document but itself: ``verify`` accepts it only at its one place below the root,
so what was signed is what is read. Every refusal names its step by a code of the family ``signature``.
What of signatures is taken beyond their form is a ``Policy``: algorithms, clock skew, whom to trust.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Container, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple, NoReturn, Protocol

import msgspec
from lxml import etree

from adapters import canonical
from adapters.certificates import SM2_BITS, Certificate, certificate, is_signed_by, same_serial
from adapters.signature_form import (
    C14N,
    DS,
    ENVELOPED,
    PATH,
    SIGNATURE,
    SignatureParts,
    inherited_attributes,
    read_text,
    read_tree,
    signature_of,
    signed_info_of,
    to_be_signed,
)
from adapters.trust import Trust
from adapters.xml import AUTHORITY, parse
from hub import sm2
from hub.domain.faults import Fault, Refused, fault
from hub.domain.keys import rfc3339


class Algorithm(msgspec.Struct, frozen=True):
    """A way to sign: its name, its two URIs, the hash, the least number of bits of a key, the kind of key."""

    name: str
    method: str
    digest_method: str
    hash: str
    min_bits: int
    sm2: bool = False


RSA_SHA1 = Algorithm("rsa-sha1", DS + "rsa-sha1", DS + "sha1", "sha1", 1024)
RSA_SHA256 = Algorithm(
    "rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "sha256",
    2048,
)
_CHINAPORT = "http://www.chinaport.gov.cn/2022/04/xmldsig#"
SM2_SM3 = Algorithm("sm2-sm3", _CHINAPORT + "sm2-sm3", _CHINAPORT + "sm3", "sm3", SM2_BITS, sm2=True)

#: By name, for signing and settings.
ALGORITHMS = {algorithm.name: algorithm for algorithm in (RSA_SHA1, RSA_SHA256, SM2_SM3)}
#: (SignatureMethod, DigestMethod) → (algorithm, hash of the digest). Signers are known that write SM2 with a URI of the
#: W3C's namespace, one of them with a SHA-1 digest, and customs took them; we only write the official URIs.
_BY_METHODS = {(a.method, a.digest_method): (a, a.hash) for a in ALGORITHMS.values()} | {
    (DS + "sm2-sm3", SM2_SM3.digest_method): (SM2_SM3, "sm3"),
    (DS + "sm2-sm3", RSA_SHA1.digest_method): (SM2_SM3, "sha1"),
}
#: A larger key costs more to verify than it is worth.
MAX_BITS = 8192

#: Export messages hold their signature before ExtendMessage, all others have it last.
_EXPORT = frozenset(f"CEB{n}Message" for n in (213, 215, 303, 403, 505, 507, 509, 603, 605, 607, 701))


class SignatureReport(msgspec.Struct, frozen=True):
    """A signature that holds: by whom, how, and what is odd about it (``faults``, which only flag)."""

    algorithm: str
    fingerprint: str
    serial: str
    subject: str
    faults: tuple[Fault, ...] = ()


class SigningKey(Protocol):
    """A private RSA or SM2 key with its certificate, wherever it is kept."""

    @property
    def certificate(self) -> bytes:
        """The certificate in DER."""

    def sign(self, data: bytes, hash_name: str) -> bytes:
        """RSASSA-PKCS1-v1_5 over ``data`` with ``sha1`` or ``sha256``; SM2's r‖s with ``sm3``."""


class Policy(msgspec.Struct, frozen=True):
    """What is taken of signatures whose form is right.

    ``sha1``: whether SHA-1 is (the CEB specification permits it; it is flagged). ``skew``: ms by which the clock that
    dated a certificate may be ahead of ours. ``trust``: the configured authorities; None: whose certificate it is alone
    decides.
    """

    sha1: bool = True
    skew: int = 0
    trust: Trust | None = None


DEFAULT = Policy()


# ---- verifying
# --------------------------------------------------------------------------------------------------


def find(root: etree._Element) -> etree._Element | None:
    """The Signature at its place below the root, None where the document is unsigned.

    Raises Refused ``signature.multiple`` or ``signature.place``.
    """
    found = list(root.iterchildren(SIGNATURE))
    if not found:
        return None
    if len(found) > 1:
        _refuse("signature.multiple", line=_line(found[1]))
    after = [child.tag for child in found[0].itersiblings()]
    if not after:
        return found[0]
    extend = f"{{{etree.QName(root).namespace}}}ExtendMessage"
    if not (after == [extend] and etree.QName(root).localname in _EXPORT):
        _refuse("signature.place", line=_line(found[0]))
    return found[0]


def verify(
    root: etree._Element,
    text: bytes | None,
    trusted: Container[str] | None,
    at: int,
    policy: Policy = DEFAULT,
) -> SignatureReport:
    """Verify the signature of a parsed document.

    ``text``: ``ParsedXml.text`` (None: by the tree alone, slower). ``trusted``: SHA-256 fingerprints of the
    certificates the enterprise may sign with; None does not ask. ``at``: milliseconds when it was received,
    for which the certificate must be valid. Raises Refused with the code of the step that failed.
    """
    plain, signature, parts = _read(root, text)
    algorithm, digest_hash, flags = _algorithm(parts, policy)
    signer = certificate(parts.certificate)
    flags += _check_signer(signer, algorithm, trusted, at, policy)
    flags += _check_digest(root, plain, signature, parts.digest, digest_hash)
    _check_value(signer, parts, algorithm)
    if not same_serial(parts.key_name, signer.serial):
        flags = (*flags, fault("signature.key_name", path=f"{PATH}/ds:KeyInfo/ds:KeyName"))
    return SignatureReport(algorithm.name, signer.fingerprint, signer.serial, signer.subject, flags)


def _read(root: etree._Element, text: bytes | None) -> tuple[_Plain | None, etree._Element, SignatureParts]:
    signature = find(root)
    if signature is None:
        _refuse("signature.place" if _is_elsewhere(root) else "signature.missing")
    plain = _plain(text, signature) if text is not None else None
    parts = read_text(plain.signature, plain.tag.namespaces) if plain is not None else None
    return plain, signature, parts if parts is not None else read_tree(signature)


class Step(NamedTuple):
    """A step of verifying: ``faults`` are flags where it holds, else why it does not. ``detail``: what was found."""

    name: str
    detail: str
    faults: tuple[Fault, ...] = ()
    holds: bool = True


def steps(root: etree._Element, text: bytes | None, at: int, policy: Policy = DEFAULT) -> Iterator[Step]:
    """The steps of ``verify`` one by one, for people; the last is the first that fails.

    Whose certificate it must be is not asked.
    """
    name = "form"
    try:
        plain, signature, parts = _read(root, text)
        yield Step(name, f"{etree.QName(root).localname}, KeyName {parts.key_name or '–'}")
        name = "algorithm"
        algorithm, digest_hash, flags = _algorithm(parts, policy)
        yield Step(name, f"{algorithm.name}, digest {digest_hash}", flags)
        name = "certificate"
        signer = certificate(parts.certificate)
        same = same_serial(parts.key_name, signer.serial)
        odd = () if same else (fault("signature.key_name", path=f"{PATH}/ds:KeyInfo/ds:KeyName"),)
        yield Step(name, f"serial {signer.serial}, SHA-256 {signer.fingerprint}, {signer.subject}", odd)
        name = "key"
        _check_key(signer, algorithm)
        yield Step(name, f"{'SM2' if algorithm.sm2 else 'RSA'}, {signer.bits} bits")
        name = "validity"
        detail = f"{rfc3339(signer.not_before)} – {rfc3339(signer.not_after)}"
        _check_validity(signer, at, policy)
        yield Step(name, detail)
        name, detail = "digest", f"{digest_hash} {parts.digest.hex()}"
        yield Step(name, detail, _check_digest(root, plain, signature, parts.digest, digest_hash))
        name = "value"
        _check_value(signer, parts, algorithm)
        yield Step(name, f"{len(parts.value)} bytes")
        if policy.trust is not None:
            name = "chain"
            yield from _trusted(policy.trust, signer, at)
    except Refused as refused:
        yield Step(name, detail if name in ("validity", "digest") else "", refused.faults, holds=False)


def _trusted(trust: Trust, signer: Certificate, at: int) -> Iterator[Step]:
    """The path to an authority, and whether something on it was revoked."""
    flags: tuple[Fault, ...] = ()
    try:
        flags = trust.check(signer.der, signer.fingerprint, at)
        holds = True
    except Refused as refused:
        if refused.faults[0].code == "signature.chain":
            raise
        flags, holds = refused.faults, False
    yield Step("chain", signer.issuer)
    if trust.asks:
        yield Step("revocation", "", flags, holds)


def _is_elsewhere(root: etree._Element) -> bool:
    return next(root.iter(SIGNATURE), None) is not None


def _algorithm(parts: SignatureParts, policy: Policy) -> tuple[Algorithm, str, tuple[Fault, ...]]:
    """The algorithm and the hash of the digest of a signature whose every URI is one of the profile's; flags."""
    if parts.uri != "":
        _refuse("signature.reference")
    if parts.transforms != (ENVELOPED,) or parts.canonicalization != C14N:
        _refuse("signature.transform")
    algorithm, digest_hash = _BY_METHODS.get((parts.method, parts.digest_method), (None, ""))
    if algorithm is None:
        _refuse("signature.algorithm")
    if "sha1" not in (algorithm.hash, digest_hash):
        return algorithm, digest_hash, ()
    if not policy.sha1:
        _refuse("signature.sha1_refused")
    return algorithm, digest_hash, (fault("signature.sha1", path=f"{PATH}/ds:SignedInfo"),)


def _check_signer(
    signer: Certificate, algorithm: Algorithm, trusted: Container[str] | None, at: int, policy: Policy
) -> tuple[Fault, ...]:
    """Whose certificate it is, its validity, its key, its authorities; flags."""
    if trusted is not None and signer.fingerprint not in trusted:
        _refuse("signature.untrusted")
    _check_validity(signer, at, policy)
    _check_key(signer, algorithm)
    return policy.trust.check(signer.der, signer.fingerprint, at) if policy.trust is not None else ()


def _check_validity(signer: Certificate, at: int, policy: Policy) -> None:
    if at < signer.not_before - policy.skew:
        _refuse("signature.not_yet_valid")
    if at > signer.not_after:
        _refuse("signature.expired")


def _check_key(signer: Certificate, algorithm: Algorithm) -> None:
    if (signer.sm2_key if algorithm.sm2 else signer.key) is None:
        _refuse("signature.algorithm")
    if not algorithm.min_bits <= signer.bits <= MAX_BITS:
        _refuse("signature.key_size", bits=signer.bits, least=algorithm.min_bits)
    if not signer.may_sign:
        _refuse("signature.key_usage")


def _check_value(signer: Certificate, parts: SignatureParts, algorithm: Algorithm) -> None:
    if signer.sm2_key is not None:
        if not signer.sm2_key.is_signed_by(parts.value, parts.signed_info):
            _refuse(_what_is_wrong(signer.sm2_key, parts))
    elif signer.key is None or not is_signed_by(signer.key, parts.value, parts.signed_info, algorithm.hash):
        _refuse("signature.value")


def _what_is_wrong(key: sm2.PublicKey, parts: SignatureParts) -> str:
    """The code of an SM2 value that does not hold: the usual mistakes have their own."""
    if sm2.is_value(parts.value):
        of_another = any(key.is_signed_by(parts.value, parts.signed_info, other) for other in sm2.OTHER_IDS)
        return "signature.sm2_user_id" if of_another else "signature.value"
    return "signature.sm2_der" if sm2.is_der(parts.value) else "signature.sm2_value"


def _check_digest(
    root: etree._Element, plain: _Plain | None, signature: etree._Element, digest: bytes, hash_name: str
) -> tuple[Fault, ...]:
    """Compare the digest of the document without the signature.

    Signers are known that break the line after the signature without counting it; customs accept that, so do
    we, with a flag: white space after the signature says nothing.
    """
    canonical_parts = plain.document if plain is not None else None
    if _digest(canonical_parts or (canonical.of_tree(root, signature),), hash_name) == digest:
        return ()
    blank_tail = bool(signature.tail) and not str(signature.tail).strip(" \t\r\n")
    if blank_tail and _digest((canonical.of_tree(root, signature, tail=False),), hash_name) == digest:
        return (fault("signature.line_feed", path=PATH),)
    return _refuse("signature.digest")


def _digest(parts: tuple[bytes, ...], hash_name: str) -> bytes:
    hashed = hashlib.new(hash_name, usedforsecurity=False)
    for part in parts:
        hashed.update(part)
    return hashed.digest()


class _Plain(NamedTuple):
    """What the text alone tells: the root's start tag, the Signature, the rest in canonical form (None: not
    proven).
    """

    tag: canonical.StartTag
    signature: bytes
    document: tuple[bytes, ...] | None


def _plain(text: bytes, signature: etree._Element) -> _Plain | None:
    """The Signature in the text, if it is the last thing in the root; None where that is not plain to see.

    The last end tag before the root's is the signature's; the last start tag of its name before that begins
    it, since signatures do not nest (their form is checked) and in an element without ``<!`` and ``<?`` every
    ``<`` is a tag.
    """
    tag = canonical.start_tag(text)
    if tag is None or signature.getnext() is not None:
        return None
    name = (signature.prefix.encode() + b":" if signature.prefix else b"") + b"Signature"
    close, end = b"</%s>" % name, len(text.rstrip(b" \t\n")) - len(tag.name) - 3
    body = text[:end].rstrip(b" \t\n")
    if not body.endswith(close) or not text.startswith(b"</%s>" % tag.name, end):
        return None
    begin = _last_start_tag(body, name)
    region = body[begin:]
    if begin < tag.end or b"<!" in region or b"<?" in region:
        return None
    return _Plain(tag, region, canonical.plain_parts(text, tag, (begin, len(body))))


def _last_start_tag(text: bytes, name: bytes) -> int:
    """Where the last start tag of exactly this name begins, -1 if nowhere."""
    begin, mark = len(text), b"<" + name
    while begin >= 0:
        begin = text.rfind(mark, 0, begin)
        if text[begin + len(mark) : begin + len(mark) + 1] in (b">", b" ", b"\t", b"\n", b"\r", b"/"):
            return begin
    return -1


# ---- signing
# ----------------------------------------------------------------------------------------------------


def sign(xml: bytes, key: SigningKey, algorithm: str = "") -> bytes:
    """Put a signature at its place in an unsigned document in UTF-8; all other bytes stay as they are.

    ``algorithm``: empty for the one that goes with the key (rsa-sha256, sm2-sm3). Raises Refused (``xml.…``,
    ``signature.multiple``; ``signature.algorithm`` where the key is of another kind) if the document cannot be signed.
    """
    of_sm2 = certificate(key.certificate).sm2_key is not None
    form = ALGORITHMS[algorithm or ("sm2-sm3" if of_sm2 else "rsa-sha256")]
    if form.sm2 != of_sm2:
        _refuse("signature.algorithm")
    prepared = _prepared(xml, form.hash)
    content = signed_info_of(form.method, form.digest_method, prepared.digest)
    value = key.sign(to_be_signed(content, prepared.namespaces, prepared.inherited), form.hash)
    place = prepared.place
    serial, encoded = _key_info(key.certificate)
    return b"%s%s%s" % (xml[:place], signature_of(content, value, serial, encoded), xml[place:])


class _Prepared(NamedTuple):
    """Where the signature goes, the namespaces in scope there, the document's digest, its ``xml:`` attributes."""

    place: int
    namespaces: Mapping[bytes, bytes]
    digest: bytes
    inherited: bytes = b""


def _prepared(xml: bytes, hash_name: str) -> _Prepared:
    """From the text alone where that is plain to see."""
    tag = canonical.start_tag(xml)
    if tag is not None and not (tag.name.endswith(_EXPORT_NAMES) and b"ExtendMessage" in xml):
        place = len(xml.rstrip(b" \t\n")) - len(tag.name) - 3
        plain = canonical.plain_parts(xml, tag, (place, place))
        if plain is not None and not re.search(rb"<(?:[^\s<>/:]+:)?Signature>", xml):
            return _Prepared(place, tag.namespaces, _digest(plain, hash_name))
    return _prepared_tree(xml, hash_name)


_EXPORT_NAMES = tuple(name.encode() for name in _EXPORT)


def _prepared_tree(xml: bytes, hash_name: str) -> _Prepared:
    """The same for any document, by way of its tree."""
    parsed = parse(xml, AUTHORITY)
    root = parsed.root
    if parsed.text != xml or _is_elsewhere(root):
        _refuse("signature.multiple" if parsed.text == xml else "xml.encoding")
    name = (f"{root.prefix}:" if root.prefix else "") + etree.QName(root).localname
    place = xml.rfind(f"</{name}".encode())
    if etree.QName(root).localname in _EXPORT and len(root) and str(root[-1].tag).endswith("}ExtendMessage"):
        place = xml.rfind(f"<{root[-1].prefix}:ExtendMessage".encode() if root[-1].prefix else b"<ExtendMessage")
    namespaces = {(prefix or "").encode(): uri.encode() for prefix, uri in root.nsmap.items()}
    digest = _digest((canonical.of_tree(root, None),), hash_name)
    return _Prepared(place, namespaces, digest, inherited_attributes(root))


@lru_cache(maxsize=1024)
def _key_info(der: bytes) -> tuple[str, bytes]:
    """(KeyName, the certificate in Base64)."""
    return certificate(der).serial, base64.b64encode(der)


def _line(element: etree._Element) -> int:
    return int(getattr(element, "sourceline", 0) or 0)


def _refuse(code: str, line: int = 0, **values: int) -> NoReturn:
    raise Refused([fault(code, path=PATH, line=line, document=-1, **values)])
