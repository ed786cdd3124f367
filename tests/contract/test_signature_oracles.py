"""Our XML signatures before outside implementations, and theirs before ours: xmlsec1, python-xmlsec, signxml."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from lxml import etree
from signxml import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConfiguration,
    SignatureConstructionMethod,
    SignatureMethod,
    XMLSigner,
    XMLVerifier,
)

from adapters import signature
from adapters.signature import sign, verify
from adapters.signature_form import C14N, DS
from adapters.xml import parse
from hub.domain.faults import Refused
from tests.support.signing import NOW, a_certificate, a_message, a_signer, an_rsa_key

ALGORITHMS = ["rsa-sha1", "rsa-sha256"]
FLAGS = {"rsa-sha1": ["signature.sha1"], "rsa-sha256": [], "sm2-sm3": []}
MESSAGES = [
    {"documents": 3, "pretty": True},
    {"root": ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"', "text": '商品 &lt;1&gt; "x"'},
    {"text": "a > b<![CDATA[&]]><e x='1'/>", "root": " xml:lang='zh'"},
    {"message": "CEB303", "extend": True},
]
XMLSEC = shutil.which("xmlsec1")


def pem(which: int = 0) -> tuple[bytes, bytes]:
    """Private key and certificate."""
    private = an_rsa_key(2048, which).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, a_certificate(2048, which).public_bytes(serialization.Encoding.PEM)


def template(algorithm: str) -> bytes:
    """An empty signature of our profile, for others to fill in."""
    form = signature.ALGORITHMS[algorithm]
    return f"""<ds:Signature xmlns:ds="{DS}">
  <ds:SignedInfo>
    <ds:CanonicalizationMethod Algorithm="{C14N}"/>
    <ds:SignatureMethod Algorithm="{form.method}"/>
    <ds:Reference URI="">
      <ds:Transforms><ds:Transform Algorithm="{DS}enveloped-signature"/></ds:Transforms>
      <ds:DigestMethod Algorithm="{form.digest_method}"/>
      <ds:DigestValue></ds:DigestValue>
    </ds:Reference>
  </ds:SignedInfo>
  <ds:SignatureValue></ds:SignatureValue>
  <ds:KeyInfo>
    <ds:KeyName>{a_signer().serial}</ds:KeyName>
    <ds:X509Data><ds:X509Certificate></ds:X509Certificate></ds:X509Data>
  </ds:KeyInfo>
</ds:Signature>""".encode()


def with_template(message: dict[str, object], algorithm: str) -> bytes:
    unsigned = a_message(**message)  # type: ignore[arg-type]
    mark = b"<ceb:ExtendMessage" if message.get("extend") else b"</ceb:CEB"
    return unsigned.replace(mark, template(algorithm) + mark)


def accepted(data: bytes, algorithm: str) -> None:
    parsed = parse(data)
    for text in (parsed.text, None):
        report = verify(parsed.root, text, {a_signer().fingerprint}, NOW)
        assert (report.algorithm, [fault.code for fault in report.faults]) == (algorithm, FLAGS[algorithm])


# ---- xmlsec1 ----------------------------------------------------------------------------------------------------


def run_xmlsec(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    assert XMLSEC is not None, "install the package xmlsec1"
    return subprocess.run([XMLSEC, *arguments], capture_output=True, timeout=30, check=False)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("message", MESSAGES)
def test_xmlsec1_accepts_what_we_sign(message: dict[str, object], algorithm: str, tmp_path: Path) -> None:
    data = sign(a_message(**message), a_signer(), algorithm)  # type: ignore[arg-type]
    (tmp_path / "cert.pem").write_bytes(pem()[1])
    (tmp_path / "message.xml").write_bytes(data)
    (tmp_path / "changed.xml").write_bytes(data.replace(b'"G-1"', b'"G-2"'))
    key = ["--pubkey-cert-pem", str(tmp_path / "cert.pem")]
    done = run_xmlsec("--verify", *key, str(tmp_path / "message.xml"))
    assert done.returncode == 0, done.stderr.decode()
    assert run_xmlsec("--verify", *key, str(tmp_path / "changed.xml")).returncode != 0


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("message", MESSAGES)
def test_we_accept_what_xmlsec1_signs(message: dict[str, object], algorithm: str, tmp_path: Path) -> None:
    private, certificate = pem()
    (tmp_path / "key.pem").write_bytes(private)
    (tmp_path / "cert.pem").write_bytes(certificate)
    (tmp_path / "message.xml").write_bytes(with_template(message, algorithm))
    key = f"{tmp_path / 'key.pem'},{tmp_path / 'cert.pem'}"
    done = run_xmlsec("--sign", "--privkey-pem", key, str(tmp_path / "message.xml"))
    assert done.returncode == 0, done.stderr.decode()
    accepted(done.stdout, algorithm)


# ---- python-xmlsec ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("message", MESSAGES)
def test_python_xmlsec_accepts_what_we_sign(message: dict[str, object], algorithm: str) -> None:
    root = etree.fromstring(sign(a_message(**message), a_signer(), algorithm))  # type: ignore[arg-type]
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(pem()[1], xmlsec.KeyFormat.CERT_PEM)
    context.verify(xmlsec.tree.find_node(root, xmlsec.Node.SIGNATURE))
    root.set("guid", "G-2")
    with pytest.raises(xmlsec.Error):
        context.verify(xmlsec.tree.find_node(root, xmlsec.Node.SIGNATURE))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("message", MESSAGES)
def test_we_accept_what_python_xmlsec_signs(message: dict[str, object], algorithm: str) -> None:
    private, certificate = pem()
    root = etree.fromstring(with_template(message, algorithm))
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(private, xmlsec.KeyFormat.PEM)
    context.key.load_cert_from_memory(certificate, xmlsec.KeyFormat.PEM)
    context.sign(xmlsec.tree.find_node(root, xmlsec.Node.SIGNATURE))
    accepted(etree.tostring(root.getroottree(), encoding="utf-8"), algorithm)


# ---- signxml ----------------------------------------------------------------------------------------------------

SIGNXML = {
    "rsa-sha1": (SignatureMethod.RSA_SHA1, DigestAlgorithm.SHA1),
    "rsa-sha256": (SignatureMethod.RSA_SHA256, DigestAlgorithm.SHA256),
}


class Legacy:
    """signxml without its refusal of SHA-1, which the CEB specification still asks for."""

    def check_deprecated_methods(self) -> None:
        """Nothing is too old."""


class LegacySigner(Legacy, XMLSigner):
    """Signs with SHA-1 too."""


class LegacyVerifier(Legacy, XMLVerifier):
    """Verifies SHA-1 too."""


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("message", [m for m in MESSAGES if "xml:" not in str(m.get("root"))])  # signxml forgets them
def test_signxml_accepts_what_we_sign(message: dict[str, object], algorithm: str) -> None:
    data = sign(a_message(**message), a_signer(), algorithm)  # type: ignore[arg-type]
    method, digest = SIGNXML[algorithm]
    expected = SignatureConfiguration(
        location="./",
        signature_methods=frozenset({method}),
        digest_algorithms=frozenset({digest}),
        verification_time=datetime.fromtimestamp(NOW / 1000, UTC),
    )
    certificate = x509.load_pem_x509_certificate(pem()[1])
    result = LegacyVerifier().verify(data, x509_cert=certificate, expect_config=expected)
    assert result.signed_xml is not None
    assert result.signed_xml.find(f"{{{DS}}}Signature") is None


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_we_accept_what_signxml_signs(algorithm: str) -> None:
    method, digest = SIGNXML[algorithm]
    signer = LegacySigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=method,
        digest_algorithm=digest,
        c14n_algorithm=CanonicalizationMethod.CANONICAL_XML_1_0,
    )
    private, certificate = pem()
    root = etree.fromstring(a_message(documents=2))
    signed = signer.sign(root, key=private, cert=certificate.decode(), exclude_c14n_transform_element=True)
    report = verify(parse(etree.tostring(signed)).root, None, {a_signer().fingerprint}, NOW)
    assert report.algorithm == algorithm
    flags = [*FLAGS[algorithm], "signature.key_name"]
    assert [fault.code for fault in report.faults] == flags  # signxml writes none beside a certificate


# ---- the official example ---------------------------------------------------------------------------------------


def test_the_official_example_signature_is_genuine_for_its_signed_info() -> None:
    """The samples' signature belongs to another document, so only the digest is wrong, and nothing before it."""
    folder = os.environ.get("HUB_TEST_DATA")
    if not folder:
        pytest.skip("HUB_TEST_DATA names no folder of official samples")
    data = next(Path(folder).rglob("CEB621Message.xml")).read_bytes()
    parsed = parse(
        data.replace(
            b"<ceb:CEB621Message ",
            b'<ceb:CEB621Message xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ',
        )
    )
    with pytest.raises(Refused) as caught:
        verify(parsed.root, parsed.text, None, NOW)
    assert caught.value.faults[0].code == "signature.digest"
    found = signature.find(parsed.root)
    assert found is not None
    parts = signature.read_tree(found)
    signer = signature.certificate(parts.certificate)
    assert signer.key is not None
    assert signature.is_signed_by(signer.key, parts.value, parts.signed_info, "sha1")
