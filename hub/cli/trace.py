"""``hub trace``: the whole story of a declaration, document or submission in a terminal."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any
from unicodedata import east_asian_width

import click

from hub.cli.reach import Reach, language, path_of
from hub.web import words

_COLOURS = {
    "released": "green",
    "closed": "green",
    "rejected": "red",
    "not handed over": "red",
    "refused": "red",
    "processing error": "red",
    "waiting": "yellow",
    "flagged": "yellow",
    "held": "yellow",
    "expired": "yellow",
}
Story = dict[str, Any]


@click.command("trace")
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; with --follow one each time something changes.")
@click.option("--follow", is_flag=True, help="Stay, and print what is new, until customs is done (released, closed, returned).")
@click.option("--seconds", type=float, default=3600, show_default=True, help="With --follow: stay no longer than this.")
@click.option("--url", help="Address of the hub (default: where this machine's hub listens).")
@click.option("--as", "who", help="Principal of the sandbox that asks (default: HUB_API_KEY, else office).")
@click.option("--language", "tongue", type=click.Choice(["en", "zh"]), help="Default: the terminal's.")
@click.pass_context
def command(
    ctx: click.Context,
    key: str,
    *,
    as_json: bool,
    follow: bool,
    seconds: float,
    url: str | None,
    who: str | None,
    tongue: str | None,
) -> None:
    """Tell the whole story: any number will do (copNo, order, preNo, invtNo, waybill, submission id).

    Example: hub trace 9901D00005:COP0001 --follow
    """
    reach, speaks = Reach(ctx, url, who, "office"), tongue or language()
    status, story = reach.get(f"/v1/declarations/{path_of(key)}")
    if status == 404:
        _submission(reach, key, as_json, speaks)
        return
    _must(status, story)
    if not follow:
        click.echo(json.dumps(story, ensure_ascii=False) if as_json else "\n".join(told(story, speaks)))
        return
    _follow(reach, key, story, as_json, speaks, seconds)


def _must(status: int, body: Story) -> None:
    if status != 200:
        raise click.ClickException(f"{status} {body.get('detail', '')}".strip())


def _submission(reach: Reach, key: str, as_json: bool, speaks: str) -> None:
    """A submission of which nothing is a document here: refused, or not registered yet."""
    status, found = reach.get(f"/v1/submissions/{path_of(key)}")
    if status == 404:
        raise click.ClickException(f"there is nothing under {key} that this account may see")
    _must(status, found)
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(told_submission(found, speaks)))


def _follow(reach: Reach, key: str, story: Story, as_json: bool, speaks: str, seconds: float) -> None:
    deadline, last = time.monotonic() + seconds, ""
    printed: Counter[str] = Counter()
    while True:
        shown = json.dumps(story, ensure_ascii=False)
        if as_json and shown != last:
            click.echo(shown)
        elif not as_json:
            # By content: what comes late may stand before what was printed.
            told_now = Counter(timeline_line(line, speaks) for line in story["timeline"])
            click.echo("".join(f"{line}\n" for line in (told_now - printed).elements()), nl=False)
            printed |= told_now
        last = shown
        if is_over(story) or time.monotonic() > deadline:
            break
        time.sleep(0.5)
        status, story = reach.get(f"/v1/declarations/{path_of(key)}")
        _must(status, story)
    if not as_json:
        click.echo("\n".join(told(story, speaks, timeline=False)))


def is_over(story: Story) -> bool:
    """Nothing more is to come: customs is done and nothing awaited, or the document is out of the running."""
    if story["kind"] != "declaration" and story["match"]["state"] == "waiting":
        return False
    done = {"700", "800", "899"} if story["kind"] == "declaration" else {"120", "399", "700", "800", "899"}
    if story["kind"] not in _STORED_IS_OVER:
        done -= {"120"}
    return story["status"]["code"] in done or story["status"]["state"] in ("withdrawn", "superseded")


#: Kinds that end when customs has stored them.
_STORED_IS_OVER = frozenset({"declaration", "order", "payment", "collection", "waybill", "waybill_status"})


def told(story: Story, speaks: str, *, timeline: bool = True) -> list[str]:
    """The story as lines for a terminal."""
    status, at = story["status"], words.index(speaks)
    head = f"{words.say(words.KINDS, story['kind'], speaks)} {click.style(story['key'], bold=True)}"
    if story.get("message"):
        head += click.style(f" {story['message']}", dim=True)
    lines = [
        f"{head}  {_state(status['state'], speaks)}{_code(status['state'], status['code'], speaks)}",
        *_answer(status, speaks),
        f"{('whose turn', '由谁处理')[at]}: {words.say(words.ACTORS, story['turn'], speaks)}",
    ]
    if story["need"] in words.NEEDS:
        lines.append(f"  {words.NEEDS[story['need']][1][at]}")
    if story["match"]["awaited"] and story["match"]["state"] in ("waiting", "expired"):
        kinds = ", ".join(words.awaited_text(kind, speaks) for kind in story["match"]["awaited"])
        lines.append(f"  {('awaited', '待到')[at]}: {kinds}")
    lines += _numbers(story, speaks)
    lines += _facts(story, speaks)
    lines += ["", ("documents", "单证")[at]]
    for document in story["documents"]:
        kind = _padded(words.say(words.KINDS, document["kind"], speaks), 12)
        lines.append(
            f"  {kind} {document['key']}  {_state(document['state'], speaks)}{_code(document['state'], document['code'], speaks)}"
        )
        faults = document["faults"] + (document["differences"] if document["key"] != story["key"] else [])
        lines += [_fault(fault, speaks) for fault in faults]
    lines += [_fault(fault, speaks) for fault in (*story["match"]["differences"], *story["match"].get("notes", ()))]
    lines += _parcels(story, speaks)
    if timeline:
        lines += ["", f"{('timeline', '时间线')[at]} ({('China time', '北京时间')[at]})"]
        lines += [timeline_line(line, speaks) for line in story["timeline"]]
    if story["handovers"]:
        lines += ["", ("hand-overs", "移交")[at]]
        for one in story["handovers"]:
            lines += [_hand_over(one, speaks), *_answer(one, speaks)]
    return lines + _findings(story, speaks)


def _answer(said: Story, speaks: str) -> list[str]:
    """Customs' or the exchange platform's answer explained, and what to do next, where it is known."""
    if "explanation" not in said:
        return []
    names = ("explanation_zh", "next_zh") if speaks == "zh" else ("explanation", "next")
    own = [said["text"]] if said.get("text", "") not in ("", said["explanation"]) else []
    return [f"  {text}" for text in (*own, words.sentences(*(said[name] for name in names)))]


def _numbers(story: Story, speaks: str) -> list[str]:
    """The numbers by which others know it: what follows it is made with them."""
    names = [name for name in story.get("keys", {}) if name not in words.KINDS and name != "ebpCode"]
    if not names:
        return []
    width = max(len(name) for name in names) + (18 if speaks == "zh" else 2)
    head = ("numbers", "号码")[words.index(speaks)]
    return ["", head, *(f"  {_padded(words.number_name(name, speaks), width)} {story['keys'][name]}" for name in names)]


def _facts(story: Story, speaks: str) -> list[str]:
    """What is known beside the status, with the days that are left."""
    facts, at = story.get("facts") or {}, words.index(speaks)
    if not facts:
        return []
    lines = ["", ("facts", "办理情况")[at]]
    for name, value in facts.items():
        left = story["days_left"].get(name)
        days = ""
        if left is not None:
            count = (f"{left} day{'' if left == 1 else 's'} left", f"剩余 {left} 天")[at]
            days = f"  ({count})" if left >= 0 else f"  ({('overdue', '已逾期')[at]})"
        lines.append(f"  {_padded(words.fact_name(name, speaks), 32)} {words.fact_text(name, value, speaks)}{days}")
    return lines


def _parcels(story: Story, speaks: str) -> list[str]:
    """How what a bill document or a summary speaks of stands."""
    parcels = story.get("parcels")
    if parcels is None:
        return []
    states = ", ".join(f"{_state(state, speaks)} {n}" for state, n in parcels["states"].items())
    head = ("what it speaks of, as far as it is here", "所列单证（本平台已有的部分）")[words.index(speaks)]
    lines = ["", f"{head}: {parcels['count']}{'' if parcels['complete'] else '+'}  {states}".rstrip()]
    for one in parcels["items"][:_MOST_PARCELS]:
        kind = _padded(words.say(words.KINDS, one["kind"], speaks), 12)
        lines.append(f"  {kind} {one['key']}  {_state(one['state'], speaks)}{_code(one['state'], one['code'], speaks)}")
    return lines


#: Lines of parcels a terminal is shown; the rest is counted.
_MOST_PARCELS = 20


def _findings(story: Story, speaks: str) -> list[str]:
    """What officers see more."""
    if story.get("score") is None:
        return []
    at = words.index(speaks)
    lines = ["", f"{('assessment', '研判')[at]}: {story['level']} {story['score']} → {story['recommendation']}"]
    selection = story.get("selection")
    if selection and selection["by"]:
        lines.append(f"  {('selected by', '抽中依据')[at]}: {selection['by']} ({selection['rate']:g} %)")
    if story.get("held_by"):
        lines.append(f"  {('held by order', '布控指令')[at]}: {', '.join(story['held_by'])}")
    for finding in story["findings"]:
        said = finding["message_zh"] if at and finding["message_zh"] else finding["message"]
        trial = ("  (in shadow)", "（试运行）")[at] if finding["shadow"] else ""
        by = f"{finding['rule']} +{finding['score']}"
        lines.append(f"  {by:<8} {finding['code']}  {said}{trial}  {click.style(finding['source'], dim=True)}")
    return lines


def timeline_line(line: dict[str, str], speaks: str) -> str:
    """``2025-11-11 00:00:05.120  customs  released  declaration  detail``."""
    actor = _padded(words.say(words.ACTORS, line["by"], speaks), 9)
    what = _padded(words.event_text(line["what"], speaks), 20)
    kind = _padded(words.say(words.KINDS, line["document"], speaks), 12)
    return f"  {words.in_china(line['at'])}  {actor} {what} {kind} {click.style(line['detail'], dim=True)}".rstrip()


def told_submission(found: Story, speaks: str) -> list[str]:
    """A submission as lines for a terminal."""
    name = ("submission", "报送")[words.index(speaks)]
    head = f"{name} {click.style(found['submission'], bold=True)}  {found['message']['type']}"
    lines = [f"{head}  {_state(found['status'], speaks)}  {words.in_china(found['received_at'])}"]
    lines += [_fault(fault, speaks) for fault in found["faults"]]
    for document in found["documents"]:
        kind = _padded(words.say(words.KINDS, document["kind"], speaks), 12)
        lines.append(f"  {kind} {document['key']}  {_state(document['state'], speaks)}")
        lines += [_fault(fault, speaks) for fault in document["faults"]]
    return lines


def _hand_over(one: Story, speaks: str) -> str:
    kind = _padded(words.say(words.KINDS, one["document"], speaks), 12)
    who = words.say(words.ACTORS, one["recipient"], speaks)
    when = words.in_china(one["at"]) if one["at"] else ""
    return f"  {kind} → {who}  {words.event_text(one['outcome'], speaks)}  {when}".rstrip()


def _fault(fault: dict[str, str], speaks: str) -> str:
    said = fault["message_zh"] if speaks == "zh" and fault["message_zh"] else fault["message"]
    ceb = f" (CEB {fault['ceb_code']})" if fault.get("ceb_code") else ""
    return f"    {click.style(fault['code'], fg='yellow')}{ceb} {said}  {click.style(fault['path'], dim=True)}".rstrip()


def _state(state: str, speaks: str) -> str:
    return click.style(words.say(words.STATES, state, speaks), fg=_COLOURS.get(state, "cyan"))


def _code(state: str, code: str, speaks: str) -> str:
    """The code, in words too where the state does not say them."""
    text = words.code_text(code, speaks)
    return "" if not code else f" {code}" if text == words.say(words.STATES, state, speaks) else f" {code} {text}"


def _padded(text: str, width: int) -> str:
    """Padded to a width in columns: a Chinese character takes two."""
    taken = sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
    return text + " " * max(0, width - taken)
