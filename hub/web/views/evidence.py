"""The evidence pack of a declaration: everything that proves what was received of it and what became of it, for the caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
from aiohttp import web

from hub import codec, topics
from hub.domain import pack
from hub.domain.events import Status
from hub.domain.faults import Erased, Unavailable
from hub.domain.reading import Place
from hub.web import acting, sight, story
from hub.web.auth import require
from hub.web.ports import PARTS, Viewer
from hub.web.prover import Prover
from hub.web.views.common import eventually, path_text

routes = web.RouteTableDef()

#: Submissions of a pack at most, and bytes of their messages.
MOST_SUBMISSIONS, MOST_ORIGINALS = 60, 64 << 20
#: Packs that a process makes at a time, each some hundred megabytes at worst, and seconds others wait.
AT_ONCE, PATIENCE = 2, 20.0


class Packs:
    """Places to make a pack: one of each account, so that nobody keeps others from theirs, and so many in all."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(AT_ONCE)
        self._own: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def place(self, name: str) -> AsyncIterator[None]:
        """A place while the block runs; Unavailable where none comes free in time."""
        async with AsyncExitStack() as places:
            try:
                async with asyncio.timeout(PATIENCE):
                    await places.enter_async_context(self._own.setdefault(name, asyncio.Lock()))
                    await places.enter_async_context(self._all)
            except TimeoutError as error:
                raise Unavailable("a place for another evidence pack") from error
            yield


PACKS: web.AppKey[Packs] = web.AppKey("packs", Packs)


@routes.get("/v1/declarations/{key:.+}/evidence")
async def evidence(request: web.Request) -> web.Response:
    """A zip: acknowledgements, proofs, time stamps, statuses, and the messages the caller may read; verifies offline."""
    viewer, parts = require(request), request.app[PARTS]
    prover, key = parts.prover, path_text(request, "key")
    found = await eventually(lambda: story.find(parts.read, viewer, key))
    if found is None:
        raise web.HTTPNotFound
    if prover is None:
        raise web.HTTPServiceUnavailable
    making = _Making(request, viewer, prover, found)
    async with request.app[PACKS].place(viewer.name):
        body = await making.made()
    name = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in making.key)
    headers = {"Content-Disposition": f'attachment; filename="evidence-{name}.zip"', "Cache-Control": "no-store"}
    return web.Response(body=body, content_type="application/zip", headers=headers)


class _Making:
    """One pack while it is made."""

    def __init__(self, request: web.Request, viewer: Viewer, prover: Prover, found: story.Story) -> None:
        self._request, self._viewer, self._prover, self._found = request, viewer, prover, found
        self._parts = request.app[PARTS]
        self.key = story.business(found.subject.key)
        self._files: dict[str, bytes] = {}
        self._room = MOST_ORIGINALS

    async def made(self) -> bytes:
        documents = {
            status.submission: status for status in self._found.documents if status.submission and sight.may_read(self._viewer, status)
        }
        seen = []
        for submission, status in list(documents.items())[:MOST_SUBMISSIONS]:
            located = await self._parts.read.submission(submission)
            if located is not None and sight.may_see_submission(self._viewer, located[0]):
                seen.append((status, located[0].principal, located[1]))
        others = [principal for _, principal, _ in seen if not sight.may_read_bytes(self._viewer, principal)]
        unmasking = bool(others) and sight.may_unmask(self._viewer) and acting.has_purpose(self._request)
        if unmasking:
            await acting.unmask(self._request, self._viewer, self.key, ", ".join(sorted(set(others))))
        submissions = [await self._submission(status, principal, place, unmasking) for status, principal, place in seen]
        return await self._packed(submissions, unmasked=any(part.original for part in submissions))

    async def _submission(self, status: Status, principal: str, place: Place, unmasking: bool) -> pack.Part:
        """What there is of a submission, put among the files."""
        name, missing = status.submission, []
        value = await self._parts.records.read(topics.SUBMISSIONS, place)
        if value is None:
            return pack.Part(name, missing=("record",))
        record = codec.submission_record(value)
        self._files[f"acknowledgements/{name}.json"] = record.acknowledgement
        original = proof = ""
        if not unmasking and not sight.may_read_bytes(self._viewer, principal):
            missing.append("original: not for this reader without a purpose")
        else:
            body, why = self._opened(record.received)
            if why:
                missing.append(f"original: {why}")
            else:
                original = f"originals/{name}"
                self._files[original] = body
        lines = await self._prover.proof(place, status.received_at)
        if lines:
            proof = f"evidence/{name}.jsonl"
            self._files[proof] = b"\n".join(lines) + b"\n"
        else:
            missing.append("evidence: under no root yet")
        return pack.Part(name, f"acknowledgements/{name}.json", original, proof, tuple(missing))

    def _opened(self, sealed: bytes) -> tuple[bytes, str]:
        """(the message, why there is none)."""
        try:
            body = self._parts.sealer.open(sealed)
        except Erased:
            return b"", "erased"
        if len(body) > self._room:
            return b"", "too large for a pack"
        self._room -= len(body)
        return body, ""

    async def _packed(self, submissions: list[pack.Part], unmasked: bool) -> bytes:
        now = self._parts.clock.now()
        self._files["declaration.json"] = msgspec.json.encode(story.declaration_json(self._viewer, self._found, now))
        if self._found.assessment is not None:  # as the declaration shows it: what else a rule read may be of documents not this reader's
            self._files["assessment.json"] = msgspec.json.encode(story.assessment_json(self._found.assessment))
        manifest = pack.Manifest(
            pack.FORMAT, self.key, self._viewer.name, now, unmasked, self._prover.key_id, (), tuple(submissions)
        )
        self._files[pack.KEY] = self._prover.public_pem
        self._files[pack.README] = pack.readme(manifest).encode()
        return await asyncio.to_thread(pack.packed, manifest, self._files, self._prover.sign)

