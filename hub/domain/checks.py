"""The thirty checks between documents: what is compared, by whom here, and by which codes what differs is told.

Source: message tables and rejection texts of customs, collected; ``basis`` S: stated in an official text, R: a real rejection
has it, B: secondary descriptions only, T: third-party systems. Customs does not publish the whole set.
"""

from __future__ import annotations

from typing import NamedTuple

#: Who checks: the door (each document by itself), register (against what came before), match (documents with each other),
#: assess (rules, for officers), the ledger of guarantees, and who is not the hub.
DOOR, REGISTER, MATCH, ASSESS, LEDGER = "door", "register", "match", "assess", "ledger"
CUSTOMS = "customs"


class Check(NamedTuple):
    """One check. ``codes``: fault codes, empty where the hub cannot check; ``messages`` as CEB numbers them."""

    number: int
    what: str
    what_zh: str
    messages: str
    basis: str
    where: str
    codes: tuple[str, ...]
    note: str = ""


CHECKS: tuple[Check, ...] = (
    Check(1, "the order of the declaration exists", "清单对应的订单存在", "621, 311", "S R", MATCH, ("match.expiring", "rule.document_missing", "match.second_platform", "match.second_declaration", "rule.two_platforms"), "waited for, warned of, then told: state `waiting`; one order is of one platform and in one declaration"),
    Check(2, "the payment of the order exists", "订单对应的支付单存在", "411, 311", "R", MATCH, ("rule.document_missing",), "as 1"),
    Check(3, "the waybill of the declaration exists", "清单对应的运单存在", "621, 511", "S", MATCH, ("rule.document_missing", "rule.waybill_reused"), "as 1; a number reported for two orders is one parcel's"),
    Check(4, "what was paid is goods, freight and tax less discount", "实付金额=商品价格+运杂费+税款−优惠", "311", "S", DOOR, ("meaning.paid_total",)),
    Check(5, "order and payment name the same amount", "订单与支付单金额一致", "311, 411", "S R", MATCH, ("match.paid",), "tolerance: setting `match_tolerance`, default exact"),
    Check(6, "order and payment name the same payment company", "支付企业一致", "311, 411", "R", MATCH, ("match.payment_company",), "where the order names one"),
    Check(7, "order and payment name the same payment number", "支付交易号一致", "311, 411", "B", MATCH, ("match.payment_number",), "where the order names one"),
    Check(8, "the buyer paid", "订购人与支付人一致", "311, 411", "R", MATCH, ("match.payer", "rule.payer_differs", "match.spelling"), "names as normalised: `match.spelling` notes what is written differently; officers are told only where the identity is not verified"),
    Check(9, "order and declaration name the same buyer", "订单与清单订购人一致", "311, 621", "R", MATCH, ("match.buyer", "match.buyer_telephone", "match.spelling"), "name as in 8"),
    Check(10, "the buyer's identity is real", "订购人身份真实", "311, 621", "R", ASSESS, ("rule.identity_invalid", "identity.resident_id_check"), "the check digit; name and number together only the identity authority knows"),
    Check(11, "order and waybill name the same consignee", "订单与运单收货人一致", "311, 511", "S", MATCH, ("match.consignee", "match.spelling"), "name and address as in 8, provinces and cities with or without their endings"),
    Check(12, "the declaration's address is the order's or the waybill's", "清单收货地址与订单或运单一致", "621, 311, 511", "B", MATCH, ("match.address", "match.spelling"), "as 11"),
    Check(13, "order and declaration have the same lines", "商品项数与序号一致", "621, 311", "S R", MATCH, ("match.line_count", "match.line")),
    Check(14, "each line is of the same goods", "各项商品一致", "621, 311", "S R", MATCH, ("match.line",), "name, quantity, price, total, unit, country; the model where it is set"),
    Check(15, "a line's total is price times quantity", "总价=单价×数量", "311, 621, 603", "S", DOOR, ("meaning.line_total",)),
    Check(16, "the goods' value is the sum of its lines", "商品价格=各项总价之和", "311", "B", DOOR, ("meaning.goods_value",)),
    Check(17, "what is fixed is so: currency, kind of identity, packages, type of order", "固定取值", "311, 621", "S", DOOR, ("meaning.fixed",)),
    Check(18, "fields the trade mode asks for are there", "监管方式要求的条件项", "621", "S", DOOR, ("meaning.needed", "meaning.not_used")),
    Check(19, "an enterprise of the declaration guarantees, and its guarantee suffices", "担保企业及担保额度", "621", "S R", LEDGER, ("meaning.guarantor", "ledger.guarantee", "rule.guarantee_used_up")),
    Check(20, "weights, quantities and units are possible", "重量、数量与单位", "621, 603", "S T", DOOR, ("meaning.weight", "meaning.not_positive", "meaning.unit_quantity", "meaning.second_unit")),
    Check(21, "the limit of one transaction", "单次交易限值", "621", "S", ASSESS, ("rule.transaction_limit", "rule.single_item")),
    Check(22, "the yearly allowance of the buyer", "个人年度交易限值", "621", "R", ASSESS, ("rule.allowance",), "as far as it went through the hub"),
    Check(23, "the enterprises are registered, and the certificate is the declarant's", "企业已注册、证书属于申报企业", "all", "S", DOOR, ("access.own_code", "signature.untrusted", "rule.enterprise_unknown")),
    Check(24, "the platform opens its payment data to customs", "平台已对接179号公告接口", "311, 621", "R", CUSTOMS, (), "`hub responder probe` asks as customs does"),
    Check(25, "the envelope's sender is the transporter", "信封发送方与传输企业一致", "DxpMsg", "R", DOOR, ("access.envelope_sender",)),
    Check(26, "the message is newer than what is there", "报文时间晚于已有报文", "all", "S R", REGISTER, ("duplicate.stale", "duplicate.conflict")),
    Check(27, "the signature is valid and the declarant's", "签名有效", "621, 623, 625, 711", "S", DOOR, ("signature.digest", "signature.value", "signature.certificate")),
    Check(28, "a cancellation or return fits its declaration", "撤销、退货与清单相符", "623, 625", "S", REGISTER, ("application.state", "application.not_released", "application.quantity", "application.no_line", "application.late")),
    Check(29, "what a warehouse takes in has its waybill", "入库明细与运单相符", "711, 511, 621", "B", MATCH, (), "parcels are led to their waybills and declarations; what fits nothing is on the worklist"),
    Check(30, "an export's order, waybill, collection and declaration agree", "出口订单、运单、收款单与清单相符", "303, 505, 403, 603", "T S", MATCH, ("match.merchant", "match.platform", "match.order_type", "match.collected", "match.weight", "match.line")),
)  # fmt: skip
