"""What the sandbox customs compares between a declaration and its documents, and the words it rejects with.

Codes in brackets as real receipts carry them; the limits are those in force since 2019-01-01 (财关税〔2018〕49号).
"""

from __future__ import annotations

from collections.abc import Iterable

from adapters.authorities.customs.facts import Facts
from adapters.authorities.customs.receipts import SINGLE_LIMIT
from hub.domain.money import SCALE, text

YEARLY_LIMIT = 26_000 * SCALE
#: Type of order that belongs to a trade mode (CEB specification 202205, CEB303).
_ORDER_TYPES = {"9610": "E", "1210": "E", "1239": "E", "9710": "B", "9810": "W"}


def coded(code: int | str, words: str) -> str:
    """A result as customs writes it."""
    return f"[Code:{code};Desc:{words}]"


def mismatch(declaration: Facts, order: Facts, payment: Facts) -> str:
    """The first thing that does not match, as the text of a rejection (100); empty where all do."""
    lines = _lines(declaration, order)
    if lines:
        return lines
    if order.persons.get("buyer") != payment.persons.get("buyer"):
        return coded(1327, "订单购买人与支付单支付人名字或身份证号码不一致")
    if order.paid != payment.paid:
        amounts = f"[OrderHead.acturalPaid:{text(order.paid)},PaymentHead.amountPaid:{text(payment.paid)}]"
        return coded(1332, "支付单支付金额与订单支付金额不一致") + amounts
    if order.pay_code and order.pay_code != payment.pay_code:
        return coded(13035, "支付企业不一致")
    if declaration.persons.get("name") != order.persons.get("name"):
        return coded(13127, "清单上的订购人姓名与订单上的订购人姓名不一致")
    if declaration.persons.get("phone") != order.persons.get("phone"):
        return coded(130126, "清单上的订购人电话号码与订单上的订购人电话号码不一致")
    return ""


def export_mismatch(declaration: Facts, order: Facts) -> str:
    """The same of an export declaration. No real text is known for what is not about lines: 1300, a manual one."""
    mode = declaration.head.get("tradeMode", "")
    if order.head.get("orderType") != _ORDER_TYPES.get(mode, "E"):
        return coded(1300, f"订单类型{order.head.get('orderType')}与监管方式{mode}不符")
    if order.head.get("ebcCode") != declaration.head.get("ebcCode"):
        return coded(1300, "清单电商企业与订单电商企业不一致")
    return _lines(declaration, order)


def _lines(declaration: Facts, order: Facts) -> str:
    if len(declaration.lines) != len(order.lines):
        return coded(1320, "清单表体商品项与订单表体商品项的项数不一致")
    return "" if declaration.lines == order.lines else coded(1322, "订单清单表体商品项不一致")


def impossible(declaration: Facts) -> str:
    """A line of nothing, or of less than no value; a gift's price is 0. Empty where there is none."""
    for line in declaration.lines:
        if line.quantity <= 0 or line.price < 0 or line.total < 0:
            return f"商品序号[{line.number}]数量、单价或总价有误"
    return ""


def over_single_limit(declaration: Facts) -> bool:
    """More than 5,000 in one transaction; a single piece of goods may cost more (taxed in full)."""
    one_piece = len(declaration.lines) == 1 and declaration.lines[0].quantity == SCALE
    return declaration.value > SINGLE_LIMIT and not one_piece


def over_yearly_limit(used: int, declaration: Facts) -> str:
    """The rejection of a buyer beyond the yearly limit; empty where it is kept. ``used``: without this declaration."""
    total = used + declaration.value
    if total <= YEARLY_LIMIT:
        return ""
    words = "订购人购买超过年度限额,超过个人年度购买额度"
    return coded(1313, words) + f"[totalPrice：{total // SCALE:,} > limitPrice: {YEARLY_LIMIT // SCALE:,}]"


def quantities(returns: Iterable[Facts]) -> dict[str, int]:
    """How much of each line returns take (line number → scaled)."""
    taken: dict[str, int] = {}
    for found in returns:
        for line in found.lines:
            taken[line.number] = taken.get(line.number, 0) + line.quantity
    return taken


def unknown_line(found: Facts, declaration: Facts) -> str:
    """The line of a return that the declaration does not have; empty where it has all."""
    declared = {(line.number, code) for line, code in zip(declaration.lines, declaration.codes, strict=True)}
    for line, code in zip(found.lines, found.codes, strict=True):
        if (line.number, code) not in declared:
            return f"关联清单不存在商品序号为[{line.number}]商品编码为[{code}]的商品"
    return ""


def too_much(found: Facts, declaration: Facts, taken: dict[str, int]) -> str:
    """The line of which more comes back than is left; ``taken`` by earlier returns. Empty where all is in order."""
    declared = quantities([declaration])
    for number, quantity in quantities([found]).items():
        left = declared.get(number, 0) - taken.get(number, 0)
        if not 0 < quantity <= left:
            return f"商品序号[{number}]退货数量[{text(quantity)}]超过可退数量[{text(left)}]"
    return ""
