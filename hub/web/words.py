"""The console's and the trace's words in both languages: (English, 中文)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from hub.domain.kinds import APPLICATION_KINDS, BILL_WORDS, SUMMARY
from hub.domain.lifecycle import CODES as CODE_ROWS
from hub.domain.lifecycle import DEADLINE, FACTS, MOMENT, STAGE
from schemas.codes import code_list
from schemas.model import MessageType, senders_of

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
    "not handed over": ("not handed over", "未移交（被拒收）"),
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
    "processing error": ("processing error", "处理异常"),
    **{code.state: (code.state, code.meaning_zh) for code in CODE_ROWS},
}

#: Customs' codes.
CODES: dict[str, Pair] = {code.code: (code.state, code.meaning_zh) for code in CODE_ROWS}

KINDS: dict[str, Pair] = {
    "order": ("order", "订单"),
    "payment": ("payment", "支付单"),
    "waybill": ("waybill", "运单"),
    "declaration": ("declaration", "申报清单"),
    "collection": ("collection", "收款单"),
    "waybill_status": ("waybill status", "运单状态"),
    "cancellation": ("cancellation", "撤销申请单"),
    "return": ("return", "退货申请单"),
    "return_tally": ("return tally", "退货理货单"),
    "warehouse_entry": ("warehouse-entry list", "入库明细单"),
    "consolidation": ("consolidation list", "清单总分单"),
    "arrival": ("arrival", "运抵单"),
    "departure": ("departure", "离境单"),
    "summary": ("summary declaration", "汇总申请单"),
    "receipt": ("receipt", "回执"),
}

#: What the worklist says: what it means, and the next step.
NEEDS: dict[str, tuple[Pair, Pair]] = {
    "rejected": (
        ("rejected", "退单"),
        (
            "Correct it and send it again as new (appType 1) with a newer appTime: customs does not have it any more.",
            "更正后以新增（appType 1）、更新的 appTime 重新申报：海关已不保留原单。",
        ),
    ),
    "not handed over": (
        ("not handed over", "未移交"),
        (
            "It was refused on its way and customs never had it: the reason is in its timeline. Correct it and send it again as new (appType 1).",
            "移交前被拒，海关未收到：原因见处理进度。更正后以新增（appType 1）重新报送。",
        ),
    ),
    "not granted": (
        ("not granted", "未获批准"),
        (
            "Customs refused the application: read its answer. Where it can be mended, send it anew (appType 1) with a newer appTime.",
            "海关未批准该申请：请查看回执。可更正的，以更新的 appTime 重新新增（appType 1）申请。",
        ),
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
    "doubtful": (
        ("something speaks against it", "申请存疑"),
        (
            "Read what speaks against the application; customs is likely to refuse it. Correct it, or withdraw it.",
            "请查看申请存在的问题，海关可能不予受理；请更正或撤回。",
        ),
    ),
    "parts missing": (
        ("parts missing", "分报文不全"),
        (
            "Send the parts named: the document takes effect when all of them are here.",
            "请报送所列分报文；全部到齐后该单证方生效。",
        ),
    ),
    "not named": (
        ("no declaration names it", "无清单引用"),
        (
            "No declaration names this waybill: see that carrier and number in the declaration are the waybill's.",
            "没有清单引用该运单：请核对清单中的物流企业编码和运单号。",
        ),
    ),
    "tax": (
        ("tax due", "税款待缴"),
        ("Pay or have it summarised by day 45 after the release.", "请在放行后第 45 日前汇总缴纳税款。"),
    ),
    "tax overdue": (
        ("tax overdue", "税款逾期"),
        (
            "Day 45 after the release has passed: pay at once, and ask the customs office.",
            "已超过放行后第 45 日：请立即缴纳并联系海关。",
        ),
    ),
    "goods back": (
        ("returned goods awaited", "退货待运抵"),
        ("The goods must be back at the site by day 45 after the release.", "退货商品须在放行后 45 日内运抵原监管场所。"),
    ),
    "goods back overdue": (
        ("returned goods late", "退货超期"),
        (
            "Day 45 after the release has passed: ask the customs office what becomes of the return.",
            "已超过放行后 45 日：请向海关了解该退货如何处理。",
        ),
    ),
    "summary": (
        ("to be summarised", "待汇总申报"),
        ("Send the summary application (CEB701) by the 15th.", "请在 15 日前报送汇总申请单（CEB701）。"),
    ),
    "summary overdue": (
        ("summary overdue", "汇总申报逾期"),
        (
            "The 15th has passed: send the summary application (CEB701) at once, and ask the customs office.",
            "已过 15 日：请立即报送汇总申请单（CEB701）并联系海关。",
        ),
    ),
}

#: Stages of an application or a summary.
STAGES: dict[str, Pair] = {
    "applied": ("applied for", "已申请"),
    "accepted": ("accepted", "海关已同意"),
    "refused": ("refused", "海关未同意"),
    "withdrawn": ("withdrawn", "已撤回"),
    "concluded": ("concluded", "已完成"),
    "part": ("in part", "部分"),
    "all": ("all of it", "全部"),
}
#: What about a declaration is applied for.
_APPLIED_FOR: dict[str, Pair] = {
    "cancellation": ("cancellation", "撤销"),
    "return": ("return", "退货"),
    "return_tally": ("tally of returned goods", "退货理货"),
    SUMMARY: ("summary declaration", "汇总申报"),
}
#: Word told to a bill's parcels → in Chinese.
_PARCELS = {
    "in the warehouse": "已入库",
    "consolidated": "已归入总分单",
    "arrived at the site": "已运抵监管场所",
    "left the country": "已离境",
}
#: Why a bill document's word is taken back, and customs' word that it stands.
_TAKEN_BACK: dict[str, Pair] = {
    "replaced": ("replaced", "已更换"),
    "moved": ("moved to another bill", "已转至其他提运单"),
    "withdrawn": ("withdrawn", "已撤回"),
    "rejected": ("rejected by customs", "海关退单"),
    "concluded": ("concluded by customs", "海关审结"),
}
_TAX_BILL: dict[str, Pair] = {
    "created": ("tax bill created", "电子税单已生成"),
    "summarised": ("tax bill summarised", "电子税单已汇总"),
    "void": ("tax bill void", "电子税单已作废"),
}

#: Facts beside the status (hub.domain.lifecycle.FACTS).
FACT_NAMES: dict[str, Pair] = {
    "mode": ("trade mode", "贸易方式"),
    "statisticsFlag": ("simplified or summarised", "简化申报标志"),
    "billNo": ("master bill", "提运单号"),
    "released": ("released", "放行时间"),
    "returnBy": ("return to be applied for by", "退货申请截止"),
    "goodsBackBy": ("returned goods back by", "退货运抵截止"),
    "cancellation": ("cancellation", "撤销"),
    "return": ("return", "退货"),
    "return_tally": ("tally of returned goods", "退货理货"),
    "returned": ("returned", "已退货"),
    "taxNo": ("tax bill", "电子税单号"),
    "taxStatus": ("state of the tax bill", "税单状态"),
    "tax": ("tax", "税款金额"),
    "taxCreated": ("tax bill created", "税单生成时间"),
    "taxFrom": ("tax payable from", "税款缴纳起始"),
    "taxBy": ("tax payable by", "税款缴纳截止"),
    "entDutyNo": ("summarised tax bill", "汇总税单号"),
    "guarantor": ("guarantor", "担保企业"),
    "taxReceipt": ("tax: receipt", "税务回执"),
    "taxPaid": ("tax bill paid", "税单缴纳时间"),
    "refund": ("refund", "出口退税"),
    "summary": ("summary declaration", "汇总申报"),
    "sumNo": ("summary number", "汇总申请编号"),
    "entryId": ("entry", "报关单号"),
    "signed": ("signed for", "签收时间"),
    "warehoused": ("in the warehouse", "入库时间"),
    "warehousedConcluded": ("warehouse entry concluded", "入库审结时间"),
    "consolidated": ("consolidated", "总分单时间"),
    "consolidatedConcluded": ("consolidation concluded", "总分单审结时间"),
    "arrived": ("arrived at the site", "运抵时间"),
    "arrivedConcluded": ("arrival concluded", "运抵审结时间"),
    "departed": ("left the country", "离境时间"),
    "departedConcluded": ("departure concluded", "离境审结时间"),
}
_DECIDED: dict[str, Pair] = {
    "accepted": ("accepted", "已接受"),
    "refused": ("refused", "不予接受"),
    "approved": ("approved", "已核准"),
}
_FLAGS: dict[str, Pair] = {
    "A": ("A statistics only", "A 简化申报（汇总统计）"),
    "B": ("B summarised into entries", "B 汇总申报"),
}

#: Words of the timeline.
EVENTS: dict[str, Pair] = {
    **STATES,
    "delivered": ("delivered", "已送达"),
    "requeued": ("queued again", "已重新排队"),
    "parked": ("parked", "移交搁置"),
    "hand-over held": ("held by order", "按指令暂缓移交"),
    "hand-over passed on": ("hold ended: passed on", "暂缓结束：继续移交"),
    "hand-over refused": ("hand-over refused", "移交被拒"),
    "hand-over parked": ("hand-over parked", "移交搁置"),
    "still waiting": ("still waiting", "仍在等待"),
    "overdue": ("no answer in time", "超时未回执"),
    "guarantee exhausted": ("guarantee no longer sufficient", "担保余额不足"),
    "guarantee sufficient": ("guarantee sufficient again", "担保余额已恢复"),
    "fits nothing": ("receipt fits nothing here", "回执无对应单证"),
    "receipt repeated": ("receipt repeated", "重复回执"),
    "older receipt": ("older receipt", "较早的回执"),
    "receipt of another message": ("receipt of another message", "回执与报文类型不符"),
    "receipt before its document": ("receipt before its document", "回执先于单证"),
    "note": ("note", "提示"),
    "receipt accepted": ("receipt: accepted", "回执：已接受"),
    "receipt refused": ("receipt: refused", "回执：不予接受"),
    "tax bill paid": ("tax bill paid", "电子税单已缴纳"),
    "refund approved": ("refund approved", "退税已核准"),
    "refund refused": ("refund refused", "退税未核准"),
    "duplicate.exists": ("not taken: customs has it", "未采用：海关已有"),
    "duplicate.conflict": ("not taken: conflict", "未采用：冲突"),
    "duplicate.same_message": ("not taken: twice in one message", "未采用：同一报文内重复"),
    "duplicate.closed": ("not taken: the declaration is closed", "未采用：单证已办结"),
    "duplicate.other_side": ("not taken: of the other side (import or export)", "未采用：进出口方向不同"),
    **{
        f"{kind} {stage}": (f"{_APPLIED_FOR[kind][0]} {STAGES[stage][0]}", f"{_APPLIED_FOR[kind][1]}{STAGES[stage][1]}")
        for kind in (*APPLICATION_KINDS, SUMMARY)
        for stage in ("applied", "accepted", "refused", "withdrawn", *(("concluded",) if kind == SUMMARY else ()))
    },
    "summary result": ("summary result: an entry was made", "汇总结果：已生成报关单"),
    **{word: (word, _PARCELS[word]) for word, _ in BILL_WORDS.values()},
    **{
        f"{word}: {why}": (f"{word}: {english}", f"{_PARCELS[word]}：{chinese}")
        for word, _ in BILL_WORDS.values()
        for why, (english, chinese) in _TAKEN_BACK.items()
    },
    **{f"tax bill {word}": pair for word, pair in _TAX_BILL.items()},
    "tax due": ("tax falls due", "税款进入缴纳期"),
    "tax overdue": ("tax overdue", "税款逾期"),
    "assembled": ("all parts are here", "分报文已到齐"),
    "declaration found": ("the declaration is here", "已找到所涉清单"),
    "declaration not here": ("the declaration is not here", "平台未见所涉清单"),
    "signed for": ("signed for", "已签收"),
    "signed for withdrawn": ("signed for: withdrawn", "已签收：已撤回"),
}

#: What the hub itself tells participants, by its code (``hub/domain/fault_codes``).
NOTICES: dict[str, Pair] = {
    "access.certificate_expires": ("a certificate ends soon", "证书即将到期"),
    "access.certificate_over": ("a certificate is over", "证书已过期"),
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
    "site": ("site operator", "监管场所经营人"),
    "tax": ("tax", "税务"),
    "forex": ("foreign exchange", "外汇"),
    "market": ("market supervision", "市场监管"),
    "commerce": ("commerce", "商务"),
    "office": ("zone office", "综试区办公室"),
    "nobody": ("nobody", "无"),
    "": ("nobody", "无"),
}

CHINA = timezone(timedelta(hours=8))


def sentences(*said: str) -> str:
    """Sentences one after another, each with its full stop: in Chinese without a blank between them."""
    out = ""
    for one in filter(None, said):
        chinese = any("\u4e00" <= letter <= "\u9fff" for letter in one)
        ended = one if one[-1] in ".!?:。！？：" else one + ("。" if chinese else ".")
        out += ended if not out or chinese else f" {ended}"
    return out


def index(language: str) -> int:
    """0 English, 1 Chinese."""
    return 1 if language == "zh" else 0


def say(table: dict[str, Pair], word: str, language: str) -> str:
    """A word in a language; one the table does not know is said as it is."""
    pair = table.get(word)
    return pair[index(language)] if pair else word


def code_text(code: str, language: str) -> str:
    """A customs code in words: unknown positive codes are kept as they are, negative ones are processing errors."""
    if code in NOTICES:
        return say(NOTICES, code, language)
    if code.startswith("-"):
        return ("processing error", "处理异常")[index(language)]
    return say(CODES, code, language)


#: Words with something open in them: how they begin or end → both languages, the rest said after or before it.
_OPEN: tuple[tuple[re.Pattern[str], Pair], ...] = (
    (re.compile(r"older: (.+)"), ("older: {}", "较早：{}")),
    (re.compile(r"waybill status (\S*) withdrawn"), ("waybill status {}: withdrawn", "运单状态 {}：已撤回")),
    (re.compile(r"waybill status (\S*)"), ("waybill status {}", "运单状态 {}")),
    (re.compile(r"tax bill (\S*)"), ("tax bill: status {}", "电子税单：状态 {}")),
)


def event_text(what: str, language: str) -> str:
    """A timeline word: a state, a step, a customs code, or one of those with something open in them."""
    if what in EVENTS:
        return say(EVENTS, what, language)
    if _is_code(what):
        return code_text(what, language)
    for pattern, pair in _OPEN:
        if match := pattern.fullmatch(what):
            return pair[index(language)].format(event_text(match[1], language) if pattern is _OPEN[0][0] else match[1])
    return what


def _is_code(what: str) -> bool:
    return what.removeprefix("-").isdigit()


_PART = re.compile(r"part ([0-9]+)")


def awaited_text(what: str, language: str) -> str:
    """What is awaited: a kind of document, or a part of a split one."""
    match = _PART.fullmatch(what)
    return (f"part {match[1]}", f"第 {match[1]} 份")[index(language)] if match else say(KINDS, what, language)


def fact_name(name: str, language: str) -> str:
    """The name of a fact; a summary result's entries are ``entry 1`` and so on."""
    if name.startswith("entry "):
        return (name, f"报关单 {name[6:]}")[index(language)]
    return say(FACT_NAMES, name, language)


def fact_text(name: str, value: str, language: str) -> str:
    """The value of a fact as ``fact_value`` gives it, for people."""
    if FACTS.get(name) in (MOMENT, DEADLINE):
        return in_china(value)[:19] if value else ""
    if name in _LISTED:
        return listed(_LISTED[name], value, language)
    if name == "statisticsFlag":
        return say(_FLAGS, value, language)
    if name in ("taxReceipt", "refund"):
        return say(_DECIDED, value, language)
    return say(STAGES, value, language) if FACTS.get(name) == STAGE else value


_NUMBERS: dict[str, Pair] = {
    "submission": ("submission", "报送"),
    "orderNo": ("orderNo", "订单编号 orderNo"),
    "ebpCode": ("ebpCode", "电商平台代码 ebpCode"),
    "preNo": ("preNo", "预录入编号 preNo"),
    "invtNo": ("invtNo", "清单编号 invtNo"),
    "billNo": ("billNo", "提运单号 billNo"),
    "sumNo": ("sumNo", "汇总申请编号 sumNo"),
    "taxNo": ("taxNo", "电子税单编号 taxNo"),
    "entryId": ("entryId", "报关单编号 entryId"),
    "customsCode": ("customsCode", "海关代码 customsCode"),
}


def way(mt: MessageType, language: str) -> str:
    """Who sends a message to whom."""
    if mt.direction == "down":
        return ("customs → enterprise", "海关 → 企业")[index(language)]
    return senders_of(mt)[index(language)] + (" → customs", " → 海关")[index(language)]


def number_name(name: str, language: str) -> str:
    """What a number is: a document's key, or the wire's name of it."""
    return say(_NUMBERS if name in _NUMBERS else KINDS, name, language)


#: Facts that are codes → their list.
_LISTED = {"taxStatus": "taxStatus", "mode": "tradeMode"}


def listed(name: str, code: str, language: str) -> str:
    """A code with its words in the list of that name."""
    entry = code_list(name).codes.get(code)
    return f"{code} {(entry.en, entry.zh)[index(language)]}" if entry else code


def fact_value(name: str, value: str) -> str:
    """A fact as programs read it: moments and deadlines as RFC 3339."""
    if FACTS.get(name) not in (MOMENT, DEADLINE):
        return value
    return rfc3339(int(value)) if value.isascii() and value.isdigit() and len(value) < 16 else ""


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


#: What was done about an alert; a case is as far as its least advanced alert.
HANDLING: dict[str, Pair] = {
    "raised": ("raised", "待受理"),
    "acknowledged": ("acknowledged", "已受理"),
    "assigned": ("assigned", "已指派"),
    "decided": ("decided", "已认定"),
    "closed": ("closed", "已关闭"),
}
#: What people do about alerts, and what the hub says of a case by itself.
DESK_LINES: dict[str, Pair] = {
    "acknowledge": ("acknowledge", "受理"),
    "assign": ("assign", "指派"),
    "comment": ("comment", "备注"),
    "decide": ("decide", "认定"),
    "close": ("close", "关闭"),
    "reopen": ("reopen", "重新打开"),
    "join": ("share with", "邀请协办"),
    "transfer": ("hand over", "移交主办"),
    "deadline": ("set the deadline", "设定时限"),
    "raised": ("alert raised", "产生预警"),
    "raised again": ("alert raised, open again", "产生预警，重新打开"),
    "escalated": ("nobody has acknowledged it", "逾期未受理"),
    "overdue": ("the deadline is over", "已过时限"),
    "lapsed": ("closed, nobody touched it", "长期未处理，自动关闭"),
}
CASE_KINDS: dict[str, Pair] = {
    "watched": ("what people share", "共用信息"),
    "enterprise": ("enterprise", "企业"),
    "declaration": ("declaration", "申报清单"),
    "document": ("document", "单证"),
    "alone": ("single alert", "单条预警"),
}
SEVERITIES: dict[str, Pair] = {"yellow": ("yellow", "黄色"), "orange": ("orange", "橙色"), "red": ("red", "红色"), "reject": ("reject", "应退单")}

#: The parts of customs that alerts and orders are addressed to.
UNITS: dict[str, Pair] = {"quarantine": ("quarantine", "检验检疫")}

#: Credit levels, grades and classes of authorities that are words; letters and numbers speak for themselves.
LEVELS: dict[str, Pair] = {
    "advanced_certified": ("advanced certified", "高级认证企业"),
    "general_certified": ("general certified", "一般认证企业"),
    "general_credit": ("general credit", "一般信用企业"),
    "other_filed": ("other filed", "其他注册登记和备案企业"),
    "certified": ("certified", "认证企业"),
    "regular": ("regular", "常规企业"),
    "dishonest": ("dishonest", "失信企业"),
    "seriously_dishonest": ("seriously dishonest", "严重失信企业"),
    "listed": ("listed", "列入"),
    "open": ("open", "未结"),
    "minor": ("minor", "轻微"),
    "general": ("general", "一般"),
    "serious": ("serious", "严重"),
}
#: What a reason of a standing does.
REASONS: dict[str, Pair] = {
    "acts": ("counts", "计入"),
    "suggested": ("a suggestion, not confirmed", "建议，待确认"),
    "repaired": ("repaired", "已修复"),
    "ended": ("withdrawn", "已撤销"),
    "overridden": ("overridden by a decision", "被决定覆盖"),
}
#: The control classes, the hub's own.
CLASSES: dict[str, Pair] = {
    "1": ("trusted", "信任"),
    "2": ("good", "良好"),
    "3": ("normal", "常规"),
    "4": ("watch", "关注"),
    "5": ("restricted", "严控"),
}
LINKED: Pair = ("a link to a firm or person", "关联企业或人员")
#: What is done about each declaration of a class.
#: What observe remarks of an enterprise, and the shares it counts.
REMARKS: dict[str, Pair] = {
    "growth": ("sudden growth", "销量激增"),
    "fx": ("exports of the year", "年度出口额"),
    "refusals": ("refused by customs", "海关退单"),
    "returns": ("came back", "退货"),
    "mismatches": ("documents contradict each other", "单证不符"),
    "undervaluation": ("priced far too low", "申报价格明显偏低"),
    "buyers": ("of one buyer", "同一订购人"),
    "payers": ("paid by one payer", "同一付款人"),
    "addresses": ("to one address", "同一收货地址"),
    "prices": ("odd prices", "价格异常"),
}

PRECHECKS: dict[str, Pair] = {
    "post_audit": ("audit afterwards", "后续稽核"),
    "standard": ("as usual", "常规"),
    "document_hold": ("documents reviewed first", "先行审单"),
    "full_guarantee": ("full guarantee", "全额担保"),
    "manual": ("by hand", "人工处理"),
}
