"""Time stamps after RFC 3161: asked of an authority over HTTP, and checked by whom its certificate comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import aiohttp
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from hub.domain.faults import Unavailable

_ASKED, _ANSWERED = "application/timestamp-query", "application/timestamp-reply"
#: Bytes of an answer at most: a signature and a few certificates.
MOST_BYTES = 32_768


class Authority:
    """A time-stamping authority. ``stamp`` until ``close``."""

    def __init__(self, url: str, issuers: Sequence[x509.Certificate], seconds: float = 10.0) -> None:
        self._url, self._issuers = url, tuple(issuers)
        self._timeout = aiohttp.ClientTimeout(total=seconds)
        self._session: aiohttp.ClientSession | None = None

    async def stamp(self, data: bytes) -> bytes:
        """The authority's response (DER) that stamps the SHA-256 of the data, checked; raises Unavailable."""
        asked = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build()
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        try:
            async with self._session.post(
                self._url, data=asked.as_bytes(), headers={"Content-Type": _ASKED, "Accept": _ANSWERED}, allow_redirects=False
            ) as answer:
                token = b""
                async for part in answer.content.iter_chunked(8192):
                    token += part
                    if len(token) > MOST_BYTES:
                        break
                if answer.status != 200 or len(token) > MOST_BYTES:
                    raise Unavailable(f"the time-stamping authority ({answer.status})")
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Unavailable("the time-stamping authority") from error
        if why := check(token, data, self._issuers, asked):
            raise Unavailable(f"the time-stamping authority ({why})")
        return token

    async def close(self) -> None:
        """End the connections."""
        if self._session is not None:
            await self._session.close()


def check(token: bytes, data: bytes, issuers: Sequence[x509.Certificate], asked: TimeStampRequest | None = None) -> str:
    """Why a response does not stamp the data under one of the issuers, or empty."""
    try:
        response = decode_timestamp_response(token)
        builder = VerifierBuilder.from_request(asked) if asked is not None else VerifierBuilder(roots=[])
        for issuer in issuers:
            builder = builder.add_root_certificate(issuer)
        builder.build().verify(response, hashlib.sha256(data).digest())
    except VerificationError as error:
        return str(error)
    except ValueError as error:
        return f"not a time stamp: {error}"
    return ""


def stamped_at(token: bytes) -> int:
    """The time in a response, ms since the epoch; raises ValueError."""
    response: TimeStampResponse = decode_timestamp_response(token)
    return round(response.tst_info.gen_time.timestamp() * 1000)
