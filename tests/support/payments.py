"""Payment data, keys and a responder for tests; every name and number in them is made up."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from adapters.payment_data import form
from adapters.payment_data.checks import signature_text
from adapters.signature import SigningKey
from hub.infra.crypto import HostedKey
from hub.sm2 import PrivateKey
from tests.support.signing import a_signer

PLATFORM = "9901D00001"
SESSION = "fe2374-8fnejf97-32839218"
RSA, SM2 = "rsa", "sm2"


def a_record(*orders: str, **head: Any) -> dict[str, Any]:
    """One payment request for these orders."""
    return {
        "payExchangeInfoHead": {
            "guid": "0F6A1C3E-0000-4000-8000-00000000ABCD",
            "initalRequest": '{"total":"199.90","openid":"made-up"}',
            "initalResponse": "<xml><return_code>SUCCESS</return_code></xml>",
            "ebpCode": PLATFORM,
            "payCode": "9901D00002",
            "payTransactionId": "4200000001",
            "totalAmount": 199.9,
            "currency": "142",
            "verDept": "3",
            "payType": "1",
            "tradingTime": "20260618091500",
            "note": "测试",
        }
        | head,
        "payExchangeInfoLists": [a_line(order) for order in orders or ("ORDER-1",)],
    }


def a_line(order: str = "ORDER-1", **fields: Any) -> dict[str, Any]:
    return {
        "orderNo": order,
        "goodsInfo": [{"gname": '婴儿奶粉 "made up"', "itemLink": "http://shop.example/1;http://shop.example/2"}],
        "recpAccount": "990000000000000001",
        "recpCode": "",
        "recpName": "杜撰公司",
    } | fields


def written(record: object) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()


def append(folder: Path, *records: object, name: str = "2026-06-18.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("ab") as file:
        file.writelines(written(record) + b"\n" for record in records)
    return folder / name


def openssl(*arguments: str, data: bytes | None = None) -> bytes:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    return subprocess.run(["openssl", *arguments], input=data, check=True, capture_output=True).stdout


@cache
def sm2_files() -> tuple[bytes, bytes]:
    """(Key, certificate) in PEM, made by openssl once a run."""
    key = openssl("genpkey", "-algorithm", "SM2")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "key.pem"
        path.write_bytes(key)
        made = openssl(
            "req", "-x509", "-new", "-key", str(path), "-sm3", "-subj", "/CN=made up", "-days", "3650",
            "-set_serial", "0x03000000000cde01", "-sigopt", "distid:1234567812345678",
        )  # fmt: skip
    return key, made


def files_of(kind: str) -> tuple[bytes, bytes]:
    """(Key, certificate) in PEM."""
    if kind == SM2:
        return sm2_files()
    signer = a_signer(begins="2024-01-01", ends="2099-01-01")
    return signer.private_pem().encode(), signer.certificate_pem().encode()


def a_key(kind: str = RSA) -> SigningKey:
    return (PrivateKey if kind == SM2 else HostedKey).from_pem(*files_of(kind))


def hash_of(kind: str) -> str:
    return "sm3" if kind == SM2 else "sha1"


def an_upload(record: object = None, kind: str = RSA, text: str = "", number: str = "03000000000cde01", **over: str) -> bytes:
    """``payExInfoStr``; ``text`` is signed in place of the right one, ``over`` changes what is sent but not what is signed."""
    made = form.read(written(record or a_record()))
    sent = {"session": SESSION, "head": made.head, "lists": made.lists, "service_time": "1781750100000"}
    key = a_key(kind)
    signed = text or form.signed_text(**sent)
    value = over.pop("value", "") or signature_text(key.sign(signed.encode(), hash_of(kind)))
    return form.upload(**(sent | over), certificate_number=number, value=value).encode()
