"""One sensible message of every type, and a sensible value of every field, for whoever looks something up.

What enterprises send is the document of a sale; what customs sends answers one, or speaks of its declaration.
"""

from __future__ import annotations

from typing import Any

import msgspec

from schemas.codes import code_list
from schemas.documents import STRUCTS
from schemas.model import Field, MessageType, Part
from schemas.render import render
from schemas.samples.common import DEFAULT_AT, Parties, base_transfer, guid, moment
from schemas.samples.uploads import BUILT, document

#: The sale, and the parcels of a bill: few enough to be read.
_SALE, _PARCELS = 3, 2
#: What customs speaks of where it answers no message.
_ABOUT = {"CEB816": "CEB621", "CEB818": "CEB621", "CEB792": "CEB701", "CEB900": "CEB621"}
_PARTIES = Parties()
_DAY = moment(DEFAULT_AT // 1000)[1]
_TIMES = {"time14": _DAY + "120000", "time17": _DAY + "120000000", "date8": _DAY}
_IMPORTED, _EXPORTED = f"29212026I{_SALE:09d}", f"29212026E{_SALE:09d}"
_VALUES = {
    "appType": "1", "appStatus": "2", "returnStatus": "120", "status": "1", "decState": "800",
    "preNo": f"B{_DAY}{_SALE:09d}", "returnInfo": "海关入库",
    "customsCode": _PARTIES.customs, "sumNo": f"29212026S{_SALE:09d}", "rkdNo": f"29212026R{_SALE:09d}",
    "declSeqNo": f"29212026D{_SALE:09d}", "decTmpNo": f"T{_DAY}{_SALE:09d}", "decPreNo": f"P{_DAY}{_SALE:09d}",
    "entryId": f"29212026{_SALE:010d}", "taxNo": f"{_IMPORTED}_0", "entDutyNo": f"{_DAY}990101",
    "customsTax": "0", "valueAddedTax": "9.1", "consumptionTax": "0", "taxPrice": "100", "gcode": "3304990099",
    "oriCopMsgId": guid(1, _SALE), "oriMessageType": "CEB621Message", "oriBizMessage": "",
    "msgCount": "1", "msgSeqNo": "1", "gnum": "1", "gseqno": "1", "qty2": "1", "unit2": "035",
    "ebpCode": _PARTIES.platform, "ebcCode": _PARTIES.merchant, "logisticsCode": _PARTIES.carrier,
    "agentCode": _PARTIES.agent, "assureCode": _PARTIES.merchant, "operatorCode": _PARTIES.site,
    "areaCode": _PARTIES.area, "iacCode": _PARTIES.area, "ownerCode": _PARTIES.merchant, "payCode": _PARTIES.payer,
    "declAgentCode": _PARTIES.agent, "copCode": _PARTIES.agent, "dxpMode": "DXP", "dxpId": "DXPENT0000990001",
    "dxpAddress": "DXPENT0000990002", "barCode": "6900000000007", "emsNo": "T99016A000001", "itemRecordNo": "1",
    "note": "示例", "POD": "示例港", "consigneeDistrict": "990000", "grossWeight": "1.2", "netWeight": "1",
}  # fmt: skip
#: A format-check receipt only ever refuses.
_REFUSED = {"returnStatus": "-999999", "returnInfo": "报文格式错误"}


def value(mt: MessageType, field: Field) -> str:
    """What might stand in a field of the message."""
    if field.fixed:
        return field.fixed
    if field.name == "invtNo":
        return _EXPORTED if mt.side == "export" else _IMPORTED
    if mt.type == "CEB900" and field.name in _REFUSED:
        return _REFUSED[field.name]
    known = _VALUES.get(field.name)
    listed = code_list(field.codes) if field.codes else None
    if known is not None and (listed is None or known in listed.codes or field.codes == "customs"):
        return known
    if listed is not None:
        return next((code for code in listed.codes if field.min <= len(code) <= (field.max or len(code))), known or "")
    if field.format:
        return _TIMES[field.format]
    if field.number:
        return "1"
    text = "示范企业" if field.name.endswith("Name") else "示例"
    if field.name.endswith(("No", "Id", "Code")) or field.min > len(text):
        text = f"99{_SALE:0{max(field.min, 8) - 2}d}"
    return text[: field.max]


def example(mt: MessageType) -> Any:  # Any: a document of the type
    """A document; of a message without a builder a value in every field."""
    if mt.type in BUILT:
        return document(mt.type, _SALE, DEFAULT_AT, _PARCELS)
    named = mt.receipt_of or _ABOUT.get(mt.type, "")
    sent = document(named, _SALE, DEFAULT_AT, _PARCELS) if named in BUILT else None
    made = {"head": _filled(mt, mt.head, sent.head if sent is not None else None)}
    found = msgspec.convert(made, STRUCTS[mt.struct])
    if mt.list is not None:
        lines = getattr(sent, "list", ())
        line = _filled(mt, mt.list, lines[0] if lines else None)
        found = msgspec.structs.replace(found, list=(msgspec.convert(line, STRUCTS[mt.list.struct]),))
    return found


def message(mt: MessageType) -> bytes:
    """The example as an unsigned message, with a transfer where one stands."""
    found = example(mt)
    framed = "BaseTransfer" in mt.frame
    return render(
        mt, [found], guid=found.head.guid or "", transfer=base_transfer(_PARTIES.agent) if framed else None
    )  # fmt: skip


def _filled(mt: MessageType, part: Part, sent: object) -> dict[str, str]:
    """What customs repeats of what was sent, and values of its own."""
    own = {"guid": guid(32, _SALE)}
    return {f.name: own.get(f.name) or getattr(sent, f.name, None) or value(mt, f) for f in part.fields}
