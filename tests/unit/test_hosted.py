"""Keys held under mandates: encrypted at rest, opened with the right key only, gone when they are removed, never in an error."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from adapters.intake import Judge
from hub import sm2
from hub.demo import documents, transfer_of
from hub.domain.access import Access, Principal, principal_of
from hub.domain.faults import Misconfigured, Refused
from hub.domain.mandates import Hosting
from hub.infra.hosted import RSA, SM2, Encryption, HostedKeys, made_up_file, read_pair
from hub.infra.participants import demo_principals, demo_records, load_demo
from hub.infra.sm2_authority import Sm2Authority
from hub.infra.vault import Vault
from hub.settings import Settings, SettingsError, load
from hub.wiring import signing
from schemas import catalog, twin
from tests.support.certificates import a_certificate
from tests.support.delivery import WallClock

MADE = a_certificate("acme", datetime(2040, 1, 1, tzinfo=UTC))
SECRETS = {"raw": bytes(range(32)), "hex": b"5a" * 32 + b"\n", "passphrase": b"correct horse battery staple\n"}


def key_file(folder: Path, content: bytes) -> Path:
    path = folder / "kek"
    path.write_bytes(content)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def of_sm2(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    pair = Sm2Authority(tmp_path_factory.mktemp("sm2")).hosted("acme")
    return pair.key.encode(), pair.certificate.encode()


@pytest.mark.parametrize("secret", SECRETS)
def test_rsa_and_sm2_keys_come_back_and_nothing_of_them_lies_open(tmp_path: Path, secret: str, of_sm2: tuple[bytes, bytes]) -> None:
    file = key_file(tmp_path, SECRETS[secret])
    HostedKeys(tmp_path / "keys", Encryption.of_file(file)).put("acme", RSA, MADE.key_pem, MADE.pem)
    HostedKeys(tmp_path / "keys", Encryption.of_file(file)).put("acme", SM2, *of_sm2)
    again = HostedKeys(tmp_path / "keys", Encryption.of_file(file))
    found, other = again.get("acme", RSA), again.get("acme", SM2)
    assert found is not None
    assert found.certificate == MADE.der
    assert found.sign(b"x", "sha256")
    assert isinstance(other, sm2.PrivateKey)
    assert len(other.sign(b"x", "sm3")) == 64
    assert again.get("nobody", RSA) is None
    for path in (tmp_path / "keys" / "hosted").iterdir():
        content = path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600
        assert b"BEGIN" not in content
        assert SECRETS[secret].strip() not in content


def test_another_key_another_name_and_a_changed_byte_open_nothing_and_the_error_holds_no_secret(tmp_path: Path) -> None:
    file = key_file(tmp_path, SECRETS["passphrase"])
    held = HostedKeys(tmp_path / "keys", Encryption.of_file(file))
    held.put("acme", RSA, MADE.key_pem, MADE.pem)
    path = tmp_path / "keys" / "hosted" / "acme.rsa.key"
    content = path.read_bytes()
    path.with_name("other.rsa.key").write_bytes(content)
    for wrong, name in ((HostedKeys(tmp_path / "keys", Encryption(bytes(32), b"\x00")), "acme"), (held, "other")):
        with pytest.raises(Misconfigured) as refused:
            wrong.get(name, RSA)
        assert "PRIVATE" not in str(refused.value)
        assert "horse" not in str(refused.value)
        assert not wrong.opens(name, RSA)
    for number in range(0, len(content), 97):
        changed = bytearray(content)
        changed[number] ^= 1
        path.write_bytes(changed)
        assert not HostedKeys(tmp_path / "keys", Encryption.of_file(file)).opens("acme", RSA)


def test_a_removed_key_signs_nothing_in_a_process_that_had_it(tmp_path: Path) -> None:
    encryption = Encryption.made_up(tmp_path / "kek")
    one, two = HostedKeys(tmp_path, encryption), HostedKeys(tmp_path, encryption)
    one.put("acme", RSA, MADE.key_pem, MADE.pem)
    assert two.get("acme", RSA) is not None
    assert one.remove("acme") == 1
    assert (two.get("acme", RSA), one.remove("acme")) == (None, 0)



@pytest.mark.parametrize("content", [b"", b"short", b"fifteen letters"])
def test_a_secret_that_is_too_short_is_refused_without_repeating_it(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Misconfigured) as refused:
        Encryption.of_file(key_file(tmp_path, content))
    assert not content or content.decode() not in str(refused.value)


def test_a_key_file_others_can_read_or_that_lies_with_the_data_is_refused(tmp_path: Path) -> None:
    file = key_file(tmp_path, SECRETS["raw"])
    file.chmod(0o644)
    with pytest.raises(Misconfigured, match="chmod"):
        Encryption.of_file(file)
    with pytest.raises(SettingsError, match="hosted_key_file is not in"):
        load({"HUB_DATA": str(tmp_path), "HUB_HOSTED_KEY_FILE": str(file)}, None)


def test_a_pair_must_belong_together_and_the_error_says_nothing_of_the_key(of_sm2: tuple[bytes, bytes]) -> None:
    other = a_certificate("other", datetime(2040, 1, 1, tzinfo=UTC))
    assert read_pair(MADE.key_pem, MADE.pem)[0] == RSA
    assert read_pair(*of_sm2)[0] == SM2
    for key, certificate in ((MADE.key_pem, other.pem), (of_sm2[0], MADE.pem), (b"none", MADE.pem), (MADE.key_pem, b"none")):
        with pytest.raises(Misconfigured) as refused:
            read_pair(key, certificate)
        assert "PRIVATE" not in str(refused.value)


# ---- signing


def test_the_demos_keys_go_the_same_way_and_a_new_encryption_takes_them_over(tmp_path: Path) -> None:
    demo_principals(tmp_path / "data", tmp_path / "keys")
    settings = Settings(data=tmp_path / "data", keys=tmp_path / "keys")
    held = HostedKeys.of_settings(settings)
    assert held is not None
    assert {path.name for path in (tmp_path / "keys" / "hosted").iterdir()} >= {"payer.rsa.key", "payer.sm2.key"}
    file = key_file(tmp_path, SECRETS["raw"])
    demo_principals(tmp_path / "data", tmp_path / "keys", file)
    settings = msgspec.structs.replace(settings, hosted_key_file=file)
    changed = HostedKeys.of_settings(settings)
    assert changed is not None
    assert changed.opens("payer", RSA)
    assert not HostedKeys(tmp_path / "keys", Encryption.made_up(made_up_file(tmp_path / "data"))).opens("payer", RSA)
    payer = next(record for record in demo_records(list(load_demo(tmp_path / "data").values())) if record.id == "payer")
    principal = principal_of("payer", dict(payer.value))
    assert signing(changed, "rsa")(principal) is changed.get("payer", RSA)
    assert signing(changed, "sm2")(principal) is changed.get("payer", SM2)
    assert signing(changed, "rsa")(msgspec.structs.replace(principal, hosting=None)) is None
    assert signing(changed, "rsa")(msgspec.structs.replace(principal, hosted=False)) is None
    assert signing(None, "rsa")(principal) is None


def test_after_the_mandates_end_nothing_is_signed(tmp_path: Path) -> None:
    entries = {entry.name: entry for entry in demo_principals(tmp_path, tmp_path / "keys")}
    now = WallClock().now()
    judge = Judge(
        access=lambda: Access(open_enrolment=True),
        signatures="required",
        digest=Vault(tmp_path / "keys").digest,
        signing_key=signing(HostedKeys.of_settings(Settings(data=tmp_path)), "rsa"),
        certificates=lambda _: None,
    )
    order = documents(now)["order"]
    body = msgspec.json.encode(twin.write(catalog.message("CEB311"), [order], guid=order.head.guid, transfer=transfer_of("platform")))
    entry = entries["platform"]

    def principal(until: int) -> Principal:
        return Principal(
            "platform", tuple(entry.roles), tuple(entry.codes), (entry.dxp_id,), hosted=True, demo=True, hosting=Hosting("letter 1", until)
        )

    taken = judge(body, "application/json", principal(now + 1), now)
    assert b"SignatureValue" in taken.messages[0]
    with pytest.raises(Refused) as over:
        judge(body, "application/json", principal(now), now)
    assert over.value.faults[0].code == "json.mandate_over"
    with pytest.raises(Refused) as none:
        judge(body, "application/json", msgspec.structs.replace(principal(now + 1), hosting=None), now)
    assert none.value.faults[0].code == "json.no_mandate"
