"""Original payment data: their fields, the text that is signed, and what is said about what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from adapters.certificates import certificate
from adapters.payment_data import form
from adapters.payment_data.checks import check_upload, read_request, signature_text
from hub import sm2
from hub.domain.faults import Refused
from tests.support.payments import (
    RSA,
    SESSION,
    SM2,
    a_key,
    a_line,
    a_record,
    an_upload,
    files_of,
    hash_of,
    openssl,
    written,
)
from tests.support.signing import a_signer, an_elliptic_certificate

AT = 1781750100000
BOTH = pytest.mark.parametrize("kind", [RSA, SM2])


def codes(record: object) -> set[str]:
    return {found.code for found in form.read(written(record)).faults}


def judged(upload: bytes, kind: str = RSA, at: int | None = None) -> set[str]:
    own = certificate(a_key(kind).certificate)
    valid = own.not_before + 86_400_000
    return {found.code for found in check_upload(upload, own, valid if at is None else at).faults}


# ---- the text


def test_the_signed_text_is_that_of_the_announcement_letter_by_letter() -> None:
    record = {
        "payExchangeInfoLists": [
            {"recpName": "公司", "recpAccount": "1", "goodsInfo": [{"itemLink": "http://a/b", "gname": "g"}], "orderNo": "O1"}
        ],
        "payExchangeInfoHead": {
            "note": "", "tradingTime": "20260618091500", "verDept": "3", "currency": "142", "totalAmount": 100.50,
            "payTransactionId": "T", "payCode": "P", "ebpCode": "E", "initalResponse": "ok", "initalRequest": '{"a": 1}',
            "guid": "0F6A1C3E-0000-4000-8000-00000000ABCD",
        },
    }  # fmt: skip
    made = form.read(written(record))
    assert form.signed_text("s-1", made.head, made.lists, "1544519952469") == (
        '"sessionID":"s-1"||"payExchangeInfoHead":"{"guid":"0F6A1C3E-0000-4000-8000-00000000ABCD",'
        '"initalRequest":"{\\"a\\": 1}","initalResponse":"ok","ebpCode":"E","payCode":"P","payTransactionId":"T",'
        '"totalAmount":100.5,"currency":"142","verDept":"3","tradingTime":"20260618091500","note":""}"'
        '||"payExchangeInfoLists":"[{"orderNo":"O1","goodsInfo":[{"gname":"g","itemLink":"http://a/b"}],'
        '"recpAccount":"1","recpName":"公司"}]"||"serviceTime":"1544519952469"'
    )


@BOTH
def test_openssl_verifies_what_was_signed_over_the_texts_that_are_sent(kind: str, tmp_path: Path) -> None:
    sent = json.loads(an_upload(kind=kind))
    raw = an_upload(kind=kind).decode()
    raw = raw[: raw.index(',"certNo"')]  # the members that are signed, as they stand in the upload
    head = raw[raw.index('"payExchangeInfoHead":') + 22 : raw.index(',"payExchangeInfoLists":')]
    lists = raw[raw.index('"payExchangeInfoLists":') + 23 : raw.index(',"serviceTime":')]
    text = (
        f'"sessionID":"{sent["sessionID"]}"||"payExchangeInfoHead":"{head}"||"payExchangeInfoLists":"{lists}"'
        f'||"serviceTime":"{sent["serviceTime"]}"'
    )
    value = a_key(kind).sign(text.encode(), hash_of(kind))
    if kind == SM2:
        assert len(value) == 64
        value = encode_dss_signature(int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big"))
    (tmp_path / "value").write_bytes(value)
    (tmp_path / "certificate.pem").write_bytes(files_of(kind)[1])
    (tmp_path / "key.pem").write_bytes(openssl("x509", "-in", str(tmp_path / "certificate.pem"), "-pubkey", "-noout"))
    identity = ["-sigopt", "distid:1234567812345678"] if kind == SM2 else []
    said = openssl(
        "dgst", "-sm3" if kind == SM2 else "-sha1", "-verify", str(tmp_path / "key.pem"), *identity,
        "-signature", str(tmp_path / "value"), data=text.encode(),
    )  # fmt: skip
    assert said == b"Verified OK\n"


@BOTH
def test_what_openssl_signed_is_accepted(kind: str, tmp_path: Path) -> None:
    made = form.read(written(a_record()))
    (tmp_path / "key.pem").write_bytes(files_of(kind)[0])
    identity = ["-sigopt", "distid:1234567812345678"] if kind == SM2 else []
    text = form.signed_text(SESSION, made.head, made.lists, str(AT))
    value = openssl(
        "dgst", "-sm3" if kind == SM2 else "-sha1", "-sign", str(tmp_path / "key.pem"), *identity, data=text.encode()
    )
    value = sm2.raw(value) if kind == SM2 else value
    assert judged(an_upload(kind=kind, value=signature_text(value)), kind) == set()


@BOTH
def test_an_own_upload_is_sound(kind: str) -> None:
    found = check_upload(an_upload(kind=kind), certificate(a_key(kind).certificate))
    assert (found.session, found.orders, found.faults) == (SESSION, ("ORDER-1",), ())


@given(
    st.decimals(min_value=0, max_value="99999999999999.99999", places=5),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(str.strip),
)
def test_what_is_written_reads_the_same_and_is_written_the_same(amount: Any, text: str) -> None:
    data = written(a_record(note=text, initalRequest=text, totalAmount=0)).replace(b'"totalAmount": 0', b'"totalAmount": %s' % str(amount).encode())
    made = form.read(data)
    assert made.complete
    again = form.read(f'{{"payExchangeInfoHead":{made.head},"payExchangeInfoLists":{made.lists}}}'.encode())
    assert (again.head, again.lists) == (made.head, made.lists)
    assert json.loads(made.head, parse_float=type(amount), parse_int=type(amount))["totalAmount"] == amount
    assert json.loads(made.head)["initalRequest"] == text


@pytest.mark.parametrize(("serial", "number"), [("3000000000cde6f", "03000000000cde6f"), ("01", "01"), ("7", "07")])
def test_a_certificate_number_has_whole_bytes(serial: str, number: str) -> None:
    assert form.certificate_number(serial) == number


# ---- the fields


def test_a_full_record_has_no_fault_and_lists_all_its_orders() -> None:
    made = form.read(written(a_record("A", "B", "C")))
    assert (made.faults, made.orders) == ((), ("A", "B", "C"))


@pytest.mark.parametrize("field", [f.name for f in form.HEAD_FIELDS if f.needed])
@pytest.mark.parametrize("value", [None, ""])
def test_a_mandatory_field_of_the_head_is_missed(field: str, value: str | None) -> None:
    [found] = form.read(written(a_record(**{field: value}))).faults
    assert (found.code, found.path) == ("payment_data.missing", f"/payExchangeInfoHead/{field}")


@pytest.mark.parametrize("field", ["recpAccount", "recpName", "orderNo"])
def test_a_mandatory_field_of_an_order_is_missed(field: str) -> None:
    record = a_record() | {"payExchangeInfoLists": [a_line(**{field: ""})]}
    [found] = form.read(written(record)).faults
    assert (found.code, found.path) == ("payment_data.missing", f"/payExchangeInfoLists/0/{field}")


@pytest.mark.parametrize("field", [f for f in form.HEAD_FIELDS if f.holds in ("text", "guid")], ids=lambda f: f.name)
def test_a_text_may_have_its_length_and_no_more(field: form.Field) -> None:
    assert codes(a_record(**{field.name: "中" * field.most})) <= {"payment_data.guid"}
    assert codes(a_record(**{field.name: "A" * (field.most + 1)})) == {"payment_data.too_long"}


def test_optional_fields_may_be_left_out_or_empty() -> None:
    record = a_record(payType="", note="")
    del record["payExchangeInfoHead"]["note"]
    del record["payExchangeInfoLists"][0]["recpCode"]
    assert codes(record) == set()


@pytest.mark.parametrize("amount", ["199.90", -1, 1.123456, 123456789012345, True, None, [], 1e300])
def test_what_is_no_amount(amount: object) -> None:
    assert codes(a_record(totalAmount=amount)) & {"payment_data.amount", "payment_data.missing"}


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ({"verDept": "4"}, "payment_data.value"),
        ({"payType": "9"}, "payment_data.value"),
        ({"tradingTime": "20260230000000"}, "payment_data.time"),
        ({"tradingTime": "2026061809150"}, "payment_data.time"),
        ({"tradingTime": "２0260618091500"}, "payment_data.time"),
        ({"guid": "0f6a1c3e-0000-4000-8000-00000000abcd"}, "payment_data.guid"),
        ({"guid": "SHORT"}, "payment_data.guid"),
        ({"currency": 142}, "payment_data.shape"),
        ({"initialRequest": "spelt rightly"}, "payment_data.unknown"),
        ({"note": "x" * 1001}, "payment_data.too_long"),
        ({"payCode": "  "}, "payment_data.missing"),
    ],
)
def test_a_field_of_the_head_that_is_wrong(head: dict[str, Any], code: str) -> None:
    assert codes(a_record(**head)) == {code}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"goodsInfo": []}, "payment_data.shape"),
        ({"goodsInfo": ["x"]}, "payment_data.shape"),
        ({"goodsInfo": [{"gname": "g"}]}, "payment_data.missing"),
        ({"goodsInfo": [{"gname": "g" * 251, "itemLink": "x"}]}, "payment_data.too_long"),
        ({"recpCode": "9" * 19}, "payment_data.too_long"),
        ({"price": "1"}, "payment_data.unknown"),
    ],
)
def test_an_order_that_is_wrong(line: dict[str, Any], code: str) -> None:
    record = a_record() | {"payExchangeInfoLists": [a_line("A"), a_line("B", **line)]}
    [found] = form.read(written(record)).faults
    assert found.code == code
    assert found.path.startswith("/payExchangeInfoLists/1")


@pytest.mark.parametrize(
    "record",
    [[], 1, {"payExchangeInfoHead": {}}, a_record() | {"payExchangeInfoLists": []}, a_record() | {"payExchangeInfoLists": [1]}],
)
def test_what_has_not_the_shape_of_a_record(record: object) -> None:
    assert "payment_data.shape" in codes(record)


def test_an_order_listed_twice() -> None:
    assert codes(a_record("A", "B", "A")) == {"payment_data.repeated_order"}


def test_the_name_in_the_announcement_s_table_is_not_that_of_its_example() -> None:
    record = a_record()
    record["payExchangeInfoList"] = record.pop("payExchangeInfoLists")
    assert codes(record) == {"payment_data.unknown", "payment_data.shape"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{", "json.malformed"),
        (b"\xff", "json.encoding"),
        (b'{"a":"\\ud800"}', "json.encoding"),
        (b'{"a":1,"a":2}', "json.duplicate_key"),
        (b'{"a":NaN}', "json.number"),
        (b'{"a":%s}' % (b"1" * 40), "json.number"),
        (b'{"a":1e9999999999999999999}', "json.number"),
        (b"[" * 100_000, "json.depth"),
        (b" " * (form.MAX_BYTES + 1), "payment_data.too_large"),
    ],
)
def test_what_is_no_json_or_reads_in_two_ways(data: bytes, code: str) -> None:
    with pytest.raises(Refused) as caught:
        form.read(data)
    assert caught.value.faults[0].code == code
    assert code in {found.code for found in check_upload(data).faults}


def test_no_fault_holds_a_value() -> None:
    secret = "made-up-secret"
    record = a_record(totalAmount=secret, verDept=secret, tradingTime=secret, currency=secret, **{secret: secret})
    record["payExchangeInfoLists"].append(a_line(goodsInfo=[{"gname": [secret], secret: secret}]))
    found = form.read(written(record)).faults
    assert len(found) >= 7
    assert secret not in repr(found)


# ---- a request


def asked(**over: Any) -> bytes:
    return written({"orderNo": "O1", "sessionID": SESSION, "serviceTime": AT} | over)


def test_a_request_is_read_with_its_time_as_a_number_or_in_quotes() -> None:
    assert read_request(asked()) == read_request(asked(serviceTime=str(AT)))
    assert (read_request(asked()).order, read_request(asked()).session) == ("O1", SESSION)


@pytest.mark.parametrize(
    "data",
    [
        asked(orderNo=""), asked(orderNo="x" * 61), asked(orderNo=1), asked(orderNo="a\nb"), asked(sessionID=""),
        asked(sessionID='a"b'), asked(sessionID="a\\b"), asked(sessionID="a b"), asked(sessionID="x" * 65), asked(serviceTime=None),
        asked(serviceTime=-1), asked(serviceTime=1.5), asked(serviceTime="soon"), b"[]", b"1",
    ],
)  # fmt: skip
def test_what_is_no_request(data: bytes) -> None:
    with pytest.raises(Refused) as caught:
        read_request(data)
    assert caught.value.faults[0].code == "payment_data.request"


# ---- an upload


@BOTH
@pytest.mark.parametrize("what", ["session", "head", "lists", "service_time"])
def test_a_changed_upload_does_not_verify(kind: str, what: str) -> None:
    other = form.read(written(a_record("OTHER", note="other")))
    changed = {"session": "other", "head": other.head, "lists": other.lists, "service_time": "1"}
    assert judged(an_upload(kind=kind, **{what: changed[what]}), kind) == {"payment_data.signature"}


def parts() -> tuple[str, str]:
    made = form.read(written(a_record()))
    return made.head, made.lists


def wrongly(form_name: str) -> str:
    head, lists = parts()
    time = "1781750100000"
    return {
        "unquoted": f'"sessionID":"{SESSION}"||"payExchangeInfoHead":{head}||"payExchangeInfoLists":{lists}||"serviceTime":{time}',
        "list-name": form.signed_text(SESSION, head, lists, time).replace("InfoLists", "InfoList"),
        "escaped": form.signed_text(SESSION, json.dumps(head, ensure_ascii=False)[1:-1], json.dumps(lists, ensure_ascii=False)[1:-1], time),
    }[form_name]  # fmt: skip


@BOTH
@pytest.mark.parametrize("name", ["unquoted", "list-name", "escaped"])
def test_the_usual_mistakes_in_the_signed_text_are_named(kind: str, name: str) -> None:
    upload = an_upload(kind=kind, text=wrongly(name))
    [found] = check_upload(upload, certificate(a_key(kind).certificate)).faults
    assert found.code == "payment_data.signature_form"
    assert f": {name}." in found.message


@BOTH
def test_json_with_spaces_is_flagged_and_must_be_signed_with_them(kind: str) -> None:
    head = json.dumps(a_record()["payExchangeInfoHead"], ensure_ascii=False)
    signed = form.signed_text(SESSION, head, parts()[1], "1781750100000")
    assert judged(an_upload(kind=kind, head=head, text=signed), kind) == {"payment_data.form"}
    assert judged(an_upload(kind=kind, head=head), kind) == {"payment_data.form", "payment_data.signature_form"}


def test_rsa_with_another_hash_and_sm2_in_der_are_named() -> None:
    head, lists = parts()
    text = form.signed_text(SESSION, head, lists, "1781750100000").encode()
    sha256 = signature_text(a_signer(begins="2024-01-01", ends="2099-01-01").sign(text, "sha256"))
    assert judged(an_upload(value=sha256)) == {"payment_data.signature_form"}
    raw = a_key(SM2).sign(text, "sm3")
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    assert judged(an_upload(kind=SM2, value=signature_text(der)), SM2) == {"payment_data.signature_form"}


@BOTH
def test_another_key_s_certificate_does_not_verify(kind: str) -> None:
    other = certificate(a_signer(which=3, begins="2024-01-01", ends="2099-01-01").certificate)
    assert "payment_data.signature" in {found.code for found in check_upload(an_upload(kind=kind), other).faults}


def test_certificate_number_value_and_validity() -> None:
    assert judged(an_upload(number="0D")) == {"payment_data.certificate_number"}
    assert judged(an_upload(number="03000000000CDE01")) == set()
    assert judged(an_upload(value="not Base64!")) == {"payment_data.signature_value"}
    assert judged(an_upload(value="AAAA")) == {"payment_data.signature"}
    assert judged(an_upload(), at=0) == {"signature.not_yet_valid"}
    assert judged(an_upload(), at=5_000_000_000_000) == {"signature.expired"}


def test_a_certificate_that_is_neither_rsa_nor_sm2_or_too_short() -> None:
    elliptic = certificate(an_elliptic_certificate())
    found = {f.code for f in check_upload(an_upload(number="07"), elliptic, None).faults}
    assert found == {"signature.algorithm"}


@pytest.mark.parametrize("name", ["sessionID", "serviceTime", "certNo", "signValue"])
@pytest.mark.parametrize("value", [None, "", [], "x" * 3000])
def test_the_first_level_of_an_upload_has_its_form(name: str, value: object) -> None:
    upload = json.loads(an_upload())
    found = {f.code for f in check_upload(written(upload | {name: value})).faults}
    assert found
    assert found <= {"payment_data.shape", "payment_data.missing", "payment_data.too_long"}


def test_an_upload_that_is_no_object() -> None:
    assert {f.code for f in check_upload(b"[]").faults} == {"payment_data.shape"}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda s: st.lists(s, max_size=3) | st.dictionaries(st.sampled_from(["sessionID", "payExchangeInfoHead", "payExchangeInfoLists", "goodsInfo", "orderNo", "signValue", "x"]), s, max_size=4), max_leaves=20))  # fmt: skip
def test_nothing_that_is_sent_makes_the_checker_fail(value: object) -> None:
    check_upload(json.dumps(value).encode())


# ---- keys


def test_sm2_keys_are_read_strictly() -> None:
    key, pem = files_of(SM2)
    rsa_key, rsa_pem = files_of(RSA)
    for wrong in ((rsa_key, pem), (key, rsa_pem), (b"", pem), (key, b"")):
        with pytest.raises(ValueError):
            sm2.PrivateKey.from_pem(*wrong)
    with pytest.raises(ValueError):
        a_key(SM2).sign(b"x", "sha1")
    with pytest.raises(ValueError):
        sm2.public_key(b"no certificate")
    own = certificate(a_key(SM2).certificate).sm2_key
    assert own is not None
    assert not own.is_signed_by(b"short", b"x")
    assert not own.is_signed_by(bytes(64), b"x")
