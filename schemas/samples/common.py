"""What all samples are made of: parties, people, goods, baskets, and how moments and amounts are written.

Nobody here exists: resident identity numbers have the reserved district 990000 (with a right check digit), enterprise
codes the unused customs district 9901.
"""

from __future__ import annotations

import time
from datetime import date, timedelta
from functools import lru_cache
from random import Random
from typing import NamedTuple

import msgspec

from schemas.documents import Subscription, Transfer
from schemas.taxes import rates_of, taxes

#: 2026-06-01 12:00 in China, for callers to whom the moment does not matter (ms since the epoch)
DEFAULT_AT = 1_780_286_400_000
#: by the 2018 law a transaction stays below this, in fen
LIMIT_FEN = 500_000


class Parties(msgspec.Struct, frozen=True, kw_only=True):
    """Who takes part; the defaults are the demo's principals."""

    platform: str = "9901D00001"
    platform_name: str = "示范电商平台"
    merchant: str = "9901D00002"
    merchant_name: str = "示范电商企业"
    payer: str = "9901D00003"
    payer_name: str = "示范支付企业"
    carrier: str = "9901D00004"
    carrier_name: str = "示范物流企业"
    agent: str = "9901D00005"
    agent_name: str = "示范申报企业"
    site: str = "9901D00006"
    site_name: str = "示范监管场所"
    area: str = "9901D00007"
    area_name: str = "示范区内仓储企业"
    customs: str = "2921"
    port: str = "2921"
    account_book: str = "T2921W000001"


class Good(NamedTuple):
    """A kind of goods."""

    code: str  # HS code
    name: str
    model: str
    unit: str
    country: str
    fen: int  # lowest price
    grams: int

    def tax(self, fen: int) -> int:
        """VAT and consumption tax of so much of it, at 70 %, each rounded half up to a fen."""
        return sum(taxes(fen, rates_of(self.code)))


GOODS = (
    Good("1901101000", "婴幼儿配方奶粉", "900克/罐|3段|示范牌", "122", "609", 18_800, 1_150),
    Good("1905310000", "黄油曲奇饼干", "500克/盒|示范牌", "140", "302", 5_900, 650),
    Good("2106909090", "维生素软胶囊", "100粒/瓶|示范牌", "142", "502", 12_800, 250),
    Good("3304990039", "保湿面霜", "50毫升/瓶|示范牌", "142", "116", 23_600, 220),
    Good("3304100012", "唇膏", "3克/支|示范牌", "012", "305", 19_900, 60),
    Good("3305100090", "洗发水", "400毫升/瓶|示范牌", "142", "116", 4_900, 480),
    Good("4202220000", "帆布手提包", "35×25厘米|示范牌", "007", "307", 39_900, 700),
    Good("9619001100", "婴儿纸尿裤", "L码|54片/包|示范牌", "125", "116", 9_900, 2_100),
)
#: What is sold abroad; the country is where it is made.
EXPORTED = (
    Good("4202220000", "帆布手提包", "35×25厘米|示范牌", "007", "142", 5_900, 700),
    Good("6109100010", "棉制针织T恤衫", "L码|示范牌", "011", "142", 3_900, 220),
    Good("6403990090", "运动鞋", "42码|示范牌", "025", "142", 12_900, 900),
    Good("8518300000", "蓝牙耳机", "示范牌|A1型", "011", "142", 8_800, 150),
    Good("9503008900", "拼装玩具", "300粒|示范牌", "140", "142", 4_500, 600),
)
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
_GIVEN = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十")
_CHECK_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


class Buyer(NamedTuple):
    """A made-up person."""

    name: str
    identity: str
    telephone: str
    address: str


@lru_cache(maxsize=65_536)
def buyer(index: int) -> Buyer:
    """The made-up person of that index; some 14 million differ."""
    born = date(1960, 1, 1) + timedelta(days=index // 1000 % 14_600)
    first = f"990000{born:%Y%m%d}{index % 1000:03d}"
    check = "10X98765432"[sum(int(d) * w for d, w in zip(first, _CHECK_WEIGHTS, strict=True)) % 11]
    name = _SURNAMES[index % 16] + _GIVEN[index // 16 % 10] + _GIVEN[index // 160 % 10]
    road = f"示范省示范市示范路{index % 9_999 + 1}号"
    return Buyer(name, first + check, f"199{index % 100_000_000:08d}", road)


@lru_cache(maxsize=1024)
def moment(second: int) -> tuple[str, str]:
    """Time and day of a second since the epoch, as CEB writes them (China time)."""
    text = time.strftime("%Y%m%d%H%M%S", time.gmtime(second + 8 * 3600))
    return text, text[:8]


def yuan(fen: int) -> str:
    """An amount as CEB writes it."""
    whole, rest = divmod(fen, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else str(whole)


def guid(kind: int, number: int) -> str:
    """A document's number, by its kind and the sale's number."""
    return f"{number & 0xFFFFFFFF:08X}-99{kind:02X}-4000-8000-{number >> 32 & 0xFFFFFFFFFFFF:012X}"


class Sold(NamedTuple):
    """Goods in a basket."""

    good: Good
    quantity: int
    fen: int  # price of one

    @property
    def total(self) -> int:
        return self.fen * self.quantity


def basket(draw: Random, goods: tuple[Good, ...] = GOODS) -> list[Sold]:
    """What somebody buys: below the transaction limit with its tax."""
    sold: list[Sold] = []
    value = 0
    for good in draw.sample(goods, draw.choice((1, 1, 1, 2, 2, 3))):
        line = Sold(good, draw.choice((1, 1, 1, 2, 3)), good.fen + draw.randrange(0, 2_000))
        if (value := value + line.total * 13 // 10) < LIMIT_FEN:
            sold.append(line)
    return sold


def kilograms(grams: int) -> str:
    """A weight as CEB writes it."""
    return f"{grams // 1000}.{grams % 1000:03d}".rstrip("0").rstrip(".")


def base_transfer(cop_code: str, cop_name: str = "示范企业", dxp_id: str = "DXPENT0000990001") -> Transfer:
    """The transporting company of a made-up message."""
    return Transfer(copCode=cop_code, copName=cop_name, dxpMode="DXP", dxpId=dxp_id)


def subscription(dxp_address: str, status: str = "RET") -> Subscription:
    """One further subscriber."""
    return Subscription(status=status, dxpMode="DXP", dxpAddress=dxp_address)
