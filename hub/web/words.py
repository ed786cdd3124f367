"""The console's and the trace's words in both languages: (English, 中文)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hub.domain.lifecycle import CODES as CODE_ROWS

Pair = tuple[str, str]

#: States in a word or two; the sentence behind each is the life cycle's.
STATES: dict[str, Pair] = {
    "received": ("received", "已接收"),
    "accepted": ("accepted", "已接收"),
    "flagged": ("flagged", "有差错"),
    "draft": ("draft", "暂存"),
    "waiting": ("waiting", "等待其他单证"),
    "matched": ("matched", "已对碰"),
    "assessed": ("assessed", "已研判"),
    "held": ("held by order", "按指令暂缓移交"),
    "handed over": ("handed over", "已移交海关"),
    "repeated": ("repeated", "重复"),
    "stale": ("stale", "旧报文"),
    "superseded": ("superseded", "已被替代"),
    "withdrawn": ("withdrawn", "已撤回"),
    "expired": ("expired", "等待超时"),
    "unknown": ("not here", "未见单证"),
    "refused": ("refused", "拒收"),
    "pending": ("being taken in", "处理中"),
    "differs": ("differs", "不相符"),
    "other": ("other", "其他"),
    **{code.state: (code.state, code.meaning_zh) for code in CODE_ROWS},
}

#: Customs' codes.
CODES: dict[str, Pair] = {code.code: (code.state, code.meaning_zh) for code in CODE_ROWS}

KINDS: dict[str, Pair] = {
    "order": ("order", "订单"),
    "payment": ("payment", "支付单"),
    "waybill": ("waybill", "运单"),
    "declaration": ("declaration", "申报清单"),
    "receipt": ("receipt", "回执"),
}

#: What the worklist says: what it means, and the next step.
NEEDS: dict[str, tuple[Pair, Pair]] = {
    "rejected": (
        ("rejected", "退单"),
        ("Correct it and send it again with a newer appTime.", "更正后以更新的 appTime 重新申报。"),
    ),
    "overdue": (
        ("no answer from customs", "海关超时未回执"),
        (
            "Customs has not answered in time: nothing to send again, ask the operator.",
            "海关未按时回执：无需重发，请联系运营方。",
        ),
    ),
    "expired": (
        ("counterparts missing", "单证未到"),
        ("The awaited documents never came: ask their senders, or withdraw.", "所等单证未到：请联系报送方，或撤回。"),
    ),
    "held": (
        ("held by order", "按指令暂停"),
        ("Wait for the officer's decision; nothing to send.", "等待关员决定，无需操作。"),
    ),
    "examined": (
        ("at customs", "海关处理中"),
        ("Customs examines or reviews it: be ready with goods and papers.", "海关查验或审核中：请备好货物和单证。"),
    ),
    "waiting": (
        ("waiting", "等待"),
        ("Wait for the documents named, or ask their senders.", "等待所列单证，或联系其报送方。"),
    ),
    "flagged": (
        ("flagged", "有差错"),
        ("Read the faults; customs is likely to reject this.", "请查看差错，海关可能退单。"),
    ),
}

#: Words of the timeline.
EVENTS: dict[str, Pair] = {
    **STATES,
    "delivered": ("delivered", "已送达"),
    "parked": ("parked", "移交搁置"),
    "hand-over refused": ("hand-over refused", "移交被拒"),
    "hand-over parked": ("hand-over parked", "移交搁置"),
    "still waiting": ("still waiting", "仍在等待"),
    "overdue": ("no answer in time", "超时未回执"),
    "guarantee exhausted": ("guarantee no longer sufficient", "担保余额不足"),
    "guarantee sufficient": ("guarantee sufficient again", "担保余额已恢复"),
    "fits nothing": ("receipt fits nothing here", "回执无对应单证"),
    "receipt repeated": ("receipt repeated", "重复回执"),
    "older receipt": ("older receipt", "较早的回执"),
    "receipt before its document": ("receipt before its document", "回执先于单证"),
    "note": ("note", "提示"),
    "duplicate.exists": ("not taken: customs has it", "未采用：海关已有"),
    "duplicate.conflict": ("not taken: conflict", "未采用：冲突"),
    "duplicate.same_message": ("not taken: twice in one message", "未采用：同一报文内重复"),
    "duplicate.closed": ("not taken: the declaration is closed", "未采用：单证已办结"),
}

ACTORS: dict[str, Pair] = {
    "hub": ("hub", "单一窗口"),
    "customs": ("customs", "海关"),
    "sender": ("sender", "报送方"),
    "declarant": ("declarant", "申报企业"),
    "platform": ("platform", "电商平台"),
    "merchant": ("merchant", "电商企业"),
    "payer": ("payment company", "支付企业"),
    "payment company": ("payment company", "支付企业"),
    "carrier": ("carrier", "物流企业"),
    "agent": ("declarant", "申报企业"),
    "officer": ("officer", "关员"),
    "nobody": ("nobody", "无"),
    "": ("nobody", "无"),
}

CHINA = timezone(timedelta(hours=8))


def index(language: str) -> int:
    """0 English, 1 Chinese."""
    return 1 if language == "zh" else 0


def say(table: dict[str, Pair], word: str, language: str) -> str:
    """A word in a language; one the table does not know is said as it is."""
    pair = table.get(word)
    return pair[index(language)] if pair else word


def code_text(code: str, language: str) -> str:
    """A customs code in words: unknown positive codes are kept as they are, negative ones are processing errors."""
    if code.startswith("-"):
        return ("processing error", "处理异常")[index(language)]
    return say(CODES, code, language)


def event_text(what: str, language: str) -> str:
    """A timeline word: a state, a step, or a customs code."""
    return say(EVENTS, what, language) if what in EVENTS or not _is_code(what) else code_text(what, language)


def _is_code(what: str) -> bool:
    return what.removeprefix("-").isdigit()


def rfc3339(at: int) -> str:
    """Milliseconds → RFC 3339 in UTC; nothing where there is no time, or none that a calendar has."""
    if not at:
        return ""
    try:
        moment = datetime.fromtimestamp(at / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


def in_china(text: str) -> str:
    """RFC 3339 as ``rfc3339`` writes it → the wall clock in China, with the milliseconds it has."""
    moment = datetime.fromisoformat(text)
    return china_time(round(moment.timestamp() * 1000), milliseconds="." in text)


def china_time(at: int, milliseconds: bool = False) -> str:
    """Milliseconds → the wall clock in China, as people there read it."""
    if not at:
        return ""
    text = datetime.fromtimestamp(at // 1000, CHINA).strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{at % 1000:03d}" if milliseconds else text
