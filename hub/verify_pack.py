"""Checking an evidence pack without the hub: the signed manifest, every file, every acknowledgement, message and chain."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence

import msgspec
from cryptography import x509

from hub.domain import pack
from hub.domain.pack import Manifest, Part
from hub.infra.crypto import PublicKeys
from hub.verify import Verdict, VerifiedStep, by_unknown_key, verify_acknowledgement, with_chinese
from hub.verify_evidence import is_unknown, notes_of, steps_of, verify_covered, walk_file

_SENTENCES: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "pack": (
        ("The zip can be read and has a manifest.", "压缩包可读取并含有清单。"),
        ("This is not an evidence pack, or it cannot be read.", "不是证据包，或无法读取。"),
    ),
    "manifest": (
        ("The hub's key signed the manifest.", "清单由本平台密钥签名。"),
        ("The manifest was not signed by this key, or was changed after it.", "清单不是由该密钥签名，或签名后被改动。"),
    ),
    "files": (
        ("Every file is the one in the manifest, and there is no other.", "每个文件均与清单一致，且没有多余文件。"),
        ("A file is missing, changed, or not in the manifest.", "有文件缺失、被改动或不在清单中。"),
    ),
}
#: Why it cannot be read, in Chinese.
_REASONS = {
    "too large": "文件过多或过大",
    "a name that no pack has": "文件名不符合证据包规范",
    "packed in a way that no pack is": "压缩方式不符合证据包规范",
    "an unknown form": "未知的证据包格式",
}
_NAME = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?")


def is_pack(data: bytes) -> bool:
    """Whether a file looks like a zip."""
    return data[:4] == b"PK\x03\x04"


def verify_pack(data: bytes, public: PublicKeys, issuers: Sequence[x509.Certificate] = ()) -> Verdict:
    """Check all of a pack; the last step is the first that failed, if any did. ``issuers`` as in ``verify_chain``."""
    try:
        files = _files(data)
        manifest = msgspec.json.decode(files[pack.MANIFEST], type=Manifest)
        if manifest.format != pack.FORMAT:
            return _verdict([_step("pack", ok=False, detail=with_chinese(f"{manifest.format!r}: an unknown form", _REASONS))])
    except (ValueError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        return _verdict([_step("pack", ok=False, detail=with_chinese(f"{type(error).__name__}: {error}", _REASONS, "压缩包或清单无法解析"))])
    steps = [_step("pack", ok=True, detail=f"{manifest.declaration}, {len(manifest.submissions)} submissions")]
    signed = public.signed(manifest.key, files.get(pack.SIGNATURE, b""), pack.signed_bytes(files[pack.MANIFEST]))
    steps.append(_step("manifest", ok=signed, detail=manifest.key))
    if manifest.key not in public:
        message, message_zh = by_unknown_key("The manifest", "清单")
        steps[-1] = msgspec.structs.replace(steps[-1], message=message, message_zh=message_zh)
    if steps[-1].ok:
        wrong = _wrong_file(manifest, files)
        steps.append(_step("files", ok=not wrong, detail=wrong or f"{len(manifest.files)} files"))
    notes: list[tuple[str, str]] = []
    for part in manifest.submissions:
        if not steps[-1].ok:
            break
        notes += [(f"{part.submission}: missing: {what}", f"{part.submission}：缺少：{pack.chinese(what)}") for what in part.missing]
        found, said = _part(part, files, public, issuers)
        steps += found
        notes += said
    return _verdict(steps, list(dict.fromkeys(notes)))


def _part(
    part: Part, files: Mapping[str, bytes], public: PublicKeys, issuers: Sequence[x509.Certificate]
) -> tuple[list[VerifiedStep], list[tuple[str, str]]]:
    """The steps of one submission, each named with it, up to the one that failed."""
    if not part.acknowledgement:
        return [], []
    acknowledgement = files[part.acknowledgement]
    verdict = verify_acknowledgement(acknowledgement, public, files[part.original] if part.original else None)
    steps, notes = list(verdict.steps), list[tuple[str, str]]()
    if steps[-1].ok and part.evidence:
        walked = walk_file(files[part.evidence].splitlines(), public, issuers, acknowledgement)
        steps += steps_of(walked)
        notes += notes_of(walked)
        if not walked.broken:
            steps.append(verify_covered(acknowledgement, walked))
    return [msgspec.structs.replace(step, detail=f"{part.submission}: {step.detail}") for step in steps], notes


def _files(data: bytes) -> dict[str, bytes]:
    """The files of a zip, within the bounds; raises ValueError and what zipfile raises."""
    found: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
        if len(infos) > pack.MOST_FILES or sum(info.file_size for info in infos) > pack.MOST_BYTES:
            raise ValueError("too large")
        for info in infos:
            if not _NAME.fullmatch(info.filename) or info.filename in found:
                raise ValueError("a name that no pack has")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError("packed in a way that no pack is")  # and whose unpacker has errors and a memory of its own
            with archive.open(info) as file:
                found[info.filename] = file.read(info.file_size + 1)
    return found


def _wrong_file(manifest: Manifest, files: Mapping[str, bytes]) -> str:
    """The first file that is not as the manifest says, or is not in it; empty where all are."""
    named = {entry.name: entry for entry in manifest.files}
    for name, entry in named.items():
        body = files.get(name)
        if body is None or len(body) != entry.size or hashlib.sha256(body).hexdigest() != entry.sha256:
            return name
    used = {name for part in manifest.submissions for name in (part.acknowledgement, part.original, part.evidence)} - {""}
    return next(iter(sorted((files.keys() - named.keys() - {pack.MANIFEST, pack.SIGNATURE}) | (used - named.keys()))), "")


def _verdict(steps: list[VerifiedStep], notes: Sequence[tuple[str, str]] = ()) -> Verdict:
    return Verdict("pack", steps[-1].ok, tuple(steps), tuple(notes), is_unknown(steps))


def _step(name: str, ok: bool, detail: str = "") -> VerifiedStep:
    message, message_zh = _SENTENCES[name][0 if ok else 1]
    return VerifiedStep(name, ok, message, message_zh, detail)
