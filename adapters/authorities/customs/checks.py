"""What the sandbox customs compares between a declaration and its three documents, and the words it rejects with.

Codes in brackets as real receipts carry them; the limits are those in force since 2019-01-01 (财关税〔2018〕49号).
"""

from __future__ import annotations

from adapters.authorities.customs.facts import Facts
from hub.domain.money import SCALE, text

SINGLE_LIMIT = 5_000 * SCALE
YEARLY_LIMIT = 26_000 * SCALE


def coded(code: int | str, words: str) -> str:
    """A result as customs writes it."""
    return f"[Code:{code};Desc:{words}]"


def mismatch(declaration: Facts, order: Facts, payment: Facts) -> str:
    """The first thing that does not match, as the text of a rejection (100); empty where all do."""
    if len(declaration.lines) != len(order.lines):
        return coded(1320, "清单表体商品项与订单表体商品项的项数不一致")
    if declaration.lines != order.lines:
        return coded(1322, "订单清单表体商品项不一致")
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
