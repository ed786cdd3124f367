"""The vault and the hub's keys: sealed content, erasure, digests, files that hold keys."""

from __future__ import annotations

import errno
import multiprocessing
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.certificates import certificate
from hub.domain.faults import Misconfigured
from hub.infra import crypto
from hub.infra.keyfiles import read_or_create, replace, write_new
from hub.infra.vault import KeyErased, Tampered, Vault, china_day
from hub.ports import Digester, Sealer

NOON = int(datetime(2024, 6, 1, 4, 0, tzinfo=UTC).timestamp() * 1000)
DAY = date(2024, 6, 1)
HOUR = 3_600_000


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "keys")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=3000))
def test_what_is_sealed_opens_again(vault: Vault, data: bytes) -> None:
    assert vault.open(vault.seal(data, NOON)) == data


def test_the_ports_are_kept(vault: Vault) -> None:
    sealer: Sealer = vault
    digester: Digester = vault
    assert sealer.open(sealer.seal(b"x", NOON)) == b"x"
    assert digester.digest("buyer", "x") == vault.digest("buyer", "x")


def test_sealed_content_is_small_and_says_nothing(vault: Vault) -> None:
    data = b"<ceb:buyerName>somebody</ceb:buyerName>" * 300
    sealed = vault.seal(data, NOON)
    assert len(sealed) < len(data) / 20
    assert b"somebody" not in sealed
    assert vault.seal(data, NOON) != sealed


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_every_changed_bit_is_found(vault: Vault, data: st.DataObject) -> None:
    sealed = bytearray(vault.seal(b"content", NOON))
    place = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[place // 8] ^= 1 << (place % 8)
    with pytest.raises((Tampered, KeyErased)):
        vault.open(bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02" * 60, b"\x01" + b"\xff" * 60])
def test_what_was_never_sealed_does_not_open(vault: Vault, sealed: bytes) -> None:
    with pytest.raises(Tampered):
        vault.open(sealed)


def test_what_was_sealed_for_one_purpose_does_not_open_for_another(vault: Vault) -> None:
    sealed = vault.seal(b"x", NOON, b"refusals")
    assert vault.open(sealed, b"refusals") == b"x"
    with pytest.raises(Tampered):
        vault.open(sealed)


def test_a_day_is_chinas(vault: Vault) -> None:
    for at in (NOON - 12 * HOUR - 1, NOON - 12 * HOUR, NOON, NOON + 12 * HOUR - 1, NOON + 12 * HOUR):
        vault.seal(b"x", at)
    assert vault.days() == [date(2024, 5, 31), DAY, date(2024, 6, 2)]
    assert china_day(NOON) == DAY


def test_erasing_a_day_makes_it_unreadable_and_leaves_the_others(vault: Vault) -> None:
    gone, kept = vault.seal(b"x", NOON), vault.seal(b"y", NOON + 24 * HOUR)
    assert vault.erase(DAY)
    with pytest.raises(KeyErased) as caught:
        vault.open(gone)
    assert caught.value.day == DAY
    assert vault.open(kept) == b"y"
    assert not vault.erase(DAY)


def test_an_erasure_counts_in_every_process_at_once(tmp_path: Path) -> None:
    first, second = Vault(tmp_path), Vault(tmp_path)
    sealed = first.seal(b"x", NOON)
    assert second.open(sealed) == b"x"
    first.erase(DAY)
    for act in (lambda: second.open(sealed), lambda: second.seal(b"y", NOON)):
        with pytest.raises(KeyErased):
            act()


def test_a_key_file_that_was_deleted_by_hand_is_an_erasure_of_what_it_sealed(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    sealed = vault.seal(b"x", NOON)
    (tmp_path / "daily" / "2024-06-01.key").unlink()
    with pytest.raises(KeyErased):
        vault.open(sealed)
    assert vault.open(vault.seal(b"y", NOON)) == b"y"
    with pytest.raises(KeyErased):
        vault.open(sealed)


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    Vault(tmp_path / "keys").seal(b"x", NOON)
    crypto.HubKey.load(tmp_path / "keys")
    files = [path for path in (tmp_path / "keys").rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {path.name for path in files} == {"2024-06-01.key", "b1.key", "hub.key", "hub.pub"}


def _race(folder: str, start: multiprocessing.synchronize.Event, out: multiprocessing.Queue[bytes]) -> None:
    start.wait(30)
    out.put(Vault(Path(folder)).seal(b"x", NOON))


def test_racing_processes_agree_on_one_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, out = context.Event(), context.Queue()
    processes = [context.Process(target=_race, args=(str(tmp_path), start, out)) for _ in range(4)]
    for process in processes:
        process.start()
    start.set()
    sealed = [out.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(30)
    vault = Vault(tmp_path)
    assert [vault.open(one) for one in sealed] == [b"x"] * 4
    assert [path.name for path in (tmp_path / "daily").iterdir()] == ["2024-06-01.key"]


def test_digests_are_keyed_and_name_their_key(tmp_path: Path) -> None:
    vault, other = Vault(tmp_path / "a"), Vault(tmp_path / "b")
    digest = vault.digest("buyer", "x")
    assert digest.startswith("b1:")
    assert len(digest) == 35
    assert digest == Vault(tmp_path / "a").digest("buyer", "x")
    assert len({digest, vault.digest("buyer", "y"), vault.digest("phone", "x"), other.digest("buyer", "x")}) == 4


def test_the_newest_digest_key_counts(tmp_path: Path) -> None:
    Vault(tmp_path)
    write_new(tmp_path / "digest" / "b10.key", bytes(32))
    write_new(tmp_path / "digest" / "b9.key", bytes(32))
    assert Vault(tmp_path).digest("buyer", "x").startswith("b10:")


def test_a_file_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "key"
    assert read_or_create(path, lambda: b"first") == b"first"
    assert read_or_create(path, lambda: b"second") == b"first"
    assert not write_new(path, b"third")
    assert [entry.name for entry in path.parent.iterdir()] == ["key"]


# ---- the hub's and hosted keys ----------------------------------------------------------------------------------


def test_the_hubs_key_stays_the_same(tmp_path: Path) -> None:
    key = crypto.HubKey.load(tmp_path)
    assert crypto.HubKey.load(tmp_path).id == key.id
    assert key.public.signed(key.id, key.sign(b"x"), b"x")
    assert not key.public.signed(key.id, key.sign(b"x"), b"y")


def test_a_renewed_key_signs_and_what_the_key_before_it_signed_stays_genuine(tmp_path: Path) -> None:
    first = crypto.HubKey.load(tmp_path)
    second = crypto.HubKey.renewed(tmp_path)
    found = crypto.HubKey.load(tmp_path)
    assert found.id == second.id != first.id
    assert found.public.ids == (second.id, first.id)
    published = crypto.PublicKeys.from_pem((tmp_path / "hub.pub").read_bytes())
    assert published.ids == found.public.ids
    for key in (first, second):
        assert published.signed(key.id, key.sign(b"x"), b"x")
    assert not published.signed(second.id, first.sign(b"x"), b"x"), "a key signs in its own name only"
    third = crypto.HubKey.renewed(tmp_path)
    assert crypto.HubKey.load(tmp_path).public.ids == (third.id, second.id, first.id)


def test_a_crash_between_publishing_a_key_and_using_it_leaves_the_one_in_use_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, write = crypto.HubKey.load(tmp_path), crypto.replace

    def killed(path: Path, content: bytes) -> None:
        if path.name == "hub.key":
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(crypto, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        crypto.HubKey.renewed(tmp_path)
    monkeypatch.undo()
    again = crypto.HubKey.load(tmp_path)
    assert again.id == again.public.ids[0] == first.id
    assert crypto.PublicKeys.from_pem((tmp_path / "hub.pub").read_bytes()).ids == again.public.ids


def test_of_keys_renewed_at_the_same_moment_none_is_forgotten(tmp_path: Path) -> None:
    crypto.HubKey.load(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        renewed = [pool.submit(crypto.HubKey.renewed, tmp_path) for _ in range(24)]
        loaded = [pool.submit(crypto.HubKey.load, tmp_path) for _ in range(24)]
        used = {one.result().id for one in (*renewed, *loaded)}
    found = crypto.HubKey.load(tmp_path)
    assert used <= set(found.public.ids)
    assert crypto.PublicKeys.from_pem((tmp_path / "hub.pub").read_bytes()).ids == found.public.ids


def test_a_file_that_could_not_be_replaced_leaves_nothing_of_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace(tmp_path / "hub.key", b"secret")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["hub.pub", "hub.key"])
def test_a_folder_that_cannot_be_written_is_told_and_the_key_in_use_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    first, write = crypto.HubKey.load(tmp_path), crypto.replace

    def denied(path: Path, content: bytes) -> None:
        if path.name == name:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        write(path, content)

    monkeypatch.setattr(crypto, "replace", denied)
    with pytest.raises(Misconfigured, match=r"cannot be written \(Read-only file system\)"):
        crypto.HubKey.renewed(tmp_path)
    monkeypatch.undo()
    assert crypto.HubKey.load(tmp_path).id == first.id


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_broken_file_of_public_keys_is_told_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    crypto.HubKey.load(tmp_path)
    (tmp_path / "hub.pub").write_bytes(content)
    with pytest.raises(Misconfigured, match=r"hub\.pub holds something else"):
        crypto.HubKey.load(tmp_path)
    assert (tmp_path / "hub.pub").read_bytes() == content


def test_a_former_key_whose_block_is_cut_short_is_not_forgotten_silently(tmp_path: Path) -> None:
    crypto.HubKey.load(tmp_path)
    crypto.HubKey.renewed(tmp_path)
    short = (tmp_path / "hub.pub").read_bytes()[:-10]
    (tmp_path / "hub.pub").write_bytes(short)
    with pytest.raises(Misconfigured, match=r"hub\.pub holds something else"):
        crypto.HubKey.load(tmp_path)
    assert (tmp_path / "hub.pub").read_bytes() == short


def test_a_broken_key_and_a_folder_without_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"holds no hub\.key"):
        crypto.HubKey.renewed(tmp_path)
    assert list(tmp_path.iterdir()) == [], "no key is made in a folder that is not the hub's"
    other = rsa.generate_private_key(65537, 2048)
    pem = other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for content in (b"", b"no key", pem):
        (tmp_path / "hub.key").write_bytes(content)
        with pytest.raises(Misconfigured, match=r"hub\.key"):
            crypto.HubKey.load(tmp_path)


def test_a_file_of_public_keys_may_have_other_line_ends_and_words_around_it(tmp_path: Path) -> None:
    key = crypto.HubKey.load(tmp_path)
    text = (tmp_path / "hub.pub").read_bytes()
    (tmp_path / "hub.pub").write_bytes(b"of the zone\r\n" + text.replace(b"\n", b"\r\n") + b"end")
    assert crypto.HubKey.load(tmp_path).public.ids == (key.id,)


def test_public_keys_are_ed25519_and_nothing_else(tmp_path: Path) -> None:
    crypto.HubKey.load(tmp_path)
    text = (tmp_path / "hub.pub").read_bytes()
    assert crypto.PublicKeys.from_pem(b"# of the zone\n" + text).pem() == text
    rsa_key = rsa.generate_private_key(65537, 2048).public_key()
    pem = rsa_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for wrong in (b"", b"no key", text[: len(text) // 2], text + pem, text + text[:-10]):
        with pytest.raises((TypeError, ValueError)):
            crypto.PublicKeys.from_pem(wrong)


def test_hosted_keys_are_issued_once_by_the_demo_authority(tmp_path: Path) -> None:
    authority = crypto.DemoAuthority(tmp_path)
    key = authority.hosted("agent")
    again = crypto.DemoAuthority(tmp_path).hosted("agent")
    assert again.certificate == key.certificate
    assert authority.hosted("carrier").fingerprint != key.fingerprint
    x509.load_der_x509_certificate(key.certificate).verify_directly_issued_by(authority.certificate)
    read = certificate(key.certificate)
    assert (read.bits, read.may_sign, read.serial, read.fingerprint) == (2048, True, key.serial, key.fingerprint)
    assert len(key.serial) == 16


def test_a_key_travels_as_pem(tmp_path: Path) -> None:
    key = crypto.DemoAuthority(tmp_path).hosted("agent")
    same = crypto.HostedKey.from_pem(key.private_pem().encode(), key.certificate_pem().encode())
    assert same.sign(b"x", "sha256") == key.sign(b"x", "sha256")
    assert same.certificate == key.certificate


@pytest.mark.parametrize("name", ["", "../hub", "a/b", ".hidden", "x" * 65])
def test_a_hosted_key_has_a_plain_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        crypto.DemoAuthority(tmp_path).hosted(name)


def test_api_keys_are_kept_as_hashes() -> None:
    key = crypto.new_api_key()
    kept = crypto.api_key_hash(key)
    assert key.startswith("hub_")
    assert len(key) >= 47
    assert crypto.is_api_key(key, kept)
    assert not crypto.is_api_key(key + "x", kept)
    assert not crypto.is_api_key("", kept)
    assert crypto.new_api_key() != key
