"""Whatever comes in whatever order between keys: the laws that hold for all uploads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.authorities.customs.scenario import Choice, Flow, Scenario, Step
from hub.domain.kinds import DECLARATION
from schemas import samples
from tests.support.zone import Zone

HOUR = 3_600_000
#: Half of the declarations are released, the others stored.
MIXED = Scenario(
    flow={
        "release": Flow(steps=(Step("2"), Step("120", after=10), Step("800", after=60), Step("899", after=120))),
        "stored": Flow(steps=(Step("2"), Step("120", after=10))),
    },
    choose=(Choice(flow="stored", where={"customsCode": "2901"}), Choice(flow="release")),
)
IMPORT = ("CEB311", "CEB411", "CEB511", "CEB621")
EXPORT = ("CEB303", "CEB505", "CEB603", "CEB403")

#: What is handed in, each once: the sales, and what follows them.
SALES = [
    *(("import", n, type_) for n in (1, 2) for type_ in IMPORT),
    *(("export", n, type_) for n in (1, 2) for type_ in EXPORT),
]
FOLLOWING = [
    *(("import", n, type_) for n in (1, 2) for type_ in ("CEB513", "CEB623", "CEB625")),
    *(("export", n, type_) for n in (1, 2) for type_ in ("CEB605", "CEB213", "CEB215")),
    *(("bill", n, type_) for n in (1, 2) for type_ in ("CEB607", "CEB507", "CEB509", "CEB701")),
]
#: What may happen between two of them.
BETWEEN = st.one_of(
    st.just(("customs",)), st.tuples(st.just("steps"), st.integers(0, 12)),
    st.tuples(st.just("tick"), st.sampled_from([1000, 5000, HOUR])),
)  # fmt: skip


class Play:
    """Documents of two import and two export sales of one bill, and what follows them."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        at = zone.now
        who = samples.Parties(customs="2901")
        self.imports = {1: samples.declaration_set(1, at=at), 2: samples.declaration_set(2, at=at, parties=who)}
        self.exports = {n: samples.export_set(n, at=at, collected=True) for n in (1, 2)}

    def document(self, side: str, n: int, type_: str) -> Any:
        at = self.zone.now
        number = f"29212026{'I' if side == 'import' else 'E'}{n:09d}"
        if side == "import":
            made = self.imports[n]
            more = {
                "CEB513": lambda: samples.waybill_status(made.waybill, at=at),
                "CEB623": lambda: samples.cancellation(made.declaration, self.invt_no(made, number), at=at),
                "CEB625": lambda: samples.returned(made.declaration, self.invt_no(made, number), at=at),
            }
            return more[type_]() if type_ in more else made[IMPORT.index(type_)]
        if side == "export":
            sold = self.exports[n]
            number = self.invt_no(sold, number)
            if type_ == "CEB605":
                return samples.cancellation(sold.declaration, number, at=at)
            if type_ in ("CEB213", "CEB215"):
                application = samples.returned(sold.declaration, number, at=at)
                return application if type_ == "CEB213" else samples.tally(application, at=at)
            return {"CEB303": sold.order, "CEB505": sold.waybill, "CEB603": sold.declaration, "CEB403": sold.collection}[type_]
        declarations = [self.exports[m].declaration for m in (1, 2)]
        if type_ == "CEB701":
            return samples.summary([self.invt_no(self.exports[m], number) for m in (1, 2)], parts=2, at=at)[n - 1]
        make = {"CEB607": samples.consolidation, "CEB507": samples.arrival, "CEB509": samples.departure}[type_]
        return make(declarations, parts=2, at=at)[n - 1]

    def invt_no(self, made: Any, otherwise: str) -> str:
        """The number customs gave, or one nobody has."""
        head = made.declaration.head
        state = self.zone.world.register_states().get(f"{DECLARATION}/{head.agentCode}:{head.copNo}")
        return state.numbers.get("invtNo", otherwise) if state is not None else otherwise

    def act(self, action: tuple[Any, ...], data: st.DataObject) -> None:
        zone = self.zone
        if action[0] == "customs":
            zone.hand_over()
            zone.receipts()
        elif action[0] == "steps":
            for _ in range(action[1]):
                zone.world.step(lambda count: data.draw(st.integers(0, count - 1)))
        elif action[0] == "tick":
            zone.tick(action[1])
        else:
            zone.send(action[2], self.document(*action))


@pytest.mark.slow
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data(), st.booleans())
def test_whatever_happens_the_laws_hold(data: st.DataObject, in_turn: bool) -> None:
    """``in_turn``: what follows comes after the sales; else everything comes in any order."""
    zone = Zone(MIXED)
    zone.eager = False
    play = Play(zone)
    groups = (SALES, FOLLOWING) if in_turn else ([*SALES, *FOLLOWING],)
    for group in groups:
        for action in data.draw(st.permutations(group)):
            if data.draw(st.integers(0, 9)):  # one in ten never comes
                play.act(action, data)
            play.act(data.draw(BETWEEN), data)
        if in_turn:
            zone.world.run()
            for _ in range(3):
                play.act(("customs",), data)
                zone.world.run()
                zone.tick(1000)
    zone.world.run()
    zone.eager = True
    zone.settle(4)
    for hours in (1, 30, 16 * 24, 16 * 24):
        zone.tick(hours * HOUR)
        zone.settle(2)
    nothing_waits_unseen(zone)
    the_total_is_the_sum(zone)
    waybills_know_the_orders_that_name_them(zone)
    applications_and_declarations_agree(zone)


def nothing_waits_unseen(zone: Zone) -> None:
    """I3, for every document that waits for others: matched, or expired and alarmed."""
    alarmed = {a.evidence.get("document") for a in zone.world.alerts() if a.rule == "hub.expired"}
    for key, state in zone.world.register_states().items():
        if state.version and not state.draft and not state.withdrawn and state.match == "expired":
            assert key in alarmed, key
        assert state.match in ("", "matched", "expired"), (key, state.match)
        if state.joined:
            assert state.match in ("matched", "expired"), key


def the_total_is_the_sum(zone: Zone) -> None:
    """I5: what assess holds of each buyer is the sum of what register told last."""
    totals: dict[str, int] = {}
    for state in zone.world.register_states().values():
        buyer, _, reserved, counted, returned = state.told
        if buyer:
            totals[buyer] = totals.get(buyer, 0) + reserved + counted - returned
    for buyer, total in totals.items():
        assert zone.world.buyer(buyer).used(2026) == total
        assert total >= 0


def waybills_know_the_orders_that_name_them(zone: Zone) -> None:
    states = zone.world.register_states()
    for key, state in states.items():
        if key.startswith("waybill/") and state.message == "CEB505" and state.more is not None and state.more.named:
            for named in state.more.named:
                declaration = states[named.declaration]
                if declaration.match == "matched" and state.joined:
                    assert declaration.counterparts["waybill"] == key


def applications_and_declarations_agree(zone: Zone) -> None:
    """What customs has accepted of an application is a fact of its declaration, and of nothing else."""
    states = zone.world.register_states()
    for key, state in states.items():
        if not key.startswith("declaration/") or state.more is None:
            continue
        for application, kept in state.more.applications.items():
            code = states[application].code
            if kept.stage == "accepted":
                assert code in ("399", "800", "899"), (application, code)
            elif kept.stage == "refused":
                assert code == "100" or code.startswith("-"), (application, code)
        if state.more.facts.get("cancellation") == "accepted":
            assert state.told[2:] == (0, 0, 0)
