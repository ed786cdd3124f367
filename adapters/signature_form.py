"""The form of a CEB signature: reading a ds:Signature element strictly, and writing one.

The profile (CEB specification, chapter 6): one SignedInfo with inclusive C14N 1.0, one Reference with URI=""
and the enveloped-signature transform, then SignatureValue, then KeyInfo with KeyName and one X509Certificate.
Anything else is refused; no URI is ever followed. SignedInfo is canonicalised in the context of its document:
its start tag carries every namespace in scope.

Two readers give the same parts: ``read_text`` for signatures written the way the specification prints them,
``read_tree`` for any other way of writing the same.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NoReturn

import msgspec
from lxml import etree

from adapters.canonical import declarations
from hub.domain.faults import Refused, fault

DS = "http://www.w3.org/2000/09/xmldsig#"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
ENVELOPED = DS + "enveloped-signature"
SIGNATURE = f"{{{DS}}}Signature"
PATH = "ds:Signature"


class SignatureParts(msgspec.Struct, frozen=True, gc=False):
    """What a signature says. ``signed_info`` is canonical; ``certificate`` is DER; ``key_name`` empty if
    absent.
    """

    signed_info: bytes
    canonicalization: str
    method: str
    uri: str
    transforms: tuple[str, ...]
    digest_method: str
    digest: bytes
    value: bytes
    key_name: str
    certificate: bytes


# ---- reading the text
# -------------------------------------------------------------------------------------------

_S = rb"[ \t\n]*"
_B64 = rb"([A-Za-z0-9+/= \t\n]+)"


def _empty(name: bytes, attribute: bytes) -> bytes:
    """An element with one attribute and no content, written either way."""
    return rb"<(?P=p)%s %s=\"([^\"<>&\t\r\n]*)\"[ ]?(?:/>|></(?P=p)%s>)" % (name, attribute, name)


def _holding(name: bytes, content: bytes) -> bytes:
    return rb"<(?P=p)%s>%s</(?P=p)%s>" % (name, content, name)


_REFERENCE = (
    rb"<(?P=p)Reference URI=\"([^\"<>&\t\r\n]*)\">" + _S
    + _holding(b"Transforms", _S + _empty(b"Transform", b"Algorithm") + _S) + _S
    + _empty(b"DigestMethod", b"Algorithm") + _S
    + _holding(b"DigestValue", _B64) + _S
    + rb"</(?P=p)Reference>"
)  # fmt: skip
_SIGNED_INFO = (
    _S + _empty(b"CanonicalizationMethod", b"Algorithm") + _S
    + _empty(b"SignatureMethod", b"Algorithm") + _S
    + _REFERENCE + _S
)  # fmt: skip
_TEXT = re.compile(
    rb"<(?P<p>(?:[A-Za-z][A-Za-z0-9]*:)?)Signature(?P<ns> xmlns(?::[A-Za-z][A-Za-z0-9]*)?=\"[^\"<>&\t\r\n]*\")?>" + _S
    + rb"<(?P=p)SignedInfo>(?P<inner>" + _SIGNED_INFO + rb")</(?P=p)SignedInfo>" + _S
    + _holding(b"SignatureValue", _B64) + _S
    + rb"<(?P=p)KeyInfo>" + _S
    + rb"<(?P=p)KeyName>([^<>&\r]*)</(?P=p)KeyName>" + _S
    + _holding(b"X509Data", _S + _holding(b"X509Certificate", _B64) + _S) + _S
    + rb"</(?P=p)KeyInfo>" + _S
    + rb"</(?P=p)Signature>"
)  # fmt: skip
_EMPTY_TAG = re.compile(rb"<([^\s<>/]+)( [^<>]*?)[ ]?/>")
_EMPTY_TAG_SPACE = re.compile(rb"\" (/?>)")


def read_text(text: bytes, namespaces: Mapping[bytes, bytes]) -> SignatureParts | None:
    """The parts of a signature from its own text; None where it is not written as the specification prints
    it.

    ``namespaces`` are those declared on the root. The text must be a whole element of a well-formed document.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    prefix = match["p"][:-1]
    scope = dict(namespaces)
    if match["ns"]:
        name, _, uri = match["ns"].strip().partition(b"=")
        scope[name.partition(b":")[2]] = uri[1:-1]
    if scope.get(prefix) != DS.encode():
        return None
    inner = match["inner"]
    if b"/>" in inner or b'" ' in inner:
        inner = _EMPTY_TAG_SPACE.sub(rb'"\1', inner)
        inner = _EMPTY_TAG.sub(rb"<\1\2></\1>", inner)
    (_, _, _, c14n, method, uri, transform, digest_method, digest, value, key_name, certificate) = match.groups()
    return SignatureParts(
        signed_info=b"<%sSignedInfo%s>%s</%sSignedInfo>" % (match["p"], declarations(scope), inner, match["p"]),
        canonicalization=c14n.decode(),
        method=method.decode(),
        uri=uri.decode(),
        transforms=(transform.decode(),),
        digest_method=digest_method.decode(),
        digest=_base64(digest, "DigestValue"),
        value=_base64(value, "SignatureValue"),
        key_name=key_name.decode().strip(),
        certificate=_certificate(certificate),
    )


#: Longest Base64 of a certificate, white space included; what is longer is none, and is not kept.
MAX_CERTIFICATE = 16 << 10


def _certificate(text: bytes) -> bytes:
    if len(text) > MAX_CERTIFICATE:
        _malformed("X509Certificate")
    return _decoded(text)


@lru_cache(maxsize=4096)
def _decoded(text: bytes) -> bytes:
    """DER from Base64; the same few certificates come again and again."""
    return _base64(text, "X509Certificate")


# ---- reading the tree
# -------------------------------------------------------------------------------------------


def read_tree(signature: etree._Element) -> SignatureParts:
    """The parts of a signature from its element; raises Refused ``signature.malformed`` naming what does not
    fit.
    """
    signed_info, value, key_info = _children(signature, "SignedInfo", "SignatureValue", "KeyInfo")
    c14n, method, reference = _children(signed_info, "CanonicalizationMethod", "SignatureMethod", "Reference")
    transforms, digest_method, digest = _children(reference, "Transforms", "DigestMethod", "DigestValue")
    key_name, certificate = _key_info(key_info)
    for empty in (c14n, method, digest_method, *transforms):
        _children(empty)
    return SignatureParts(
        signed_info=_canonical_signed_info(signed_info),
        canonicalization=_attribute(c14n, "Algorithm"),
        method=_attribute(method, "Algorithm"),
        uri=_attribute(reference, "URI"),
        transforms=tuple(_attribute(transform, "Algorithm") for transform in _all(transforms, "Transform")),
        digest_method=_attribute(digest_method, "Algorithm"),
        digest=_base64(_text(digest), "DigestValue"),
        value=_base64(_text(value), "SignatureValue"),
        key_name=key_name,
        certificate=_certificate(_text(certificate)),
    )


def _key_info(key_info: etree._Element) -> tuple[str, etree._Element]:
    """KeyName (may be missing) and the one certificate."""
    key_name = ""
    children = list(key_info)
    if children and children[0].tag == f"{{{DS}}}KeyName":
        key_name = _text(children[0]).decode().strip()
        children = children[1:]
    if len(children) != 1 or children[0].tag != f"{{{DS}}}X509Data" or _has_text(key_info):
        _malformed("KeyInfo")
    (certificate,) = _children(children[0], "X509Certificate")
    return key_name, certificate


def _children(element: etree._Element, *names: str) -> list[etree._Element]:
    """The children, which are exactly these and nothing but white space between them."""
    children = list(element)
    if [child.tag for child in children] != [f"{{{DS}}}{name}" for name in names] or _has_text(element):
        _malformed(_local(element))
    return children


def _all(element: etree._Element, name: str) -> list[etree._Element]:
    children = list(element)
    return _children(element, *(name for _ in children or (0,)))


def _has_text(element: etree._Element) -> bool:
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)


def _text(element: etree._Element) -> bytes:
    if len(element):
        _malformed(_local(element))
    return (element.text or "").encode()


def _attribute(element: etree._Element, name: str) -> str:
    value = element.get(name)
    if value is None:
        _malformed(_local(element))
    return value


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


def _base64(text: bytes, where: str) -> bytes:
    try:
        return binascii.a2b_base64(text.translate(None, b" \t\r\n"), strict_mode=True)
    except binascii.Error:
        _malformed(where)


def _malformed(where: str) -> NoReturn:
    raise Refused([fault("signature.malformed", path=PATH, where=where)])


_XML = "http://www.w3.org/XML/1998/namespace"


def _canonical_signed_info(signed_info: etree._Element) -> bytes:
    """Inclusive C14N 1.0 of SignedInfo as a part of its document: all namespaces in scope, inherited ``xml:``
    attributes.

    lxml would leave out the namespaces that SignedInfo itself does not use, so it is written here; all of it
    are elements of the signature's namespace with attributes and text.
    """
    inherited: dict[str, str] = {}
    for ancestor in reversed(list(signed_info.iterancestors())):
        inherited.update(_xml_attributes(ancestor))
    return _rendered(signed_info, {}, inherited).encode()


def _xml_attributes(element: etree._Element) -> dict[str, str]:
    return {str(k): str(v) for k, v in element.attrib.items() if str(k).startswith(f"{{{_XML}}}")}


def inherited_attributes(root: etree._Element) -> bytes:
    """The root's ``xml:`` attributes in canonical form: SignedInfo, as a part of the document, carries them too."""
    named = sorted((etree.QName(name).localname, value) for name, value in _xml_attributes(root).items())
    return "".join(f' xml:{local}="{_escaped(value)}"' for local, value in named).encode()


def _rendered(element: etree._Element, above: Mapping[str | None, str], inherited: Mapping[str, str]) -> str:
    """The canonical form of an element below one with the namespaces ``above``."""
    scope = element.nsmap
    name = f"{element.prefix}:{_local(element)}" if element.prefix else _local(element)
    namespaces = "".join(
        f' xmlns:{prefix}="{_escaped(uri)}"' if prefix else f' xmlns="{_escaped(uri)}"'
        for prefix, uri in sorted(scope.items(), key=lambda item: item[0] or "")
        if above.get(prefix) != uri
    )
    prefixes = {_XML: "xml:", "": "", **{uri: f"{prefix}:" for prefix, uri in scope.items() if prefix}}
    attributes = {**inherited, **{str(k): str(v) for k, v in element.attrib.items()}}
    named = sorted((etree.QName(k).namespace or "", etree.QName(k).localname, v) for k, v in attributes.items())
    rendered = "".join(f' {prefixes[uri]}{local}="{_escaped(value)}"' for uri, local, value in named)
    content = _escaped_text(element.text) + "".join(
        _rendered(child, scope, {}) + _escaped_text(child.tail) for child in element
    )
    return f"<{name}{namespaces}{rendered}>{content}</{name}>"


def _escaped(value: str) -> str:
    value = value.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return value.replace("\t", "&#x9;").replace("\n", "&#xA;").replace("\r", "&#xD;")


def _escaped_text(text: str | None) -> str:
    if not text:
        return ""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")


# ---- writing
# ----------------------------------------------------------------------------------------------------

_SIGNED_INFO_FORM = (
    b'<ds:CanonicalizationMethod Algorithm="%s"></ds:CanonicalizationMethod>'
    b'<ds:SignatureMethod Algorithm="%s"></ds:SignatureMethod>'
    b'<ds:Reference URI=""><ds:Transforms><ds:Transform Algorithm="%s"></ds:Transform></ds:Transforms>'
    b'<ds:DigestMethod Algorithm="%s"></ds:DigestMethod><ds:DigestValue>%s</ds:DigestValue></ds:Reference>'
)


def signed_info_of(method: str, digest_method: str, digest: bytes) -> bytes:
    """The canonical content of SignedInfo, as it is written and as it is signed."""
    parts = (C14N, method, ENVELOPED, digest_method)
    return _SIGNED_INFO_FORM % (*(part.encode() for part in parts), base64.b64encode(digest))


def to_be_signed(content: bytes, namespaces: Mapping[bytes, bytes], inherited: bytes = b"") -> bytes:
    """SignedInfo in the context of a root with these namespaces and (canonical) ``xml:`` attributes."""
    scope = {**namespaces, b"ds": DS.encode()}
    return b"<ds:SignedInfo%s%s>%s</ds:SignedInfo>" % (declarations(scope), inherited, content)


def signature_of(content: bytes, value: bytes, key_name: str, certificate: bytes) -> bytes:
    """The Signature element; ``certificate`` is DER in Base64."""
    return (
        b'<ds:Signature xmlns:ds="%s"><ds:SignedInfo>%s</ds:SignedInfo><ds:SignatureValue>%s</ds:SignatureValue>'
        b"<ds:KeyInfo><ds:KeyName>%s</ds:KeyName><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data>"
        b"</ds:KeyInfo></ds:Signature>"
    ) % (DS.encode(), content, base64.b64encode(value), key_name.encode(), certificate)
