"""Rendering of the console's pages: templates, language, security headers."""

from __future__ import annotations

from functools import cache
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from hub.web import reference, sight, words
from hub.web.auth import csrf, viewer_of

#: No inline scripts or styles, nothing from elsewhere, no frames around us.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


@cache
def environment() -> Environment:
    """Templates with escaping always on; an unknown name is an error, not a blank."""
    made = Environment(
        loader=PackageLoader("hub.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["china"] = words.china_time
    made.filters["in_china"] = words.in_china
    made.filters["together"] = _together
    made.filters["field_page"] = reference.address_of
    return made


def _together(timeline: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines of several documents that say the same at the same time, as one line with ``documents``."""
    lines: dict[tuple[str, ...], dict[str, Any]] = {}
    for line in timeline:
        key = tuple(line[name] for name in ("at", "by", "what", "detail"))
        lines.setdefault(key, line | {"documents": []})["documents"].append(line["document"])
    return list(lines.values())


def language_of(request: web.Request) -> str:
    """``zh`` or ``en``: the one chosen, else the browser's first of the two."""
    chosen = request.query.get("lang") or request.cookies.get("hub_lang", "")
    if chosen in ("zh", "en"):
        return chosen
    accepted = request.headers.get("Accept-Language", "en").lower()
    return "zh" if accepted.startswith("zh") else "en"


def render(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    """A page in the reader's language."""
    language, viewer = language_of(request), viewer_of(request)
    place = words.index(language)
    text = (
        environment()
        .get_template(template)
        .render(
            lang=language,
            viewer=viewer,
            officer=viewer is not None and sight.is_officer(viewer),
            watcher=viewer is not None and sight.watches(viewer),
            path=request.path,
            address=str(request.rel_url),
            csrf=csrf(request),
            sentences=words.sentences,
            t=lambda english, chinese: (english, chinese)[place],
            state=lambda word: words.say(words.STATES, word, language),
            code_text=lambda code: words.code_text(code, language),
            kind=lambda word: words.say(words.KINDS, word, language),
            event=lambda word: words.event_text(word, language),
            actor=lambda word: words.say(words.ACTORS, word, language),
            awaited=lambda what: words.awaited_text(what, language),
            fact_name=lambda name: words.fact_name(name, language),
            fact=lambda name, value: words.fact_text(name, value, language),
            needed=lambda word: words.NEEDS[word][0][place] if word in words.NEEDS else word,
            next_step=lambda word: words.NEEDS[word][1][place] if word in words.NEEDS else "",
            number_name=lambda name: words.number_name(name, language),
            way=lambda mt: words.way(mt, language),
            in_list=lambda name, code: words.listed(name, code, language),
            **values,
        )
    )
    response = web.Response(status=status, text=text, content_type="text/html", charset="utf-8")
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Cache-Control"] = "no-store"
    if request.query.get("lang") in ("zh", "en"):
        response.set_cookie("hub_lang", language, max_age=31_536_000, samesite="Lax", path="/")
    return response
