"""Whom to trust: does a certificate lead to a configured authority, and has that authority not revoked it.

Path validation after RFC 5280 as far as signers need it: names and signatures link by link, validity of each certificate,
basic constraints, path length, key usage, bounded depth and work. Critical extensions that are not understood end a path.
Self-signed certificates are the anchors; others that are given are authorities between them and a signer, since a
message carries no certificate but the signer's. Where none is self-signed, all that are given are anchors. Nothing is
fetched from anywhere.

What is found about a certificate is kept by its fingerprint: a message costs a look-up and a few comparisons. A ``Trust``
never changes; other files make another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice, pairwise
from typing import NamedTuple, NoReturn, TypeVar

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtensionOID

from adapters.certificates import UNREADABLE, fingerprint
from hub import sm2
from hub.domain.faults import Both, Fault, Misconfigured, Refused, fault

#: Authorities above a signer, paths and signatures looked at for one certificate.
MOST_DEEP, MOST_PATHS, MOST_TRIED = 5, 4, 32
_MOST_KEPT = 8192
_SM2_SM3 = "1.2.156.10197.1.501"
_HASHES = frozenset({"sha256", "sha384", "sha512"})
_NEVER = 1 << 62
_FIELD = "ds:Signature/ds:KeyInfo"
_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
    }
)

_NO_PATH = Both("no configured authority has issued it", "没有任何已配置的机构签发过该证书")
_TOO_LONG = Both("its path is longer than an authority on it allows", "证书链长度超过链上机构的限制")
_UNKNOWN = Both("a certificate on its path has a critical extension that is not understood", "链上证书含有无法识别的关键扩展")
_WEAK = Both("a certificate on its path is signed in a way that is not accepted", "链上证书的签名方式不被接受")
_OUT_OF_TIME = Both("an authority's certificate on its path is not valid at that time", "链上机构的证书当时不在有效期内")


class _Certificate(NamedTuple):
    """A certificate as a path needs it; times in ms. ``path_length``: of authorities below, -1 for any number."""

    print: str
    parsed: x509.Certificate
    subject: bytes
    issuer: bytes
    serial: int
    not_before: int
    not_after: int
    is_authority: bool
    path_length: int
    may_list: bool
    understood: bool
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | sm2.PublicKey | None
    points: frozenset[str]


class _List(NamedTuple):
    """A revocation list: serial → when it was revoked (ms); which certificates of its issuer it speaks of."""

    issued: int
    next: int
    revoked: dict[int, int]
    points: frozenset[str]
    of_users: bool
    of_authorities: bool


class _Path(msgspec.Struct, frozen=True):
    """From a signer to an anchor: when it holds, when something on it was revoked, until when the lists speak."""

    begins: int
    ends: int
    revoked: int
    listed: int


class Trust:
    """Configured authorities (DER) and their revocation lists (DER; None: revocation is not asked).

    ``sha1``: whether certificates may be signed with SHA-1 and keys of 1024 bits. ``refuse_stale``: whether a
    certificate is refused on which no list in force speaks, or only flagged. ``problems`` says what could not be used,
    ``asks`` whether there are lists to ask.
    Raises Misconfigured where there is no authority.
    """

    def __init__(
        self,
        certificates: Iterable[bytes],
        lists: Iterable[bytes] | None = None,
        *,
        sha1: bool = True,
        refuse_stale: bool = False,
    ) -> None:
        self._sha1, self._refuse_stale = sha1, refuse_stale
        self.asks = lists is not None
        self.problems: list[str] = []
        self._authorities: dict[bytes, list[_Certificate]] = {}
        for der in dict.fromkeys(certificates):
            self._add_authority(der)
        given = [c for found in self._authorities.values() for c in found]
        if not given:
            raise Misconfigured(["trust_anchors: there is no certificate of an authority", *self.problems])
        self._anchors = {c.print for c in given if self._is_self_signed(c)} or {c.print for c in given}
        self._lists: dict[str, list[_List]] = {}
        for der in dict.fromkeys(lists or ()):
            self._add_list(der)
        self._known: dict[str, tuple[_Path, ...] | Both] = {}

    def check(self, der: bytes, fingerprint: str, at: int) -> tuple[Fault, ...]:
        """Flags, or Refused: whether the certificate leads to an anchor at that time (ms) and is not revoked.

        The validity of the certificate itself is not looked at here.
        """
        found = self._known.get(fingerprint)
        if found is None:
            found = self._found(der)
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            self._known[fingerprint] = found
        if isinstance(found, Both):
            _refuse(found)
        path = next((p for p in found if p.begins <= at <= p.ends), None)
        if path is None:
            _refuse(_OUT_OF_TIME)
        if at >= path.revoked:
            raise Refused([fault("signature.revoked", path=_FIELD)])
        if not self.asks or at <= path.listed:
            return ()
        if self._refuse_stale:
            raise Refused([fault("signature.crl_required", path=_FIELD)])
        return (fault("signature.crl_stale", path=_FIELD),)

    # ---- what is given

    def _add_authority(self, der: bytes) -> None:
        try:
            made = _certificate(der)
        except UNREADABLE:
            self.problems.append("trust_anchors: something in it is not a certificate")
            return
        if not made.is_authority:
            self.problems.append(f"trust_anchors: the certificate with serial {made.serial:x} is not an authority's")
            return
        self._authorities.setdefault(made.subject, []).append(made)

    @staticmethod
    def _is_self_signed(authority: _Certificate) -> bool:
        parsed = authority.parsed
        return authority.subject == authority.issuer and _is_signed(parsed, parsed.tbs_certificate_bytes, authority.key)

    def _add_list(self, der: bytes) -> None:
        try:
            parsed = x509.load_der_x509_crl(der)
            made, content = _list(parsed), parsed.tbs_certlist_bytes
            issuers = self._authorities.get(parsed.issuer.public_bytes(), ())
            issuer = next((one for one in issuers if one.may_list and self._signed(parsed, content, one)), None)
        except UNREADABLE as error:
            self.problems.append(f"revocation_lists: a list cannot be used: {error}")
            return
        if issuer is None:
            self.problems.append("revocation_lists: a list is not signed by an authority of trust_anchors")
            return
        self._lists.setdefault(issuer.print, []).append(made)

    def _signed(
        self, signed: x509.Certificate | x509.CertificateRevocationList, content: bytes, issuer: _Certificate
    ) -> bool:
        return self._is_accepted(signed, issuer) and _is_signed(signed, content, issuer.key)

    def _is_accepted(
        self, signed: x509.Certificate | x509.CertificateRevocationList, issuer: _Certificate
    ) -> bool:
        """Whether hash and key are strong enough."""
        if isinstance(issuer.key, sm2.PublicKey):
            return signed.signature_algorithm_oid.dotted_string == _SM2_SM3
        try:
            hashed = signed.signature_hash_algorithm
        except UnsupportedAlgorithm:
            return False
        name = hashed.name if hashed is not None else ""
        least = 1024 if self._sha1 else 2048
        strong = not isinstance(issuer.key, rsa.RSAPublicKey) or least <= issuer.key.key_size <= 8192
        return strong and (name in _HASHES or (self._sha1 and name == "sha1"))

    # ---- paths

    def _found(self, der: bytes) -> tuple[_Path, ...] | Both:
        """The paths of a certificate, or why there is none."""
        try:
            signer = _certificate(der)
        except UNREADABLE:
            return _NO_PATH
        if not signer.understood:
            return _UNKNOWN
        search = _Search(self)
        paths = tuple(self._path_of(chain) for chain in islice(search.chains([signer]), MOST_PATHS))
        return paths or search.why

    def _path_of(self, chain: Sequence[_Certificate]) -> _Path:
        """The path of this chain, from the signer to an anchor."""
        above = chain[1:] or chain
        revoked, listed = _NEVER, _NEVER
        for certificate, issuer in pairwise(chain):
            spoken = [one for one in self._lists.get(issuer.print, ()) if _speaks(one, certificate, certificate is chain[0])]
            newest = max(spoken, default=None, key=lambda one: one.issued)
            listed = min(listed, newest.next if newest is not None else -1)
            revoked = min(revoked, newest.revoked.get(certificate.serial, _NEVER) if newest is not None else _NEVER)
        return _Path(max(c.not_before for c in above), min(c.not_after for c in above), revoked, listed)

    def issuers(self, certificate: _Certificate) -> list[_Certificate]:
        """Authorities of the name that has issued a certificate."""
        return self._authorities.get(certificate.issuer, [])

    def is_anchor(self, certificate: _Certificate) -> bool:
        """Whether a path may end here."""
        return certificate.print in self._anchors

    def accepts(self, certificate: _Certificate, issuer: _Certificate) -> bool:
        """Whether the way a certificate is signed is good enough."""
        return self._is_accepted(certificate.parsed, issuer)


class _Search:
    """One search for the paths of a signer; bounded. ``why``: how far the best attempt came."""

    def __init__(self, trust: Trust) -> None:
        self._trust, self._left = trust, MOST_TRIED
        self.why = _NO_PATH

    def chains(self, chain: list[_Certificate]) -> Iterator[list[_Certificate]]:
        """Every way from the end of this chain to an anchor."""
        last = chain[-1]
        if self._trust.is_anchor(last):
            yield chain
            return
        for issuer in self._trust.issuers(last):
            if any(issuer.print == one.print for one in chain) or len(chain) > MOST_DEEP or self._left == 0:
                continue
            self._left -= 1
            if not _is_signed(last.parsed, last.parsed.tbs_certificate_bytes, issuer.key):
                continue
            wrong = self._wrong(chain, issuer)
            if wrong is not None:
                self.why = wrong
                continue
            yield from self.chains([*chain, issuer])

    def _wrong(self, chain: list[_Certificate], issuer: _Certificate) -> Both | None:
        if not self._trust.accepts(chain[-1], issuer):
            return _WEAK
        if not issuer.understood:
            return _UNKNOWN
        between = sum(c.subject != c.issuer for c in chain[1:])
        if 0 <= issuer.path_length < between:
            return _TOO_LONG
        return None


def _refuse(why: Both) -> NoReturn:
    raise Refused([fault("signature.chain", path=_FIELD, why=why)])


def _speaks(one: _List, certificate: _Certificate, is_signer: bool) -> bool:
    """Whether a list of the certificate's issuer speaks of it."""
    of_kind = one.of_users if is_signer and not certificate.is_authority else one.of_authorities
    return of_kind and (not one.points or bool(one.points & certificate.points))


def _is_signed(
    signed: x509.Certificate | x509.CertificateRevocationList,
    content: bytes,
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | sm2.PublicKey | None,
) -> bool:
    """Whether the signature of a certificate or list is this key's."""
    if isinstance(key, sm2.PublicKey):
        of_sm2 = signed.signature_algorithm_oid.dotted_string == _SM2_SM3
        return of_sm2 and key.is_signed_by_der(signed.signature, content)
    try:
        how, hashed = signed.signature_algorithm_parameters, signed.signature_hash_algorithm
        if isinstance(key, rsa.RSAPublicKey) and isinstance(how, padding.PKCS1v15) and hashed is not None:
            key.verify(signed.signature, content, how, hashed)
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(how, ec.ECDSA):
            key.verify(signed.signature, content, how)
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _certificate(der: bytes) -> _Certificate:
    """Read a certificate; raises ValueError, TypeError or UnsupportedAlgorithm where it is none."""
    parsed = x509.load_der_x509_certificate(der)
    extensions = parsed.extensions
    constraints = _extension(extensions, x509.BasicConstraints)
    usage = _extension(extensions, x509.KeyUsage)
    is_authority = constraints is not None and constraints.ca and (usage is None or usage.key_cert_sign)
    length = constraints.path_length if constraints is not None else None
    return _Certificate(
        fingerprint(der),
        parsed,
        parsed.subject.public_bytes(),
        parsed.issuer.public_bytes(),
        parsed.serial_number,
        _ms(parsed.not_valid_before_utc),
        _ms(parsed.not_valid_after_utc),
        is_authority,
        -1 if length is None else length,
        usage is None or usage.crl_sign,
        all(one.oid in _UNDERSTOOD for one in extensions if one.critical),
        _key(parsed, der),
        _points(_extension(extensions, x509.CRLDistributionPoints) or ()),
    )


def _key(parsed: x509.Certificate, der: bytes) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey | sm2.PublicKey | None:
    try:
        key = parsed.public_key()
    except UnsupportedAlgorithm:
        return sm2.public_key(der)
    return key if isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)) else None


def _list(parsed: x509.CertificateRevocationList) -> _List:
    """Read a revocation list; raises ValueError for one that cannot be used."""
    if parsed.next_update_utc is None:
        raise ValueError("it does not say when the next is due")
    points: frozenset[str] = frozenset()
    of_users = of_authorities = True
    for one in parsed.extensions:
        if isinstance(one.value, x509.IssuingDistributionPoint):
            where = one.value
            if where.indirect_crl or where.only_some_reasons or where.only_contains_attribute_certs:
                raise ValueError("it is indirect or partial")
            of_users, of_authorities = not where.only_contains_ca_certs, not where.only_contains_user_certs
            points = frozenset(str(name.value) for name in where.full_name or ())
        elif one.critical:
            raise ValueError("it has a critical extension that is not understood")
    revoked = {entry.serial_number: _ms(entry.revocation_date_utc) for entry in parsed}
    return _List(_ms(parsed.last_update_utc), _ms(parsed.next_update_utc), revoked, points, of_users, of_authorities)


def _points(points: Iterable[x509.DistributionPoint]) -> frozenset[str]:
    return frozenset(str(name.value) for point in points for name in point.full_name or ())


_E = TypeVar("_E", bound=x509.ExtensionType)


def _extension(extensions: x509.Extensions, kind: type[_E]) -> _E | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
