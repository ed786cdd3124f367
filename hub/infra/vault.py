"""Content under daily keys, and keyed digests of personal data.

What is sealed: ``version (1 byte) · key id (8) · nonce (12) · AES-256-GCM of the zstd-compressed content``.
The key id is the day (China time, days since 1970, 4 bytes) and the first four bytes of the key's SHA-256;
version, key id and purpose are authenticated. A day's key is a file; destroying it makes everything sealed
that day unreadable, wherever copies of it lie. Digests are keyed BLAKE2b (RFC 7693) with the id of their key in front, so
that keys can change between years.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
import threading
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.domain.faults import Erased, HubError, Refused, fault
from hub.infra.keyfiles import one_at_a_time, read_or_create, replace, sync_folder, write_new

_VERSION = 1
_HEAD = struct.Struct(">BI4s")
_NONCE = 12
_OVERHEAD = _HEAD.size + _NONCE + 16
_CHINA = timedelta(hours=8)
_EPOCH = date(1970, 1, 1).toordinal()
_DAY_MS = 86_400_000
_LEVEL = 1
#: Nothing the hub seals is larger; a bound for what opening may take.
_MAX_CONTENT = 256 * 1024 * 1024


class KeyErased(Erased):
    """The content's daily key was destroyed (or is not in this key folder): it can never be read again here."""

    def __init__(self, day: date) -> None:
        self.day = day
        super().__init__(f"the key of {day.isoformat()} is gone; what was sealed under it cannot be read")


class Tampered(HubError):  # noqa: N818 - the same
    """The bytes are not what was sealed: cut, changed, or sealed for another purpose."""


class _DailyKey:
    """A day's key in memory: cipher and id."""

    __slots__ = ("cipher", "head", "path")

    def __init__(self, path: Path, day: int, key: bytes) -> None:
        self.path = path
        self.cipher = AESGCM(key)
        self.head = _HEAD.pack(_VERSION, day, hashlib.sha256(key).digest()[:4])


class Vault:
    """Seals and opens content, and makes digests; safe for threads and for processes that share the folder."""

    def __init__(self, keys: Path) -> None:
        self._daily = keys / "daily"
        self._digests = keys / "digest"
        self._keys: dict[int, _DailyKey] = {}
        self._thread = threading.local()
        self._digest_id, self._digest_key = self._newest_digest_key()

    # ---- content
    # ------------------------------------------------------------------------------------------------

    def seal(self, data: bytes, at: int, purpose: bytes = b"") -> bytes:
        """``data`` compressed and encrypted under the key of the day (China time) of ``at`` (milliseconds).

        Raises KeyErased if that day's key was destroyed.
        """
        key = self._key((at + 28_800_000) // _DAY_MS, make=True)
        nonce = os.urandom(_NONCE)
        packed = self._compressor().compress(data)
        return key.head + nonce + key.cipher.encrypt(nonce, packed, key.head + purpose)

    def open(self, sealed: bytes, purpose: bytes = b"") -> bytes:
        """What was sealed; raises KeyErased or Tampered."""
        if len(sealed) < _OVERHEAD or sealed[0] != _VERSION:
            raise Tampered("not something this vault sealed")
        head = sealed[: _HEAD.size]
        _, day, _ = _HEAD.unpack(head)
        key = self._key(day, make=False)
        if key.head != head:
            raise KeyErased(_date(day))
        nonce, body = sealed[_HEAD.size : _HEAD.size + _NONCE], sealed[_HEAD.size + _NONCE :]
        try:
            packed = key.cipher.decrypt(nonce, body, head + purpose)
        except InvalidTag:
            raise Tampered("the sealed bytes were changed, or sealed for another purpose") from None
        return self._decompressor().decompress(packed, max_output_size=_MAX_CONTENT)

    def erase(self, day: date) -> bool:
        """Destroy the key of a day for good; False if there was none. The day cannot be sealed for again.

        Refused (``access.key_held``) while somebody holds the day. Ended half-way it can be repeated.
        """
        with one_at_a_time(self._daily):
            if self.held(day) is not None:
                raise Refused([fault("access.key_held", day=day.isoformat())])
            return self._erase(day)

    def _erase(self, day: date) -> bool:
        path = self._path(day.toordinal() - _EPOCH)
        write_new(path.with_suffix(".erased"), b"")
        self._keys.pop(day.toordinal() - _EPOCH, None)
        try:
            with path.open("r+b") as file:
                file.write(bytes(32))
                os.fsync(file.fileno())
            path.unlink()
        except FileNotFoundError:
            return False
        sync_folder(path.parent)
        return True

    def hold(self, day: date, reason: str) -> None:
        """Keep the key of a day from being erased until ``release``; the newest reason counts.

        Refused (``access.key_gone``) where the key is not there any more.
        """
        with one_at_a_time(self._daily):
            path = self._path(day.toordinal() - _EPOCH)
            if not path.exists() or path.with_suffix(".erased").exists():
                raise Refused([fault("access.key_gone", day=day.isoformat())])
            replace(path.with_suffix(".held"), reason.encode())

    def release(self, day: date) -> bool:
        """End a hold; False where there was none."""
        with one_at_a_time(self._daily):
            mark = self._path(day.toordinal() - _EPOCH).with_suffix(".held")
            if not mark.exists():
                return False
            mark.unlink()
            sync_folder(mark.parent)
            return True

    def held(self, day: date) -> str | None:
        """Why a day is held, None where it is not."""
        try:
            return self._path(day.toordinal() - _EPOCH).with_suffix(".held").read_text("utf-8")
        except FileNotFoundError:
            return None

    def erased(self) -> list[date]:
        """The days whose keys were destroyed, oldest first."""
        return sorted(date.fromisoformat(path.stem) for path in self._daily.glob("*.erased"))

    def days(self) -> list[date]:
        """The days whose keys exist, oldest first."""
        return sorted(date.fromisoformat(path.stem) for path in self._daily.glob("*.key"))

    def _key(self, day: int, make: bool) -> _DailyKey:
        """A day's key. The file is looked for each time (1 µs), so that an erasure counts in every process at
        once.
        """
        key = self._keys.get(day)
        path = key.path if key is not None else self._path(day)
        if key is not None and _exists(path):
            return key
        if (not make and not path.exists()) or path.with_suffix(".erased").exists():
            self._keys.pop(day, None)
            raise KeyErased(_date(day))
        key = self._keys[day] = _DailyKey(path, day, read_or_create(path, lambda: secrets.token_bytes(32)))
        return key

    def _path(self, day: int) -> Path:
        return self._daily / f"{_date(day).isoformat()}.key"

    def _compressor(self) -> zstandard.ZstdCompressor:
        """The compressor of the thread: they are not safe to share."""
        compressor: zstandard.ZstdCompressor | None = getattr(self._thread, "compressor", None)
        if compressor is None:
            compressor = self._thread.compressor = zstandard.ZstdCompressor(level=_LEVEL)
        return compressor

    def _decompressor(self) -> zstandard.ZstdDecompressor:
        decompressor: zstandard.ZstdDecompressor | None = getattr(self._thread, "decompressor", None)
        if decompressor is None:
            decompressor = self._thread.decompressor = zstandard.ZstdDecompressor()
        return decompressor

    # ---- digests
    # ------------------------------------------------------------------------------------------------

    def digest(self, kind: str, value: str) -> str:
        """``<key id>:<32 hexadecimal digits>``, the same for the same kind and value while the key is in
        force.
        """
        mac = blake2b(f"{kind}\0{value}".encode(), key=self._digest_key, digest_size=16)
        return f"{self._digest_id}:{mac.hexdigest()}"

    def lot(self, about: str) -> int:
        """The lot of ``about``, 0 to 99,999: the same while the key is in force, and nobody can tell it without the key."""
        mac = blake2b(about.encode(), key=self._digest_key, digest_size=8, person=b"lot")
        return int.from_bytes(mac.digest()) % 100_000

    def _newest_digest_key(self) -> tuple[str, bytes]:
        """The digest key with the highest number: ``digest/b<n>.key``; the first is made when there is none."""
        numbers = [int(path.stem[1:]) for path in self._digests.glob("b*.key") if path.stem[1:].isdigit()]
        name = f"b{max(numbers, default=1)}"
        return name, read_or_create(self._digests / f"{name}.key", lambda: secrets.token_bytes(32))


def china_day(at: int) -> date:
    """The calendar day in China of a time in milliseconds."""
    return (datetime.fromtimestamp(at / 1000, UTC) + _CHINA).date()


def _date(day: int) -> date:
    try:
        return date.fromordinal(day + _EPOCH)
    except (ValueError, OverflowError):
        raise Tampered("the key id names no day") from None


def _exists(path: Path) -> bool:
    try:
        os.stat(path)  # noqa: PTH116 - a third of the cost of Path.stat
    except FileNotFoundError:
        return False
    return True
