"""What the sandbox customs has to know of each upload beside the catalogue: words, numbers, codes, facts to keep.

A further message needs a line here where it is not to be treated as the others are: 2, then 120.
"""

from __future__ import annotations

import msgspec

from schemas import catalog

#: A message customs could not read; its "document" is the message.
MESSAGE, FORMAT = "message", "CEB900"
#: What follows from a declaration or an application without being a receipt.
TAX_BILL, TAX_BILL_STATUS, SUMMARY_RESULT = "CEB816", "CEB818", "CEB792"


class Refusals(msgspec.Struct, frozen=True):
    """The codes with which a document is refused.

    ``exists`` · ``missing``: nothing to change or delete · ``state``: its own does not allow it · ``old``: than what
    is there · ``parameter``: a check failed · ``signature`` · ``unknown``: the number it refers to · ``unfit``: the
    state of what it refers to · ``line``: a line it refers to.
    """

    exists: str
    missing: str
    state: str
    old: str
    parameter: str
    signature: str = ""
    unknown: str = ""
    unfit: str = ""
    line: str = ""


def _range(first: int) -> Refusals:
    """The first number of each range of an export document: signature, format, business, processing (table 7-3).

    Which number inside a range means what is not published.
    """
    signature, form, business, processing = (f"-{first + n}001" for n in range(4))
    return Refusals(
        exists=processing, missing=business, state=business, old=processing, parameter=form, signature=signature,
        unknown=business, unfit=business, line=business,
    )  # fmt: skip


_RETURN = Refusals(
    exists="-625022", missing="-625016", state="-625023", old="-625022", parameter="-625001", signature="-625005",
    unknown="-625016", unfit="-625207", line="-625209",
)  # fmt: skip
_ENTRY = Refusals("-800003", "-800001", "-800001", "-800005", "-800001", "-800001")


class Upload(msgspec.Struct, frozen=True):
    """One message. ``noun`` stands in texts, ``letter`` before its E-port number.

    ``signer``: the head's field with the company whose certificate must have signed, empty where anybody's genuine
    signature will do. ``keep``: fields of the head to keep beside those its receipt names. ``place``: the fields
    that say with what a document belongs together. ``bill``: it belongs to a bill of carrier and number.
    """

    noun: str
    refusals: Refusals
    letter: str = "B"
    signer: str = ""
    keep: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    bill: bool = False


_ORDER_PLACE = ("ebpCode", "orderNo")
_DECLARATION = (
    "customsCode", "ebpCode", "ebcCode", "orderNo", "logisticsCode", "logisticsNo", "tradeMode", "portCode", "country",
)  # fmt: skip
_SPLIT = ("msgCount", "msgSeqNo")
_BILL = ("logisticsCode", "billNo")

#: Import: codes of table 7-2; export: first numbers of the ranges of table 7-3. For 213 and 215 none are published:
#: they have those of their sisters on the import side. Letters: CEB specification 202205; C and T as real receipts.
UPLOADS = {
    "CEB311": Upload("订单", Refusals("-301010", "-301009", "-301011", "-301014", "-301008"), place=_ORDER_PLACE),
    "CEB411": Upload(
        "支付单", Refusals("-401007", "-401006", "-401008", "-401012", "-401009"),
        keep=_ORDER_PLACE, place=_ORDER_PLACE,
    ),
    "CEB511": Upload("运单", Refusals("-504015", "-504014", "-504016", "-504015", "-504011"), keep=("orderNo",)),
    "CEB513": Upload("运单状态", Refusals("-505012", "-505014", "-505014", "-505016", "-505011")),
    "CEB621": Upload(
        "清单", Refusals("-621004", "-621011", "-621012", "-621004", "-621001", "-621029"), signer="agentCode",
        keep=(*_DECLARATION, "assureCode"), place=_ORDER_PLACE,
    ),
    "CEB623": Upload(
        "撤销申请单",
        Refusals("-623009", "-623004", "-623013", "-623009", "-623001", "-623029", "-623003", "-623005"),
        letter="C", signer="agentCode", keep=("invtNo",), place=("invtNo",),
    ),
    "CEB625": Upload("退货申请单", _RETURN, letter="T", signer="agentCode", keep=("invtNo",), place=("invtNo",)),
    "CEB711": Upload("入库明细单", _ENTRY, signer="operatorCode", keep=("logisticsCode", "billNo")),
    "CEB303": Upload("订单", _range(301), keep=("orderType",), place=_ORDER_PLACE),
    "CEB403": Upload("收款单", _range(401), keep=_ORDER_PLACE, place=_ORDER_PLACE),
    "CEB505": Upload("运单", _range(501)),
    "CEB603": Upload(
        "清单", _range(601), signer="agentCode", keep=(*_DECLARATION, "trafMode", "ownerCode", "grossWeight", "netWeight"),
        place=_ORDER_PLACE,
    ),
    "CEB605": Upload(
        "撤销申请单", _range(605), letter="C", signer="agentCode", keep=("invtNo", "ebcCode"), place=("invtNo",)
    ),
    "CEB607": Upload("清单总分单", _range(901), signer="agentCode", keep=(*_BILL, *_SPLIT), bill=True),
    "CEB507": Upload("运抵单", _range(801), keep=(*_BILL, *_SPLIT), bill=True),
    "CEB509": Upload("离境单", _range(505), keep=(*_BILL, *_SPLIT), bill=True),
    "CEB213": Upload("退货申请单", _RETURN, signer="agentCode", keep=("invtNo",), place=("invtNo",)),
    "CEB215": Upload("退货理货明细单", _ENTRY, letter="o", keep=("invtNo",)),
    "CEB701": Upload(
        "汇总申请单", _range(701), signer="agentCode",
        keep=("customsCode", "agentName", "ebcName", "declAgentCode", "declAgentName", "startTime", "endTime",
              "summaryFlag", *_SPLIT),
    ),
}  # fmt: skip

_OTHER = Upload("单证", Refusals("-999001", "-999001", "-999001", "-999001", "-999001"))


def upload(type_: str) -> Upload:
    """What is known of a message."""
    return UPLOADS.get(type_, _OTHER)


def is_upload(mt: catalog.MessageType) -> bool:
    """Whether enterprises hand this message in."""
    return mt.direction == "up"


def upload_kinds() -> frozenset[str]:
    """The kinds of documents that are handed in."""
    return frozenset(mt.kind for mt in catalog.messages() if is_upload(mt))
