"""SM2 before the openssl command, both ways: values, certificates, revocation lists, and whole messages signed by hand."""

from __future__ import annotations

import base64
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from adapters.certificates import certificate, fingerprint
from adapters.signature import find, sign, verify
from adapters.signature_form import C14N, DS, read_tree
from adapters.trust import Trust
from adapters.xml import parse
from hub import sm2
from hub.domain.faults import Refused
from hub.infra.sm2_authority import Sm2Authority
from tests.support.authorities import SM2, Authority
from tests.support.signing import CEB, NOW, a_message, an_sm2_key, an_sm2_signer

OPENSSL = shutil.which("openssl")
DISTID = "distid:1234567812345678"
OFFICIAL = "http://www.chinaport.gov.cn/2022/04/xmldsig#"
MESSAGES = [{}, {"documents": 3, "pretty": True}, {"text": "a > b<![CDATA[&]]><e x='1'/>"}, {"message": "CEB303", "extend": True}]


def openssl(*arguments: str | Path, data: bytes | None = None, fails: bool = False) -> bytes:
    if OPENSSL is None:
        pytest.skip("needs the openssl command")
    done = subprocess.run([OPENSSL, *map(str, arguments)], input=data, capture_output=True, timeout=30, check=False)
    assert (done.returncode != 0) == fails, done.stderr.decode() + done.stdout.decode()
    return done.stdout


def signed_by_openssl(key: Path, data: bytes) -> bytes:
    """The value in DER."""
    return openssl("dgst", "-sm3", "-sign", key, "-sigopt", DISTID, data=data)


# ---- values


def test_openssl_accepts_our_values_and_we_accept_its(tmp_path: Path) -> None:
    own, data = an_sm2_signer(), b"what is signed" * 40
    (tmp_path / "key.pem").write_bytes(own.pem())
    openssl("pkey", "-in", tmp_path / "key.pem", "-pubout", "-out", tmp_path / "pub.pem")
    (tmp_path / "value").write_bytes(sm2.der(own.sign(data)))
    check = ("dgst", "-sm3", "-verify", tmp_path / "pub.pem", "-sigopt", DISTID, "-signature", tmp_path / "value")
    assert b"OK" in openssl(*check, data=data)
    openssl(*check, data=data + b"!", fails=True)
    public = certificate(own.certificate).sm2_key
    assert public is not None
    assert public.is_signed_by(sm2.raw(signed_by_openssl(tmp_path / "key.pem", data)), data)
    raw_in = ("pkeyutl", "-sign", "-inkey", tmp_path / "key.pem", "-rawin", "-digest", "sm3", "-pkeyopt", DISTID)
    (tmp_path / "data").write_bytes(data)
    assert public.is_signed_by(sm2.raw(openssl(*raw_in, "-in", tmp_path / "data")), data)


def test_another_user_id_of_openssl_is_named(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(an_sm2_signer().pem())
    other = openssl("dgst", "-sm3", "-sign", tmp_path / "key.pem", "-sigopt", "distid:ALICE123@YAHOO.COM", data=b"data")
    public = certificate(an_sm2_signer().certificate).sm2_key
    assert public is not None
    assert not public.is_signed_by(sm2.raw(other), b"data")
    assert public.is_signed_by(sm2.raw(other), b"data", b"ALICE123@YAHOO.COM")


# ---- whole messages


def template(digest: bytes, serial: str, der: bytes, value: bytes = b"") -> tuple[bytes, bytes]:
    """(The signature as E-port's documents print it, its SignedInfo in canonical form), written by hand."""
    inner = (
        f'<ds:CanonicalizationMethod Algorithm="{C14N}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{OFFICIAL}sm2-sm3"></ds:SignatureMethod>'
        f'<ds:Reference URI=""><ds:Transforms><ds:Transform Algorithm="{DS}enveloped-signature"></ds:Transform></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{OFFICIAL}sm3"></ds:DigestMethod>'
        f"<ds:DigestValue>{base64.b64encode(digest).decode()}</ds:DigestValue></ds:Reference>"
    )
    signed_info = f'<ds:SignedInfo xmlns:ceb="{CEB}" xmlns:ds="{DS}">{inner}</ds:SignedInfo>'
    signature = (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>{inner}</ds:SignedInfo>'
        f"<ds:SignatureValue>{base64.b64encode(value).decode()}</ds:SignatureValue>"
        f"<ds:KeyInfo><ds:KeyName>{serial}</ds:KeyName><ds:X509Data>"
        f"<ds:X509Certificate>{base64.b64encode(der).decode()}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"
    )
    return signature.encode(), signed_info.encode()


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_signed_by_hand_with_openssl_is_accepted(message: dict[str, object], tmp_path: Path) -> None:
    """Certificate, digest and value are openssl's; canonical form is libxml2's, SignedInfo is written by hand."""
    key, der = a_pair(tmp_path)
    unsigned = a_message(**message)  # type: ignore[arg-type]
    canonical = _canonical(unsigned)
    digest = openssl("dgst", "-sm3", "-binary", data=canonical)
    serial = "03000000000cde01"
    _, signed_info = template(digest, serial, der)
    value = sm2.raw(signed_by_openssl(key, signed_info))
    signature, _ = template(digest, serial, der, value)
    mark = b"<ceb:ExtendMessage" if message.get("extend") else b"</ceb:CEB"
    data = unsigned.replace(mark, signature + mark)
    parsed = parse(data)
    for text in (parsed.text, None):
        report = verify(parsed.root, text, {fingerprint(der)}, int(datetime.now(UTC).timestamp() * 1000))
        assert (report.algorithm, report.faults) == ("sm2-sm3", ())
    changed = parse(data.replace(b'"G-1"', b'"G-2"'))
    with pytest.raises(Refused) as caught:
        verify(changed.root, changed.text, None, int(datetime.now(UTC).timestamp() * 1000))
    assert caught.value.faults[0].code == "signature.digest"


def _canonical(unsigned: bytes) -> bytes:
    return etree.tostring(etree.fromstring(unsigned).getroottree(), method="c14n", with_comments=False)


@pytest.mark.parametrize("message", MESSAGES)
def test_openssl_accepts_a_message_of_ours(message: dict[str, object], tmp_path: Path) -> None:
    unsigned = a_message(**message)  # type: ignore[arg-type]
    data = sign(unsigned, an_sm2_signer())
    found = find(parse(data).root)
    assert found is not None
    parts = read_tree(found)
    assert openssl("dgst", "-sm3", "-binary", data=_canonical(unsigned)) == parts.digest
    (tmp_path / "cert.der").write_bytes(parts.certificate)
    (tmp_path / "value").write_bytes(sm2.der(parts.value))
    (tmp_path / "pub.pem").write_bytes(openssl("x509", "-inform", "DER", "-in", tmp_path / "cert.der", "-pubkey", "-noout"))
    check = ("dgst", "-sm3", "-verify", tmp_path / "pub.pem", "-sigopt", DISTID, "-signature", tmp_path / "value")
    assert b"OK" in openssl(*check, data=parts.signed_info)
    openssl(*check, data=parts.signed_info.replace(b"sm3", b"sm4"), fails=True)


# ---- certificates and lists


def a_pair(folder: Path) -> tuple[Path, bytes]:
    """A key and a self-signed certificate of openssl's (DER)."""
    key, made = folder / "own.key", folder / "own.pem"
    openssl("genpkey", "-algorithm", "SM2", "-out", key)
    openssl(
        "req", "-x509", "-new", "-key", key, "-sm3", "-sigopt", DISTID, "-subj", "/CN=made up", "-days", "30",
        "-set_serial", "0x03000000000cde01", "-out", made,
    )  # fmt: skip
    return key, _der(made)


def _der(path: Path) -> bytes:
    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)


class Office:
    """An authority run with openssl: a root, a signer, a list."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key, self.pem = folder / "root.key", folder / "root.pem"
        openssl("genpkey", "-algorithm", "SM2", "-out", self.key)
        openssl(
            "req", "-x509", "-new", "-key", self.key, "-sm3", "-sigopt", DISTID, "-subj", "/CN=made up root", "-days", "30",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", self.pem,
        )  # fmt: skip
        (folder / "index.txt").write_text("")
        (folder / "crlnumber").write_text("01\n")
        (folder / "ca.cnf").write_text(
            f"[ca]\ndefault_ca=own\n[own]\ndatabase={folder}/index.txt\ncrlnumber={folder}/crlnumber\ndefault_md=sm3\n"
            f"default_crl_days=7\ncertificate={self.pem}\nprivate_key={self.key}\nunique_subject=no\n"
        )

    def issue(self) -> tuple[Path, Path]:
        """A signer's key and certificate."""
        key, asked, made, more = (self.folder / f"signer.{end}" for end in ("key", "csr", "pem", "cnf"))
        openssl("genpkey", "-algorithm", "SM2", "-out", key)
        openssl("req", "-new", "-key", key, "-sm3", "-sigopt", DISTID, "-subj", "/CN=made up signer", "-out", asked)
        more.write_text("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n")
        openssl(
            "x509", "-req", "-in", asked, "-CA", self.pem, "-CAkey", self.key, "-sm3", "-sigopt", DISTID, "-vfyopt", DISTID,
            "-set_serial", "0x03000000000cde77", "-days", "20", "-extfile", more, "-out", made,
        )  # fmt: skip
        return key, made

    def revokes(self, *certificates: Path) -> bytes:
        for one in certificates:
            openssl("ca", "-config", self.folder / "ca.cnf", "-revoke", one)
        made = self.folder / "list.pem"
        openssl("ca", "-config", self.folder / "ca.cnf", "-gencrl", "-sigopt", DISTID, "-out", made)
        return x509.load_pem_x509_crl(made.read_bytes()).public_bytes(Encoding.DER)


def test_an_authority_run_with_openssl_is_trusted_and_its_lists_are_heeded(tmp_path: Path) -> None:
    office = Office(tmp_path)
    key, made = office.issue()
    own = sm2.PrivateKey.from_pem(key.read_bytes(), made.read_bytes())
    now = int((datetime.now(UTC) + timedelta(minutes=1)).timestamp() * 1000)
    mark = fingerprint(own.certificate)
    sound = Trust([_der(office.pem)], [office.revokes()])
    assert sound.problems == []
    assert sound.check(own.certificate, mark, now) == ()
    data = parse(sign(a_message(), own))
    assert verify(data.root, data.text, {mark}, now).algorithm == "sm2-sm3"
    revoking = Trust([_der(office.pem)], [office.revokes(made)])
    with pytest.raises(Refused) as caught:
        revoking.check(own.certificate, mark, now)
    assert caught.value.faults[0].code == "signature.revoked"


@pytest.mark.parametrize("who", ["a test's", "the demo's"])
def test_openssl_accepts_the_certificates_we_issue(who: str, tmp_path: Path) -> None:
    if who == "the demo's":
        authority = Sm2Authority(tmp_path / "keys")
        root, signer = authority.certificate.public_bytes(Encoding.PEM), authority.hosted("agent").certificate.encode()
        at: list[str] = []
    else:
        made = Authority(kind=SM2)
        signer_der = made.issue().certificate
        root, signer = made.pem, x509.load_der_x509_certificate(signer_der).public_bytes(Encoding.PEM)
        at = ["-attime", str(NOW // 1000)]
    (tmp_path / "root.pem").write_bytes(root)
    (tmp_path / "signer.pem").write_bytes(signer)
    check = ("verify", "-vfyopt", DISTID, *at, "-CAfile", tmp_path / "root.pem")
    assert b"OK" in openssl(*check, tmp_path / "signer.pem")
    spoilt = bytearray(x509.load_pem_x509_certificate(signer).public_bytes(Encoding.DER))
    spoilt[-1] ^= 1
    (tmp_path / "spoilt.pem").write_bytes(x509.load_der_x509_certificate(bytes(spoilt)).public_bytes(Encoding.PEM))
    openssl(*check, tmp_path / "spoilt.pem", fails=True)


def test_openssl_reads_the_keys_we_make(tmp_path: Path) -> None:
    made = sm2.SecretKey.generate()
    (tmp_path / "key.pem").write_bytes(made.pem())
    assert openssl("pkey", "-in", tmp_path / "key.pem", "-pubout", "-outform", "DER") == made.public_der()
    assert an_sm2_key().is_pair_of(sm2.SecretKey.load(an_sm2_key().pem()))
    assert not made.is_pair_of(an_sm2_key())
