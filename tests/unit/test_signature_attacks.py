"""Attacks on signatures, each kind a case, as the door answers it: by its stable code, before anything is taken."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import signature
from adapters.authorities.customs.envelope import CUSTOMS_IMPORT, Envelope, write
from adapters.intake import Judge, Judged
from adapters.signature import Policy, SigningKey
from adapters.signature_form import C14N, read_tree
from adapters.trust import Trust
from adapters.xml import parse
from hub import sm2
from hub.domain.access import Access, Principal
from hub.domain.faults import Refused, fault_kinds
from hub.infra.sm2_authority import tlv
from tests.support.authorities import KINDS, RSA, SM2, Authority, usage
from tests.support.intake import PRINCIPALS, XML, digest, documents, rendered
from tests.support.signing import DS, NOW, an_rsa_key, an_sm2_key

BOTH = pytest.mark.parametrize("kind", KINDS)
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
OFFICIAL = "http://www.chinaport.gov.cn/2022/04/xmldsig#"
#: A platform beside the one whose messages are attacked, with codes, a number and certificates of its own.
RIVAL = Principal("rival", ("platform", "merchant"), ("9901D00091", "9901D00092"), ("DXPENT0000990091",))
PEOPLE = {**{p.name: p for p in PRINCIPALS.values()}, "rival": RIVAL}
REVOKED = 0x03000000000CDEAD


@cache
def authority(kind: str) -> Authority:
    return Authority(f"authority {kind}", kind=kind, which=30)


def signer(kind: str, name: str = "platform") -> SigningKey:
    """The key of a participant, certified by the configured authority."""
    return _signer(kind, name)


@cache
def _signer(kind: str, name: str) -> SigningKey:
    return authority(kind).issue(name, which=40 + list(PEOPLE).index(name))


@cache
def trust() -> Trust:
    lists = [authority(kind).revokes({REVOKED: "2024-05-20"}) for kind in KINDS]
    return Trust([authority(kind).der for kind in KINDS], lists)


class Door:
    """A judge that knows each participant's certificates; ``also``: further ones of the platform."""

    def __init__(self, *also: bytes, policy: Policy | None = None) -> None:
        prints = {name: {_print(signer(kind, name).certificate) for kind in KINDS} for name in PEOPLE}
        prints["platform"] |= {_print(der) for der in also}
        chosen = policy or Policy(skew=60_000, trust=trust())
        self._judge = Judge(
            access=lambda: Access(filed={code: p.name for p in PEOPLE.values() for code in p.codes}),
            signatures="required",
            digest=digest,
            signing_key=lambda _: None,
            certificates=lambda principal: prints[principal.name],
            policy=lambda: chosen,
        )

    def take(self, data: bytes, who: str = "platform", at: int = NOW) -> Judged:
        return self._judge(data, XML, PEOPLE[who], at)

    def code(self, data: bytes, who: str = "platform", at: int = NOW) -> str:
        """Of the refusal; ``taken`` where there is none."""
        try:
            self.take(data, who, at)
        except Refused as refused:
            return refused.faults[0].code
        return "taken"


def _print(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


@cache
def unsigned() -> bytes:
    return rendered("order", documents("order", 2))


@cache
def signed(kind: str) -> bytes:
    """The message that is attacked."""
    return signature.sign(unsigned(), signer(kind))


@cache
def door() -> Door:
    return Door()


@BOTH
def test_the_message_itself_is_taken(kind: str) -> None:
    found = door().take(signed(kind))
    assert (len(found.documents), found.notes) == (2, ())


# ---- tools of the attacker


def part(data: bytes, name: str) -> bytes:
    """A part of the signature, with its tags."""
    found = re.search(rb"<ds:%s[ >].*</ds:%s>" % (name.encode(), name.encode()), data, re.DOTALL)
    assert found is not None
    return found[0]


def own_signature(data: bytes) -> bytes:
    return part(data, "Signature")


def moved(data: bytes, before: bytes, wrap: tuple[bytes, bytes] = (b"", b"")) -> bytes:
    """The signature taken from its place to before the first ``before``."""
    own = own_signature(data)
    rest = data.replace(own, b"")
    assert before in rest
    return rest.replace(before, wrap[0] + own + wrap[1] + before, 1)


def swapped(old: str, new: str, data: bytes) -> bytes:
    assert old.encode() in data
    return data.replace(old.encode(), new.encode())


def with_value(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    old = part(data, "SignatureValue")
    value = base64.b64decode(old[len("<ds:SignatureValue>") : -len("</ds:SignatureValue>")])
    return data.replace(old, b"<ds:SignatureValue>" + base64.b64encode(change(value)) + b"</ds:SignatureValue>")


def with_certificate(data: bytes, der: bytes) -> bytes:
    new = b"<ds:X509Certificate>" + base64.b64encode(der) + b"</ds:X509Certificate>"
    return data.replace(part(data, "X509Certificate"), new)


def resigned(data: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """The message with a value made over its SignedInfo as it now is: whatever the attacker may change and sign."""
    found = signature.find(parse(data).root)
    assert found is not None
    value = sign(read_tree(found).signed_info)
    return with_value(data, lambda _: value)


def own_value(kind: str) -> Callable[[bytes], bytes]:
    key = signer(kind)
    return lambda data: key.sign(data, "sm3" if kind == SM2 else "sha256")


METHODS = {RSA: (MORE + "rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256"), SM2: (OFFICIAL + "sm2-sm3", OFFICIAL + "sm3")}
ORDER, TRANSFER = b"<ceb:Order>", b"<ceb:BaseTransfer>"


# ---- value and content


@BOTH
def test_a_forged_value(kind: str) -> None:
    assert door().code(with_value(signed(kind), lambda value: value[:-1] + bytes([value[-1] ^ 1]))) == "signature.value"
    assert door().code(with_value(signed(kind), lambda value: value[::-1])) == "signature.value"
    other = signature.sign(rendered("order", documents("order", 1)), signer(kind))
    lent = signed(kind).replace(part(signed(kind), "SignatureValue"), part(other, "SignatureValue"))
    assert door().code(lent) == "signature.value"


@BOTH
def test_another_messages_signature(kind: str) -> None:
    other = signature.sign(rendered("order", documents("order", 1)), signer(kind))
    assert door().code(signed(kind).replace(own_signature(signed(kind)), own_signature(other))) == "signature.digest"


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "a price": lambda data: re.sub(rb"<ceb:goodsValue>[^<]*<", b"<ceb:goodsValue>1<", data, count=1),
    "a blank between elements": lambda data: data.replace(ORDER, b" " + ORDER, 1),
    "the guid": lambda data: data.replace(b"G" * 36, b"H" * 36, 1),
    "an order twice": lambda data: data.replace(ORDER, data[data.index(ORDER) : data.index(b"</ceb:Order>") + 12] + ORDER, 1),
    "an order less": lambda data: data.replace(data[data.index(ORDER) : data.index(b"</ceb:Order>") + 12], b"", 1),
}


@BOTH
@pytest.mark.parametrize("change", CHANGES)
def test_changed_content(kind: str, change: str) -> None:
    changed = CHANGES[change](signed(kind))
    assert changed != signed(kind)
    assert door().code(changed) == "signature.digest"


# ---- whose it is


@BOTH
def test_a_message_of_another_participant_is_no_ones_to_replay(kind: str) -> None:
    assert door().code(signed(kind), "rival") == "signature.untrusted"
    assert door().code(signed(kind), "payer") == "signature.untrusted"


@BOTH
def test_another_participants_content_under_ones_own_signature(kind: str) -> None:
    assert door().code(signature.sign(unsigned(), signer(kind, "rival")), "rival") == "access.own_code"
    assert door().code(signature.sign(unsigned(), signer(kind, "payer")), "payer") == "access.sender"


@BOTH
def test_another_certificate_put_in(kind: str) -> None:
    lent = with_certificate(signed(kind), signer(kind, "rival").certificate)
    assert door().code(lent) == "signature.untrusted"
    assert door().code(lent, "rival") == "signature.value"


@BOTH
def test_an_envelope_of_another_sender(kind: str) -> None:
    def enveloped(sender: str) -> bytes:
        return write(Envelope("ID-1", sender, (CUSTOMS_IMPORT,), "CEB311Message", signed(kind), NOW))

    assert door().code(enveloped(PEOPLE["platform"].dxp_ids[0])) == "taken"
    assert door().code(enveloped(RIVAL.dxp_ids[0])) == "access.envelope_sender"
    assert door().code(enveloped(RIVAL.dxp_ids[0]), "rival") == "signature.untrusted"


# ---- certificates


@BOTH
@pytest.mark.parametrize(
    ("certificate", "code"),
    [
        ({"ends": "2024-05-31"}, "signature.expired"),
        ({"begins": "2024-06-02"}, "signature.not_yet_valid"),
        ({"serial": REVOKED}, "signature.revoked"),
        ({"key_usage": usage(certify=True)}, "signature.key_usage"),
        ({"extension": x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")}, "signature.chain"),
    ],
)
def test_certificates_that_do_not_count(kind: str, certificate: dict[str, object], code: str) -> None:
    """Each is filed for the platform, and its signature holds."""
    key = authority(kind).issue("platform", which=40, **certificate)  # type: ignore[arg-type]
    assert Door(key.certificate).code(signature.sign(unsigned(), key)) == code


@BOTH
def test_a_certificate_of_an_authority_nobody_configured(kind: str) -> None:
    key = Authority("another", kind=kind, which=31).issue("platform", which=40)
    data = signature.sign(unsigned(), key)
    assert Door(key.certificate).code(data) == "signature.chain"
    assert Door(key.certificate, policy=Policy()).code(data) == "taken"


@BOTH
def test_a_namesake_of_the_authority(kind: str) -> None:
    key = Authority(f"authority {kind}", kind=kind, which=31).issue("platform", which=40)
    assert Door(key.certificate).code(signature.sign(unsigned(), key)) == "signature.chain"


@BOTH
def test_a_certificate_issued_by_another_participant(kind: str) -> None:
    """A signer plays the authority: basic constraints and key usage say that it is none."""
    false = Authority("platform", authority(kind), which=41, ca=False, key_usage=usage(sign=True))
    key = false.issue("platform", which=40)
    assert Door(key.certificate).code(signature.sign(unsigned(), key)) == "signature.chain"


@BOTH
def test_lists_out_of_date(kind: str) -> None:
    due = 1_719_792_000_000  # 2024-07-01, when the next list was due
    assert door().take(signed(kind), at=due).notes == ()
    assert [note.code for note in door().take(signed(kind), at=due + 1).notes] == ["signature.crl_stale"]
    strict = Trust([authority(k).der for k in KINDS], [authority(k).revokes() for k in KINDS], refuse_stale=True)
    assert Door(policy=Policy(trust=strict)).code(signed(kind), at=due + 1) == "signature.crl_required"


@BOTH
def test_clocks_may_differ_by_the_skew_and_no_more(kind: str) -> None:
    key = authority(kind).issue("platform", which=40, begins="2024-06-01T04:00:00")
    data = signature.sign(unsigned(), key)
    assert Door(key.certificate).code(data, at=NOW - 60_000) == "taken"
    assert Door(key.certificate).code(data, at=NOW - 60_001) == "signature.not_yet_valid"


@pytest.mark.parametrize("kind", [RSA])
def test_sha1(kind: str) -> None:
    data = signature.sign(unsigned(), signer(kind), "rsa-sha1")
    assert [note.code for note in door().take(data).notes] == ["signature.sha1"]
    assert Door(policy=Policy(sha1=False)).code(data) == "signature.sha1_refused"


# ---- wrapping: what the schema does not allow it refuses before the signature is asked (tests/unit/test_signature.py
# asks the signature alone)

EXTENSION = b"<ceb:ExtendMessage><ceb:name>n</ceb:name><ceb:version>1</ceb:version><ceb:Message>", b"</ceb:Message></ceb:ExtendMessage>"
DECLARATION = re.compile(rb"^<\?xml[^>]*\?>\s*")


def bare(data: bytes) -> bytes:
    return DECLARATION.sub(b"", data)


def evil(data: bytes) -> bytes:
    """The content as the attacker would have it."""
    return re.sub(rb"<ceb:goodsValue>[^<]*<", b"<ceb:goodsValue>1<", data)


def before_signature(data: bytes, what: bytes) -> bytes:
    return data.replace(b"<ds:Signature ", what + b"<ds:Signature ", 1)


def by_id(data: bytes) -> bytes:
    """URI="#signed" on an Id that two elements have."""
    data = data.replace(b'URI=""', b'URI="#signed"')
    return data.replace(ORDER, b'<ceb:Order Id="signed">')


WRAPPINGS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "signature first in the root": (lambda d: moved(d, ORDER), "schema.unexpected"),
    "signature between the documents and the transfer": (lambda d: moved(d, TRANSFER), "schema.unexpected"),
    "signature inside a document": (lambda d: moved(d, b"</ceb:Order>"), "schema.unexpected"),
    "signature inside a field": (lambda d: moved(d, b"</ceb:orderNo>"), "schema.unexpected"),
    "signature inside ExtendMessage": (lambda d: moved(d, b"</ceb:CEB311Message>", EXTENSION), "signature.place"),
    "signature in another namespace": (lambda d: swapped(DS, "urn:another", d), "schema.unexpected"),
    "signature in no namespace": (
        lambda d: d.replace(b"ds:", b"").replace(b' xmlns:ds="%s"' % DS.encode(), b' xmlns=""'),
        "schema.unexpected",
    ),
    "the signed root as an Object of the signature": (
        lambda d: evil(d).replace(b"</ds:Signature>", b"<ds:Object>" + bare(d) + b"</ds:Object></ds:Signature>"),
        "schema.unexpected",
    ),
    "the signed root, unsigned, as an Object": (
        lambda d: evil(d).replace(b"</ds:Signature>", b"<ds:Object>" + bare(unsigned()) + b"</ds:Object></ds:Signature>"),
        "schema.unexpected",
    ),
    "the signed root in ExtendMessage of another": (
        lambda d: before_signature(evil(d), EXTENSION[0] + bare(d) + EXTENSION[1]),
        "signature.digest",
    ),
    "the signed root in ExtendMessage, no signature of its own": (
        lambda d: evil(unsigned()).replace(b"</ceb:CEB311Message>", EXTENSION[0] + bare(d) + EXTENSION[1] + b"</ceb:CEB311Message>"),
        "signature.place",
    ),
    "the signed root inside another root": (
        lambda d: evil(unsigned()).replace(b"</ceb:CEB311Message>", bare(d) + b"</ceb:CEB311Message>"),
        "schema.unexpected",
    ),
    "parts of the root twice": (
        lambda d: before_signature(d, d[d.index(TRANSFER) : d.index(b"</ceb:BaseTransfer>") + 19]),
        "schema.too_many",
    ),
    "documents behind the transfer": (
        lambda d: before_signature(d, evil(d[d.index(ORDER) : d.index(b"</ceb:Order>") + 12])),
        "schema.unexpected",
    ),
    "a duplicate Id": (by_id, "schema.unexpected"),
    "a reference by Id that is nowhere": (lambda d: swapped('URI=""', 'URI="#signed"', d), "signature.reference"),
    "a reference by the message's guid": (lambda d: swapped('URI=""', f'URI="#{"G" * 36}"', d), "signature.reference"),
    "a reference to elsewhere": (lambda d: swapped('URI=""', 'URI="http://127.0.0.1:9/order.xml"', d), "signature.reference"),
    "a reference to a file": (lambda d: swapped('URI=""', 'URI="file:///etc/hostname"', d), "signature.reference"),
    "a reference by xpointer": (lambda d: swapped('URI=""', 'URI="#xpointer(/)"', d), "signature.reference"),
    "a reference to nothing named": (lambda d: swapped(' URI=""', "", d), "signature.malformed"),
    "detached: a signature alone": (lambda d: b"<?xml version='1.0'?>" + own_signature(d), "schema.unknown_message"),
    "enveloping: the message inside its signature": (
        lambda d: own_signature(d).replace(b"</ds:Signature>", b"<ds:Object>" + bare(unsigned()) + b"</ds:Object></ds:Signature>"),
        "schema.unknown_message",
    ),
    "two signatures": (lambda d: d.replace(own_signature(d), own_signature(d) * 2), "schema.too_many"),
    "a second signature by another": (
        lambda d: d.replace(own_signature(d), own_signature(signature.sign(unsigned(), signer(RSA, "rival"))) + own_signature(d)),
        "schema.too_many",
    ),
    "a second SignedInfo": (lambda d: d.replace(part(d, "SignedInfo"), part(d, "SignedInfo") * 2), "schema.unexpected"),
    "a second Reference": (lambda d: d.replace(part(d, "Reference"), part(d, "Reference") * 2), "signature.malformed"),
    "a Manifest instead of the document": (
        lambda d: swapped('<ds:Reference URI=""', f'<ds:Reference Type="{DS}Manifest" URI="#m"', d),
        "signature.reference",
    ),
    "a signature in a comment": (lambda d: d.replace(own_signature(d), b"<!--" + own_signature(d) + b"-->"), "signature.missing"),
    "a signature in CDATA": (
        lambda d: d.replace(own_signature(d), b"<![CDATA[" + own_signature(d) + b"]]>"),
        "schema.not_allowed",
    ),
}


@BOTH
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_wrapping(kind: str, wrapping: str) -> None:
    attack, code = WRAPPINGS[wrapping]
    data = attack(signed(kind))
    assert data != signed(kind)
    assert door().code(data) == code


# ---- algorithms and transforms

ALGORITHMS: dict[str, tuple[str, str]] = {
    "hmac-sha1": (DS + "hmac-sha1", ""),
    "hmac-sha256": (MORE + "hmac-sha256", ""),
    "dsa": (DS + "dsa-sha1", ""),
    "ecdsa": (MORE + "ecdsa-sha256", ""),
    "rsa-md5": (MORE + "rsa-md5", MORE + "md5"),
    "rsa-sha512": (MORE + "rsa-sha512", ""),
    "rsa-pss": ("http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1", ""),
    "none": ("none", ""),
    "empty": ("", ""),
    "digest of md5": ("", MORE + "md5"),
    "digest of none": ("", ""),
    "digest of another": ("", DS + "sha1"),
    "digest of the other kind": ("", "other"),
}


@BOTH
@pytest.mark.parametrize("name", ALGORITHMS)
def test_other_algorithms(kind: str, name: str) -> None:
    """The attacker signs what results where the key allows it: the algorithm alone refuses."""
    method, digested = ALGORITHMS[name]
    old_method, old_digest = METHODS[kind]
    digested = METHODS[SM2 if kind == RSA else RSA][1] if digested == "other" else digested
    data = signed(kind)
    if method or name == "empty":
        data = swapped(f'SignatureMethod Algorithm="{old_method}"', f'SignatureMethod Algorithm="{method}"', data)
    if digested or name == "digest of none":
        data = swapped(f'DigestMethod Algorithm="{old_digest}"', f'DigestMethod Algorithm="{digested}"', data)
    assert data != signed(kind)
    assert door().code(resigned(data, own_value(kind))) == "signature.algorithm"


@BOTH
def test_an_hmac_keyed_with_the_certificate(kind: str) -> None:
    data = swapped(METHODS[kind][0], MORE + "hmac-sha256", signed(kind))
    secrets = [signer(kind).certificate, x509.load_der_x509_certificate(signer(kind).certificate).tbs_certificate_bytes]
    for secret in secrets:
        forged = resigned(data, lambda signed_info, secret=secret: hmac.digest(secret, signed_info, "sha256"))
        assert door().code(forged) == "signature.algorithm"


def test_pss_under_the_name_of_pkcs1() -> None:
    private = an_rsa_key(2048, 40)
    pss = partial(private.sign, padding=padding.PSS(padding.MGF1(hashes.SHA256()), 32), algorithm=hashes.SHA256())
    assert door().code(resigned(signed(RSA), pss)) == "signature.value"


def test_an_elliptic_key_under_the_name_of_rsa_or_sm2() -> None:
    key, certificate = _elliptic()
    found = Door(certificate, policy=Policy())
    for kind in KINDS:
        data = with_certificate(signed(kind), certificate)
        assert found.code(resigned(data, lambda text: key.sign(text, ec.ECDSA(hashes.SHA256())))) == "signature.algorithm"


@cache
def _elliptic() -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority(RSA)
    der = issuer.certified(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "made up")]), key, 9, "2024-01-01", "2034-01-01", []
    )
    return key, der


TRANSFORMS = {
    "XPath": "http://www.w3.org/TR/1999/REC-xpath-19991116",
    "XPath filter 2": "http://www.w3.org/2002/06/xmldsig-filter2",
    "XSLT": "http://www.w3.org/TR/1999/REC-xslt-19991116",
    "base64": DS + "base64",
    "c14n with comments": C14N + "#WithComments",
    "c14n": C14N,
    "exclusive c14n": "http://www.w3.org/2001/10/xml-exc-c14n#",
    "none": "",
}


@BOTH
@pytest.mark.parametrize("name", TRANSFORMS)
def test_foreign_transforms(kind: str, name: str) -> None:
    uri = TRANSFORMS[name]
    instead = swapped(DS + "enveloped-signature", uri, signed(kind))
    assert door().code(resigned(instead, own_value(kind))) == "signature.transform"
    transform = part(signed(kind), "Transform")
    further = signed(kind).replace(transform, transform + transform.replace((DS + "enveloped-signature").encode(), uri.encode()))
    assert door().code(resigned(further, own_value(kind))) == "signature.transform"


@BOTH
def test_a_transform_with_a_program(kind: str) -> None:
    program = b'<ds:XPath xmlns:ds="%s">not(ancestor-or-self::ceb:Order)</ds:XPath></ds:Transform>' % DS.encode()
    data = signed(kind).replace(b"</ds:Transform>", program)
    assert door().code(data) == "signature.malformed"


@BOTH
@pytest.mark.parametrize("uri", [C14N + "#WithComments", "http://www.w3.org/2001/10/xml-exc-c14n#", "http://www.w3.org/2006/12/xml-c14n11", ""])
def test_other_canonical_forms(kind: str, uri: str) -> None:
    data = swapped(f'CanonicalizationMethod Algorithm="{C14N}"', f'CanonicalizationMethod Algorithm="{uri}"', signed(kind))
    assert door().code(resigned(data, own_value(kind))) == "signature.transform"


# ---- keys and KeyInfo


def certified(public: rsa.RSAPublicKey, old: bytes = b"", new: bytes = b"") -> bytes:
    """A certificate of the authority for an RSA key; ``old`` is exchanged for ``new`` in it before it is signed."""

    class Holder:
        def public_key(self) -> rsa.RSAPublicKey:
            return public

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "made up")])
    issuer = authority(RSA)
    der = issuer.certified(name, Holder(), 11, "2024-01-01", "2034-01-01", [])
    if not old:
        return der
    content = x509.load_der_x509_certificate(der).tbs_certificate_bytes
    assert content.count(old) == 1
    content = content.replace(old, new)
    value = b"\x00" + issuer.key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    algorithm = tlv(0x30, bytes.fromhex("06092a864886f70d01010b0500"))
    return tlv(0x30, content + algorithm + tlv(0x03, value))


def numbered(bits: int, exponent: int = 65537) -> rsa.RSAPublicKey:
    """A public key of so many bits; nobody has its private one."""
    return rsa.RSAPublicNumbers(exponent, (1 << bits) - 159).public_key()


def test_oversized_keys() -> None:
    der = certified(numbered(8200))
    assert Door(der).code(with_certificate(signed(RSA), der)) == "signature.key_size"
    huge = certified(numbered(40_000))
    assert Door(huge).code(with_certificate(signed(RSA), huge)) == "signature.key_size"


def test_undersized_keys() -> None:
    for bits, algorithm in ((1024, "rsa-sha256"), (1016, "rsa-sha1")):
        der = certified(numbered(bits))
        data = with_certificate(signature.sign(unsigned(), signer(RSA), algorithm), der)
        assert Door(der).code(data) == "signature.key_size"


def test_a_key_of_512_bits() -> None:
    der = certified(numbered(512))
    assert Door(der).code(with_certificate(signature.sign(unsigned(), signer(RSA), "rsa-sha1"), der)) == "signature.key_size"


@pytest.mark.parametrize("exponent", [1, 2])
def test_an_exponent_with_which_anybody_could_sign(exponent: int) -> None:
    """With 1 the value is the padded digest itself."""
    der = certified(numbered(2048, 3), b"\x61\x02\x01\x03", b"\x61\x02\x01" + bytes([exponent]))
    assert Door(der).code(with_certificate(signed(RSA), der)) == "signature.certificate"


KEY_INFOS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "two certificates": (lambda d: d.replace(part(d, "X509Certificate"), part(d, "X509Certificate") * 2), "signature.malformed"),
    "two X509Data": (lambda d: d.replace(part(d, "X509Data"), part(d, "X509Data") * 2), "signature.malformed"),
    "KeyValue instead of a certificate": (
        lambda d: d.replace(part(d, "X509Data"), b"<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQ==</ds:Modulus><ds:Exponent>Aw==</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>"),
        "signature.malformed",
    ),
    "KeyValue beside a certificate": (
        lambda d: d.replace(b"<ds:X509Data>", b"<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQ==</ds:Modulus><ds:Exponent>Aw==</ds:Exponent></ds:RSAKeyValue></ds:KeyValue><ds:X509Data>"),
        "signature.malformed",
    ),
    "RetrievalMethod": (lambda d: d.replace(part(d, "X509Data"), b'<ds:RetrievalMethod URI="http://127.0.0.1:9/key"/>'), "signature.malformed"),
    "a certificate by its issuer and number alone": (
        lambda d: d.replace(part(d, "X509Certificate"), b"<ds:X509SubjectName>CN=made up</ds:X509SubjectName>"),
        "signature.malformed",
    ),
    "no KeyInfo": (lambda d: d.replace(part(d, "KeyInfo"), b""), "signature.malformed"),
    "an empty certificate": (lambda d: d.replace(part(d, "X509Certificate"), b"<ds:X509Certificate></ds:X509Certificate>"), "signature.certificate"),
    "a certificate cut short": (lambda d: with_certificate(d, signer(RSA).certificate[:-9]), "signature.certificate"),
    "a huge certificate": (lambda d: with_certificate(d, b"\x30" * 1_000_000), "signature.malformed"),
    "ten thousand key names": (lambda d: d.replace(b"<ds:KeyName>", b"<ds:KeyName>x</ds:KeyName>" * 10_000 + b"<ds:KeyName>"), "signature.malformed"),
}


@BOTH
@pytest.mark.parametrize("name", KEY_INFOS)
def test_key_infos(kind: str, name: str) -> None:
    attack, code = KEY_INFOS[name]
    assert door().code(attack(signed(kind))) == code


@BOTH
@settings(max_examples=200, deadline=None)
@given(spots=st.lists(st.tuples(st.floats(0, 0.999), st.binary(max_size=3), st.integers(0, 3)), min_size=1, max_size=3))
def test_a_certificate_spoilt_anywhere_is_refused_and_never_an_error(
    kind: str, spots: list[tuple[float, bytes, int]]
) -> None:
    der = signer(kind).certificate
    for where, piece, cut in spots:
        at = int(where * len(der))
        der = der[:at] + piece + der[at + cut :]
    if der != signer(kind).certificate:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of cryptography, about certificates it reads all the same
            assert Door(der).code(with_certificate(signed(kind), der)).startswith("signature.")


def test_a_certificate_of_an_unknown_version() -> None:
    der = signer(RSA).certificate.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x79", 1)
    assert Door(der).code(with_certificate(signed(RSA), der)) == "signature.certificate"


@BOTH
def test_an_extension_twice(kind: str) -> None:
    other = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.99"), b"\x03\x02\x07\x80")
    der = authority(kind).issue("platform", which=40, extension=other).certificate.replace(b"\x55\x1d\x63", b"\x55\x1d\x0f")
    assert Door(der).code(with_certificate(signed(kind), der)) == "signature.certificate"


# ---- SM2's numbers

N, ONE, ZERO = sm2.ORDER.to_bytes(32), (1).to_bytes(32), bytes(32)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda value: value[:-1], "signature.sm2_value"),
        (lambda value: value[:32], "signature.sm2_value"),
        (lambda value: value + b"\0", "signature.sm2_value"),
        (lambda value: ZERO + value[32:], "signature.sm2_value"),
        (lambda value: value[:32] + ZERO, "signature.sm2_value"),
        (lambda _: ZERO * 2, "signature.sm2_value"),
        (lambda value: N + value[32:], "signature.sm2_value"),
        (lambda value: value[:32] + N, "signature.sm2_value"),
        (lambda _: b"\xff" * 64, "signature.sm2_value"),
        (lambda _: ONE * 2, "signature.value"),
        (lambda value: value[:32] + (sm2.ORDER - int.from_bytes(value[32:])).to_bytes(32), "signature.value"),
        (sm2.der, "signature.sm2_der"),
        (lambda value: sm2.der(value[::-1]), "signature.sm2_der"),
    ],
)
def test_values_of_sm2(change: Callable[[bytes], bytes], code: str) -> None:
    assert door().code(with_value(signed(SM2), change)) == code


def test_another_user_id() -> None:
    key = an_sm2_key(40)
    assert door().code(resigned(signed(SM2), lambda data: sm2.raw(key.sign_der(data, b"")))) == "signature.sm2_user_id"


# ---- what is read is what was signed


@BOTH
def test_a_comment_in_a_text_does_not_cut_it(kind: str) -> None:
    """Canonical form leaves comments out: the signature holds, so the whole text must be read."""
    number = re.search(rb"<ceb:orderNo>([^<]+)<", signed(kind))
    assert number is not None
    whole = number[1]
    commented = signed(kind).replace(whole, whole[:3] + b"<!-- -->" + whole[3:])
    assert door().take(commented).documents == door().take(signed(kind)).documents


@BOTH
def test_an_instruction_in_a_text_is_refused(kind: str) -> None:
    number = re.search(rb"<ceb:orderNo>([^<]+)<", signed(kind))
    assert number is not None
    data = signed(kind).replace(number[1], number[1][:3] + b"<?cut ?>" + number[1][3:])
    assert door().code(data) == "xml.instruction"


@BOTH
def test_an_entity_in_a_text_is_refused(kind: str) -> None:
    data = signed(kind).replace(b"<ceb:CEB311Message", b'<!DOCTYPE x [<!ENTITY e "1">]><ceb:CEB311Message', 1)
    assert door().code(data) == "xml.doctype"


FRAGMENTS = [
    b"<!-- -->", b"<![CDATA[1]]>", b"&#49;", b"<?x?>", b" ", b"\n", b"1", b"<ceb:Order/>", b'xmlns="urn:x"', b"</ceb:orderNo>",
    b"<ceb:orderNo>", b"<ds:Signature/>", b'<ds:Object xmlns:ds="u:u"/>', b"&amp;", b"\xef\xbb\xbf",
]  # fmt: skip


@BOTH
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spots=st.lists(st.tuples(st.floats(0, 1), st.sampled_from(FRAGMENTS), st.integers(0, 12)), min_size=1, max_size=3))
def test_whatever_is_taken_reads_as_what_was_signed(kind: str, spots: list[tuple[float, bytes, int]]) -> None:
    """Pieces put in and cut out anywhere: either the door refuses, or it reads what the signer signed."""
    data = signed(kind)
    for where, piece, cut in spots:
        at = int(where * len(data))
        data = data[:at] + piece + data[at + cut :]
    try:
        found = door().take(data)
    except Refused:
        return
    wanted = door().take(signed(kind))
    assert found.documents == wanted.documents
    assert msgspec.structs.replace(found, notes=()) == msgspec.structs.replace(wanted, notes=())


def test_every_code_of_the_family_has_a_test() -> None:
    """Each refusal and flag of signatures is asserted here or beside, by its whole code."""
    here = Path(__file__)
    text = here.read_text("utf-8") + here.with_name("test_signature.py").read_text("utf-8")
    codes = {code for code, kind in fault_kinds().items() if code.startswith("signature.") and not kind.retired}
    assert {code for code in codes if f'"{code}"' not in text} == set()
