"""Who calls: an API key in the Authorization header, or a console session in a signed cookie."""

from __future__ import annotations

import base64
import hmac
from hashlib import sha256

from aiohttp import web

from hub.domain.credentials import ended_since
from hub.domain.faults import Refused, fault
from hub.domain.identity import identified
from hub.peer import fingerprint_of
from hub.web.ports import PARTS, Viewer

SESSION_COOKIE = "hub_session"
SESSION_MS = 12 * 3_600_000


def sign(secret: bytes, purpose: str, text: str) -> str:
    """A MAC of a text for one purpose."""
    return hmac.new(secret, f"{purpose}\x00{text}".encode("utf-8", "surrogatepass"), sha256).hexdigest()


def session_token(secret: bytes, name: str, now: int) -> str:
    """``name.expiry.mac``: the server keeps nothing, and asks for the principal and its keys anew at every request."""
    payload = f"{base64.urlsafe_b64encode(name.encode()).decode()}.{now + SESSION_MS}"
    return f"{payload}.{sign(secret, 'session', payload)}"


def session_of(secret: bytes, token: str, now: int) -> tuple[str, int] | None:
    """The principal of a token and when it was given (ms), or None where it is forged or over."""
    payload, _, mac = token.rpartition(".")
    if not token.isascii() or not hmac.compare_digest(mac.encode(), sign(secret, "session", payload).encode()):
        return None
    name, _, expiry = payload.partition(".")
    return (base64.urlsafe_b64decode(name).decode(), int(expiry) - SESSION_MS) if int(expiry) > now else None


def viewer_of(request: web.Request) -> Viewer | None:
    """The caller, or None where there is none who may act."""
    try:
        found = _found(request)
    except Refused:
        return None
    return None if found is None or found.suspended else found


def _found(request: web.Request) -> Viewer | None:
    """Who calls, suspended or not; Refused where a key or certificate is wrong: no cookie mends that.

    A client's certificate counts for the API only: a browser shows it by itself, on whatever page it is.
    """
    parts = request.app[PARTS]
    authorization = request.headers.get("Authorization", "")
    fingerprint = fingerprint_of(request) if request.path.startswith("/v1/") else ""
    if authorization or fingerprint:
        return identified(authorization, fingerprint, parts.by_key, parts.by_certificate, parts.why_not)
    token = request.cookies.get(SESSION_COOKIE)
    now = parts.clock.now()
    session = session_of(parts.session_secret, token, now) if token else None
    found = parts.by_name(session[0]) if session is not None else None
    # Nothing says by which of its keys a session was opened: once one of them is over, its holder signs in anew.
    return None if found is None or session is None or ended_since(found.keys, session[1], now) else found


def require(request: web.Request) -> Viewer:
    """The caller; 401 where there is none, refused where it is suspended."""
    viewer = _found(request)
    if viewer is None:
        raise web.HTTPUnauthorized
    if viewer.suspended:
        raise Refused([fault("access.suspended")])
    return viewer


def csrf(request: web.Request) -> str:
    """The token a form must send back: bound to the session, or before login to a random cookie."""
    bound = request.cookies.get(SESSION_COOKIE) or request.cookies.get("hub_form") or ""
    return sign(request.app[PARTS].session_secret, "csrf", bound)


def check_csrf(request: web.Request, given: str) -> None:
    """403 where a form was not ours."""
    bound = request.cookies.get(SESSION_COOKIE) or request.cookies.get("hub_form")
    if not bound or not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), csrf(request).encode()):
        raise web.HTTPForbidden
