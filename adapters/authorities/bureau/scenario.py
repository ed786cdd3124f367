"""What sandbox authorities other than customs answer: a scenario, read from TOML; one table an authority.

The first choice that fits an item wins. What a scenario does not say of an authority, the scenario ``default`` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from adapters.authorities import scenarios
from adapters.authorities.bureau.item import ALERT, Item, Words
from hub.domain.faults import Misconfigured

DEFAULT = "default"


class Say(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One answer. ``after``: ms from the item's arrival, which is the time it bears; ``late`` ms later it is sent, so that answers
    overtake each other; ``times`` it is sent. ``forge``: before it, the same comes with an unknown API key (``key``), or an
    event of another authority (``role``).
    """

    what: str
    after: int = 0
    late: int = 0
    times: int = 1
    forge: Literal["", "key", "role"] = ""


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said to ``percent`` of the items of the types in ``to``; without any, to all but alerts."""

    say: tuple[Say, ...]
    to: tuple[str, ...] = ()
    percent: float = 100.0


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each authority answers; None: as in the default."""

    about: str = ""
    seed: str = ""
    tax: tuple[Choice, ...] | None = None
    forex: tuple[Choice, ...] | None = None
    market: tuple[Choice, ...] | None = None
    commerce: tuple[Choice, ...] | None = None


class Conduct(msgspec.Struct, frozen=True):
    """How one authority behaves."""

    choices: tuple[Choice, ...]
    seed: str = ""

    def answers(self, item: Item) -> tuple[Say, ...]:
        """What is said to an item."""
        for number, choice in enumerate(self.choices):
            fits = item.type in choice.to if choice.to else not item.type.startswith(ALERT)
            if fits and (choice.percent >= 100 or scenarios.drawn(self.seed, number, item.id) < choice.percent):
                return choice.say
        return ()


def bundled() -> tuple[str, ...]:
    """The names of the scenarios that come with the hub."""
    return scenarios.bundled(__package__)


def load(name: str, words: Mapping[str, Words]) -> dict[str, Conduct]:
    """Authority → how it behaves; ``words`` are those each authority knows. Raises Misconfigured with what is wrong."""
    told, usual = read(name), read(DEFAULT)
    conducts = {}
    wrong = []
    for authority, known in words.items():
        own = getattr(told, authority)
        choices: tuple[Choice, ...] = own if own is not None else getattr(usual, authority) or ()
        conducts[authority] = Conduct(choices, told.seed)
        said = dict.fromkeys(say.what for choice in choices for say in choice.say)
        wrong += [f"scenario {name}: {authority} does not say {what!r}; one of {', '.join(known)}" for what in said if what not in known]
    if wrong:
        raise Misconfigured(wrong)
    return conducts


def read(name: str) -> Scenario:
    """A scenario as it is written."""
    return scenarios.read(__package__, name, Scenario)
