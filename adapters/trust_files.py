"""The files that say whom to trust: certificates of authorities and their revocation lists, read anew when they change."""

from __future__ import annotations

import logging
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

from adapters.trust import Trust
from hub.domain.faults import Misconfigured

_log = logging.getLogger(__name__)

#: Files of a folder and bytes of one that are read.
MOST_FILES, MOST_BYTES = 1_000, 64 << 20
_BLOCK = re.compile(rb"-----BEGIN (X509 CRL|(?:TRUSTED |X509 )?CERTIFICATE)-----(.*?)-----END \1-----", re.DOTALL)

#: What tells whether a file is another: its path, when it was changed, its size.
_Stamp = tuple[str, int, int]


class TrustFiles:
    """``trust`` as the files were when they were last looked at.

    ``anchors``: a file or a folder of certificates, PEM or DER; ``lists``: a file or a folder of revocation lists, None
    where revocation is not asked. Raises Misconfigured where there is no anchor.
    """

    def __init__(self, anchors: Path, lists: Path | None, *, sha1: bool, refuse_stale: bool) -> None:
        self._anchors, self._lists = anchors, lists
        self._sha1, self._refuse_stale = sha1, refuse_stale
        self._seen = self._stamps()
        self.trust = self._read()

    def look(self) -> bool:
        """Read the files anew if they are others than before; whether they were and could be used.

        Where they cannot be, the former trust stays, and it is logged once.
        """
        try:
            stamps = self._stamps()
            if stamps == self._seen:
                return False
            self._seen = stamps
            self.trust = self._read()
        except (Misconfigured, OSError) as error:
            _log.warning("trust stays as it was: %s", error)
            return False
        return True

    def _stamps(self) -> list[_Stamp]:
        stamps = []
        for path in (*_files(self._anchors), *_files(self._lists)):
            try:
                found = path.stat()
            except OSError:  # gone since the folder was read
                continue
            stamps.append((str(path), found.st_mtime_ns, found.st_size))
        return stamps

    def _read(self) -> Trust:
        lists = [der for path in _files(self._lists) for der in _ders(path)] if self._lists is not None else None
        authorities = [der for path in _files(self._anchors) for der in _ders(path)]
        trust = Trust(authorities, lists, sha1=self._sha1, refuse_stale=self._refuse_stale)
        for problem in trust.problems:
            _log.warning("%s", problem)
        return trust


def _files(place: Path | None) -> list[Path]:
    """The file, or the files of the folder that do not begin with a dot, by name."""
    if place is None:
        return []
    if not place.is_dir():
        return [place]
    return sorted(path for path in place.iterdir() if path.is_file() and not path.name.startswith("."))[:MOST_FILES]


def _ders(path: Path) -> Iterator[bytes]:
    """What a file holds: each block of PEM, or the file itself as DER. Raises Misconfigured where it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Misconfigured([f"{path}: {error.strerror}"]) from error
    if len(data) > MOST_BYTES:
        raise Misconfigured([f"{path} is larger than {MOST_BYTES >> 20} MB"])
    if b"-----BEGIN" not in data:
        yield data
        return
    for _, body in _BLOCK.findall(data):
        try:
            yield b64decode(b"".join(body.split()), validate=True)
        except ValueError as error:
            raise Misconfigured([f"{path}: a block is not Base64"]) from error
