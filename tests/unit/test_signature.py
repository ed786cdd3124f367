"""XML signatures: what holds, what does not, and at which step it is refused."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters import canonical
from adapters.certificates import certificate, fingerprint
from adapters.signature import ALGORITHMS, Policy, SignatureReport, find, sign, verify
from adapters.signature_form import read_text, read_tree
from adapters.xml import parse
from hub import sm2
from hub.domain.faults import Refused
from tests.support.signing import (
    DS,
    NOW,
    a_message,
    a_signer,
    an_elliptic_certificate,
    an_sm2_key,
    an_sm2_signer,
)

SIGNATURE = re.compile(rb"<ds:Signature .*</ds:Signature>", re.DOTALL)


def check(data: bytes, trusted: set[str] | None = None, at: int = NOW, **more: object) -> SignatureReport:
    """Verify by the text and by the tree alone: both must say the same."""
    parsed = parse(data)
    by_tree = _outcome(lambda: verify(parsed.root, None, trusted, at, **more))  # type: ignore[arg-type]
    before = etree.tostring(parsed.root.getroottree())
    by_text = _outcome(lambda: verify(parsed.root, parsed.text, trusted, at, **more))  # type: ignore[arg-type]
    assert etree.tostring(parsed.root.getroottree()) == before, "verifying changed the tree"
    assert by_tree == by_text
    if isinstance(by_text, str):
        pytest.fail(by_text, pytrace=False)
    return by_text


def _outcome(act: Callable[[], SignatureReport]) -> SignatureReport | str:
    try:
        return act()
    except Refused as refused:
        return refused.faults[0].code if refused.status == 422 else str(refused.status)


def refusal(data: bytes, trusted: set[str] | None = None, at: int = NOW, **more: object) -> str:
    with pytest.raises(pytest.fail.Exception) as caught:
        check(data, trusted, at, **more)
    return str(caught.value)


def flags(report: SignatureReport) -> list[str]:
    return [fault.code for fault in report.faults]


def signed(**message: object) -> bytes:
    return sign(a_message(**message), a_signer())  # type: ignore[arg-type]


# ---- what holds -------------------------------------------------------------------------------------------------


#: What is odd about a sound signature, by its algorithm.
FLAGS = {"rsa-sha1": ["signature.sha1"]}


@pytest.mark.parametrize("algorithm", ["rsa-sha1", "rsa-sha256", "sm2-sm3"])
@pytest.mark.parametrize(
    "message",
    [
        {},
        {"documents": 50},
        {"pretty": True, "end": "\n"},
        {"root": ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'},
        {"root": f' xmlns:ds="{DS}" xmlns="http://other.example/"'},
        {"root": " xml:lang='zh'"},
        {"root": '\n  note="a &lt; b"'},
        {"text": "quotes \" ' equal = 1/2 !? &gt; 电商 "},
        {"text": "<![CDATA[a > b]]>"},
        {"text": "a > b"},
        {"text": "&#x41;&#13;"},
        {"text": "x<!-- comment -->y"},
        {"text": "x<empty/>y<e a='1' />"},
        {"text": "x<e >y</e >"},
        {"text": "x\r\ny"},
        {"message": "CEB303", "extend": True},
        {"message": "CEB303", "extend": True, "pretty": True},
        {"message": "CEB311", "extend": True},
    ],
)
def test_what_we_sign_holds(message: dict[str, object], algorithm: str) -> None:
    signer = an_sm2_signer() if algorithm == "sm2-sm3" else a_signer()
    signer_serial = certificate(signer.certificate).serial
    unsigned = a_message(**message)  # type: ignore[arg-type]
    data = sign(unsigned, signer, algorithm)
    report = check(data, {fingerprint(signer.certificate)})
    assert (report.algorithm, report.serial, flags(report)) == (algorithm, signer_serial, FLAGS.get(algorithm, []))
    assert SIGNATURE.sub(b"", data) == unsigned, "signing changed other bytes"


def test_the_signature_of_an_import_message_is_last_and_of_an_export_message_before_extend_message() -> None:
    tags = [etree.QName(child).localname for child in parse(signed(extend=True)).root]
    assert tags[-2:] == ["ExtendMessage", "Signature"]
    tags = [etree.QName(child).localname for child in parse(signed(message="CEB303", extend=True)).root]
    assert tags[-2:] == ["Signature", "ExtendMessage"]


def test_an_envelope_can_be_signed() -> None:
    envelope = (
        b'<DxpMsg xmlns="http://www.chinaport.gov.cn/dxp" ver="1.0"><TransInfo><CopMsgId>1</CopMsgId></TransInfo>'
        b"<Data>QUJD</Data></DxpMsg>"
    )
    assert check(sign(envelope, a_signer())).faults == ()


def test_a_signature_written_otherwise_is_read_by_its_tree() -> None:
    data = signed().replace(b"<ds:KeyInfo>", b"<ds:KeyInfo >").replace(b'xmlns:ds="', b'xmlns:ds = "')
    region = SIGNATURE.search(data)
    assert region is not None
    assert read_text(region[0], {}) is None
    assert check(data).faults == ()


def test_both_readers_give_the_same_parts() -> None:
    parsed = parse(signed(root=' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'))
    tag, signature = canonical.start_tag(parsed.text), find(parsed.root)
    region = SIGNATURE.search(parsed.text)
    assert tag is not None
    assert signature is not None
    assert region is not None
    assert read_text(region[0], tag.namespaces) == read_tree(signature)


def test_empty_tags_in_signed_info_are_canonicalised() -> None:
    data = signed().replace(b"></ds:CanonicalizationMethod>", b" />").replace(b"></ds:DigestMethod>", b"/>")
    assert b" />" in data
    assert check(data).faults == ()


def test_a_line_feed_added_after_the_signature_is_a_flag() -> None:
    data = signed().replace(b"</ds:Signature>", b"</ds:Signature>\n")
    assert flags(check(data)) == ["signature.line_feed"]


def test_another_key_name_is_a_flag() -> None:
    data = signed()
    assert flags(check(data.replace(a_signer().serial.encode(), b"0001"))) == ["signature.key_name"]
    upper = data.replace(a_signer().serial.encode(), b"0" + a_signer().serial.upper().encode())
    assert check(upper).faults == ()


def test_a_missing_key_name_is_a_flag() -> None:
    data = re.sub(rb"<ds:KeyName>.*</ds:KeyName>", b"", signed())
    assert flags(check(data)) == ["signature.key_name"]


FRAGMENTS = ["a", "<c/>", "<c />", "<d >x</d>", "<d>x</d >", "<e f='1'>x</e>", "<e f='>'/>", "<!--x-->", "<!--<b>-->"]
FRAGMENTS += [
    "<![CDATA[<b>]]>",
    "&amp;",
    "&lt;",
    "&gt;",
    "&quot;",
    "&#65;",
    ">",
    "/",
    "/>",
    "\r",
    "\n",
    " ",
    "=",
    '"',
    "'",
]
FRAGMENTS += ["!", "?", "<g\n>x</g>", "<g>x</g\t>", "<h xmlns='u:v'/>", "<z:h>x</z:h>", "商", "<i></i>", "<j>\t</j>"]
BODY = st.recursive(
    st.sampled_from(FRAGMENTS), lambda inner: st.lists(inner, max_size=4).map(lambda some: f"<b>{''.join(some)}</b>")
)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(BODY, max_size=4), st.sampled_from(["", "\n", " ", "<!--x-->"]), st.sampled_from(["", "\n", "<!--y-->"])
)
def test_the_text_is_taken_for_canonical_only_where_it_is(pieces: list[str], before: str, after: str) -> None:
    text = f"{before}<r xmlns:z='u:u' b=\"2\" a='1'>{''.join(pieces)}</r>{after}".encode()
    root = parse(text).root
    tag = canonical.start_tag(text)
    if tag is None:
        assert before == "<!--x-->"
        return
    end = len(text.rstrip()) - 4
    parts = canonical.plain_parts(text, tag, (end, end))
    if parts is not None:
        assert b"".join(parts) == canonical.of_tree(root, None)


def test_a_plain_text_is_taken_for_canonical() -> None:
    text = a_message(documents=2, pretty=True)
    tag = canonical.start_tag(text)
    assert tag is not None
    end = len(text) - len("</ceb:CEB311Message>")
    assert canonical.plain_parts(text, tag, (end, end)) is not None


# ---- what does not ----------------------------------------------------------------------------------------------


def test_an_unsigned_message_is_missing_its_signature() -> None:
    assert refusal(a_message()) == "signature.missing"


def test_a_relative_namespace_name_cannot_be_signed() -> None:
    unsigned = a_message(root=' xmlns:x="relative"')
    with pytest.raises(Refused) as caught:
        sign(unsigned, a_signer())
    assert caught.value.faults[0].code == "signature.namespace"
    own = _signature(signed())
    assert refusal(unsigned.replace(b"</ceb:CEB311Message>", own + b"</ceb:CEB311Message>")) == "signature.namespace"


def test_every_changed_character_is_found() -> None:
    data = signed(documents=3)
    assert refusal(data.replace(b"two1", b"two9")) == "signature.digest"
    assert refusal(data.replace(b'guid="G-1"', b'guid="G-2"')) == "signature.digest"
    assert refusal(data.replace(b"<ceb:BaseTransfer>", b" <ceb:BaseTransfer>")) == "signature.digest"


def test_a_changed_signature_value_is_found() -> None:
    assert refusal(_with_value(signed(), lambda value: bytes([value[0] ^ 1]) + value[1:])) == "signature.value"
    assert refusal(_with_value(signed(), lambda value: value[:-1])) == "signature.value"
    assert refusal(_with_value(signed(), lambda _: bytes(256))) == "signature.value"


def test_signed_info_counts_with_its_white_space() -> None:
    assert refusal(signed().replace(b"<ds:Transforms>", b"<ds:Transforms>\n")) == "signature.value"


def test_the_namespaces_in_scope_belong_to_signed_info() -> None:
    data = signed()
    assert refusal(data.replace(b"<ds:Signature ", b'<ds:Signature xmlns:late="u" ')) == "signature.value"


def test_a_signature_with_another_key_than_its_certificate_is_found() -> None:
    class Mixed:
        certificate = a_signer(which=1).certificate
        sign = a_signer(which=0).sign

    assert refusal(sign(a_message(), Mixed())) == "signature.value"


def test_a_certificate_of_someone_else_is_not_trusted() -> None:
    assert refusal(signed(), {a_signer(which=1).fingerprint}) == "signature.untrusted"
    assert refusal(signed(), set()) == "signature.untrusted"


def test_validity_counts_at_the_time_received() -> None:
    begins, ends = 1_704_067_200_000, 1_735_689_600_000
    assert check(signed(), at=begins).faults == ()
    assert check(signed(), at=ends).faults == ()
    assert refusal(signed(), at=begins - 1) == "signature.not_yet_valid"
    assert refusal(signed(), at=ends + 1) == "signature.expired"


def test_small_keys_are_refused_where_the_algorithm_asks_for_more() -> None:
    assert flags(check(sign(a_message(), a_signer(1024), "rsa-sha1"))) == ["signature.sha1"]
    assert refusal(sign(a_message(), a_signer(1024), "rsa-sha256")) == "signature.key_size"


def test_a_key_for_encryption_does_not_sign() -> None:
    assert refusal(sign(a_message(), a_signer(signs=False))) == "signature.key_usage"
    assert check(sign(a_message(), a_signer(signs=True))).faults == ()


def test_a_certificate_that_cannot_be_read_is_refused() -> None:
    assert refusal(_with_certificate(signed(), b"no certificate")) == "signature.certificate"


def test_a_key_of_another_kind_is_refused() -> None:
    assert refusal(_with_certificate(signed(), an_elliptic_certificate())) == "signature.algorithm"


def test_sha1_is_flagged_or_refused_as_the_policy_says() -> None:
    strict = Policy(sha1=False)
    data = sign(a_message(), a_signer(), "rsa-sha1")
    assert flags(check(data)) == ["signature.sha1"]
    assert refusal(data, policy=strict) == "signature.sha1_refused"
    assert check(signed(), policy=strict).faults == ()


def test_the_clock_that_dated_a_certificate_may_be_ahead_by_the_skew() -> None:
    begins, skew = 1_704_067_200_000, 60_000
    policy = Policy(skew=skew)
    assert check(signed(), at=begins - skew, policy=policy).faults == ()
    assert refusal(signed(), at=begins - skew - 1, policy=policy) == "signature.not_yet_valid"
    ends = 1_735_689_600_000
    assert refusal(signed(), at=ends + 1, policy=policy) == "signature.expired"


@pytest.mark.parametrize(
    "method",
    [
        DS + "hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        DS + "dsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        DS + "rsa-sha1",  # of another digest
        "",
    ],
)
def test_other_algorithms_are_refused(method: str) -> None:
    data = signed().replace(b"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", method.encode())
    assert refusal(data) == "signature.algorithm"


# ---- SM2

OFFICIAL = "http://www.chinaport.gov.cn/2022/04/xmldsig#"


def of_sm2(**message: object) -> bytes:
    return sign(a_message(**message), an_sm2_signer())  # type: ignore[arg-type]


def resigned(data: bytes, value: Callable[[bytes], bytes]) -> bytes:
    """The message with the signature value that ``value`` makes of its canonical SignedInfo."""
    found = find(parse(data).root)
    assert found is not None
    made = value(read_tree(found).signed_info)
    return _with_value(data, lambda _: made)


def in_namespace_of_the_w3c(data: bytes, digest: bytes = b"") -> bytes:
    """The same as those sign who write the W3C's namespace; ``digest``: a SHA-1 digest instead of SM3's."""
    data = data.replace(OFFICIAL.encode() + b"sm2-sm3", DS.encode() + b"sm2-sm3")
    if digest:
        data = data.replace(OFFICIAL.encode() + b"sm3", DS.encode() + b"sha1")
        mine = b"<ds:DigestValue>" + base64.b64encode(digest) + b"</ds:DigestValue>"
        data = re.sub(rb"<ds:DigestValue>.*</ds:DigestValue>", mine, data)
    return resigned(data, an_sm2_signer().sign)


def test_sm2_is_written_with_the_official_uris_and_64_raw_bytes() -> None:
    data = of_sm2()
    assert f'SignatureMethod Algorithm="{OFFICIAL}sm2-sm3"'.encode() in data
    assert f'DigestMethod Algorithm="{OFFICIAL}sm3"'.encode() in data
    found = find(parse(data).root)
    assert found is not None
    parts = read_tree(found)
    assert len(parts.value) == 64
    canonical_text = canonical.of_tree(parse(data).root, None)
    assert b"Signature" in canonical_text
    unsigned = parse(a_message()).root
    assert parts.digest == hashlib.new("sm3", canonical.of_tree(unsigned, None)).digest()


def test_sm2_under_the_uri_of_the_w3c_is_taken_too() -> None:
    report = check(in_namespace_of_the_w3c(of_sm2()))
    assert (report.algorithm, report.faults) == ("sm2-sm3", ())


def test_sm2_with_a_sha1_digest_is_taken_under_that_uri_alone_and_flagged() -> None:
    digest = hashlib.sha1(canonical.of_tree(parse(a_message()).root, None), usedforsecurity=False).digest()
    data = in_namespace_of_the_w3c(of_sm2(), digest)
    assert flags(check(data)) == ["signature.sha1"]
    assert refusal(data, policy=Policy(sha1=False)) == "signature.sha1_refused"
    assert refusal(data.replace(DS.encode() + b"sm2-sm3", OFFICIAL.encode() + b"sm2-sm3")) == "signature.algorithm"


def test_an_sm2_value_in_der_has_its_own_code() -> None:
    assert refusal(resigned(of_sm2(), an_sm2_key().sign_der)) == "signature.sm2_der"


def test_an_sm2_signature_of_another_user_id_has_its_own_code() -> None:
    def with_no_id(data: bytes) -> bytes:
        return sm2.raw(an_sm2_key().sign_der(data, b""))

    assert refusal(resigned(of_sm2(), with_no_id)) == "signature.sm2_user_id"
    assert refusal(resigned(of_sm2(), lambda data: sm2.raw(an_sm2_key().sign_der(data, b"ALICE123@YAHOO.COM")))) == (
        "signature.sm2_user_id"
    )
    assert refusal(resigned(of_sm2(), lambda data: sm2.raw(an_sm2_key().sign_der(data, b"someone")))) == "signature.value"


N = sm2.ORDER.to_bytes(32)
ONE = (1).to_bytes(32)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"", "signature.sm2_value"),
        (bytes(64), "signature.sm2_value"),
        (bytes(32) + ONE, "signature.sm2_value"),
        (ONE + bytes(32), "signature.sm2_value"),
        (N + ONE, "signature.sm2_value"),
        (ONE + N, "signature.sm2_value"),
        (b"\xff" * 64, "signature.sm2_value"),
        (ONE * 2 + b"\0", "signature.sm2_value"),
        ((sm2.ORDER - 1).to_bytes(32) * 2, "signature.value"),
        (ONE * 2, "signature.value"),
    ],
)
def test_sm2_values_out_of_range_are_refused(value: bytes, code: str) -> None:
    assert refusal(_with_value(of_sm2(), lambda _: value)) == code


def test_a_truncated_sm2_value_is_refused() -> None:
    assert refusal(_with_value(of_sm2(), lambda value: value[:-1])) == "signature.sm2_value"
    assert refusal(_with_value(of_sm2(), lambda value: value[:32])) == "signature.sm2_value"
    assert refusal(_with_value(of_sm2(), lambda value: value[32:] + value[:32])) == "signature.value"


def test_an_sm2_certificate_is_judged_like_any_other() -> None:
    data, own = of_sm2(), fingerprint(an_sm2_signer().certificate)
    assert check(data, {own}).serial == "3000000000cde02"
    assert refusal(data, {a_signer().fingerprint}) == "signature.untrusted"
    assert refusal(data, at=1_735_689_600_001) == "signature.expired"
    assert refusal(data, at=1_704_067_199_999) == "signature.not_yet_valid"
    assert refusal(sign(a_message(), an_sm2_signer(signs=False))) == "signature.key_usage"
    assert refusal(_with_certificate(data, an_sm2_signer(1).certificate)) == "signature.value"


def test_the_kind_of_key_must_be_that_of_the_algorithm() -> None:
    assert refusal(_with_certificate(of_sm2(), a_signer().certificate)) == "signature.algorithm"
    assert refusal(_with_certificate(signed(), an_sm2_signer().certificate)) == "signature.algorithm"
    for key, algorithm in ((a_signer(), "sm2-sm3"), (an_sm2_signer(), "rsa-sha256"), (an_sm2_signer(), "rsa-sha1")):
        with pytest.raises(Refused) as caught:
            sign(a_message(), key, algorithm)
        assert caught.value.faults[0].code == "signature.algorithm"


def test_every_changed_character_under_sm2_is_found() -> None:
    data = of_sm2(documents=3)
    assert refusal(data.replace(b"two1", b"two9")) == "signature.digest"
    assert refusal(_with_value(data, lambda value: bytes([value[0] ^ 1]) + value[1:])) == "signature.value"


def test_a_signed_message_is_not_signed_again() -> None:
    for message in (signed(), signed(pretty=True), signed(text="a > b")):
        with pytest.raises(Refused) as caught:
            sign(message, a_signer())
        assert caught.value.faults[0].code == "signature.multiple"


# ---- wrapping and other attacks on the structure ----------------------------------------------------------------


def _signature(data: bytes) -> bytes:
    found = SIGNATURE.search(data)
    assert found is not None
    return found[0]


def _moved_into_a_document(data: bytes) -> bytes:
    own = _signature(data)
    return data.replace(own, b"").replace(b"</ceb:Order>", own + b"</ceb:Order>")


def _moved_into_extend_message(data: bytes) -> bytes:
    own = _signature(data)
    return data.replace(own, b"<ceb:ExtendMessage><ceb:Message>" + own + b"</ceb:Message></ceb:ExtendMessage>")


def _moved_to_the_front(data: bytes) -> bytes:
    own = _signature(data)
    return data.replace(own, b"").replace(b"<ceb:Order>", own + b"<ceb:Order>", 1)


def _original_wrapped_in_object(data: bytes) -> bytes:
    original = data.partition(b"?>")[2]
    evil = data.replace(b"two0", b"evil")
    return evil.replace(b"</ds:Signature>", b"<ds:Object>" + original + b"</ds:Object></ds:Signature>")


def _original_wrapped_in_extend_message(data: bytes) -> bytes:
    original = data.partition(b"?>")[2]
    evil = data.replace(b"two0", b"evil")
    wrapped = b"<ceb:ExtendMessage><ceb:Message>" + original + b"</ceb:Message></ceb:ExtendMessage><ds:Signature "
    return evil.replace(b"<ds:Signature ", wrapped)


def _reference_by_id(data: bytes) -> bytes:
    return data.replace(b'URI=""', b'URI="#G-1"').replace(b"<ceb:Order>", b'<ceb:Order Id="G-1">', 1)


def _reference_elsewhere(data: bytes) -> bytes:
    return data.replace(b'URI=""', b'URI="http://127.0.0.1:9/order.xml"')


def _second_reference(data: bytes) -> bytes:
    reference = re.search(rb"<ds:Reference.*</ds:Reference>", data)
    assert reference is not None
    return data.replace(reference[0], reference[0] * 2)


def _second_signed_info(data: bytes) -> bytes:
    info = re.search(rb"<ds:SignedInfo>.*</ds:SignedInfo>", data)
    assert info is not None
    return data.replace(info[0], info[0] * 2)


def _second_signature(data: bytes) -> bytes:
    return data.replace(_signature(data), _signature(data) * 2)


def _second_certificate(data: bytes) -> bytes:
    own = re.search(rb"<ds:X509Certificate>.*</ds:X509Certificate>", data)
    assert own is not None
    return data.replace(own[0], own[0] * 2)


def _transform(uri: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(
        b'<ds:Transform Algorithm="' + DS.encode() + b"enveloped-signature",
        b'<ds:Transform Algorithm="' + uri,
    )


def _second_transform(data: bytes) -> bytes:
    transform = re.search(rb"<ds:Transform .*</ds:Transform>", data)
    assert transform is not None
    return data.replace(transform[0], transform[0] * 2)


def _no_transform(data: bytes) -> bytes:
    return re.sub(rb"<ds:Transform .*</ds:Transform>", b"", data)


def _exclusive(data: bytes) -> bytes:
    return data.replace(b"http://www.w3.org/TR/2001/REC-xml-c14n-20010315", b"http://www.w3.org/2001/10/xml-exc-c14n#")


def _truncated_hmac(data: bytes) -> bytes:
    return data.replace(b"</ds:SignatureMethod>", b"<ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>")


def _retrieval_method(data: bytes) -> bytes:
    return re.sub(rb"<ds:X509Data>.*</ds:X509Data>", b'<ds:RetrievalMethod URI="#x"/>', data)


def _key_value(data: bytes) -> bytes:
    return data.replace(b"<ds:X509Data>", b"<ds:KeyValue/><ds:X509Data>")


def _text_between(data: bytes) -> bytes:
    return data.replace(b"<ds:KeyInfo>", b"x<ds:KeyInfo>")


def _not_base64(data: bytes) -> bytes:
    return re.sub(rb"<ds:DigestValue>.*</ds:DigestValue>", b"<ds:DigestValue>***</ds:DigestValue>", data)


def _hidden_in_a_comment(data: bytes) -> bytes:
    """A whole signature in a comment behind the root, placed where the text is looked at from its end."""
    own = _signature(data)
    bad = _with_value(data, lambda value: value[::-1])
    return bad + b"<!--" + own + b"x" * (len(b"</ceb:CEB311Message>") - 3) + b"-->"


def _with_value(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    value = re.search(rb"<ds:SignatureValue>(.*)</ds:SignatureValue>", data)
    assert value is not None
    return data.replace(value[1], base64.b64encode(change(base64.b64decode(value[1]))))


def _with_certificate(data: bytes, der: bytes) -> bytes:
    new = b"<ds:X509Certificate>" + base64.b64encode(der) + b"</ds:X509Certificate>"
    return re.sub(rb"<ds:X509Certificate>.*</ds:X509Certificate>", new, data)


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (_moved_into_a_document, "signature.place"),
        (_moved_into_extend_message, "signature.place"),
        (_moved_to_the_front, "signature.place"),
        (_original_wrapped_in_object, "signature.malformed"),
        (_original_wrapped_in_extend_message, "signature.digest"),
        (_reference_by_id, "signature.reference"),
        (_reference_elsewhere, "signature.reference"),
        (_second_reference, "signature.malformed"),
        (_second_signed_info, "signature.malformed"),
        (_second_signature, "signature.multiple"),
        (_second_certificate, "signature.malformed"),
        (_transform(b"http://www.w3.org/TR/1999/REC-xslt-19991116"), "signature.transform"),
        (_transform(b"http://www.w3.org/TR/1999/REC-xpath-19991116"), "signature.transform"),
        (_transform(b"http://www.w3.org/2000/09/xmldsig#base64"), "signature.transform"),
        (_second_transform, "signature.transform"),
        (_no_transform, "signature.malformed"),
        (_exclusive, "signature.transform"),
        (_truncated_hmac, "signature.malformed"),
        (_retrieval_method, "signature.malformed"),
        (_key_value, "signature.malformed"),
        (_text_between, "signature.malformed"),
        (_not_base64, "signature.malformed"),
        (_hidden_in_a_comment, "signature.value"),
    ],
)
def test_attacks_on_the_structure_are_refused(attack: Callable[[bytes], bytes], code: str) -> None:
    assert refusal(attack(signed())) == code


def test_a_namesake_of_another_namespace_does_not_hide_what_stands_behind_it() -> None:
    data = signed(root=' xmlns:ds="urn:other"')
    own = _signature(data)
    late = own.replace(b"<ds:Signature ", b"<ds:Signature\n")
    assert check(data.replace(own, late)).faults == ()
    evil = b"<ds:Signature /><ceb:Order><ceb:OrderHead></ceb:OrderHead></ceb:Order>"
    assert refusal(data.replace(own, evil + late)) == "signature.digest"


def test_an_original_kept_in_an_extension_does_not_lend_its_signature() -> None:
    data = signed()
    kept = b"<ceb:ExtendMessage><ceb:Message>" + data.partition(b"?>")[2] + b"</ceb:Message></ceb:ExtendMessage>"
    evil = a_message(text="evil").replace(b"</ceb:CEB311Message>", kept + b"</ceb:CEB311Message>")
    assert refusal(evil) == "signature.place"


def test_a_comment_in_a_text_changes_neither_what_is_read_nor_the_signature() -> None:
    data = signed().replace(b"two0", b"tw<!-- -->o0")
    assert check(data).faults == ()
    assert parse(data).root[0][0][0].text == "one & two0"


def test_every_algorithm_has_both_its_uris() -> None:
    assert all(a.method and a.digest_method for a in ALGORITHMS.values())
