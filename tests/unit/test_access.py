"""Nobody sends or reads what the access table does not give: random principals against random documents (I8)."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.access import ROLES, Access, Principal, is_officer, messages_of
from hub.domain.kinds import (
    CANCELLATION,
    COLLECTION,
    DECLARATION,
    KINDS,
    ORDER,
    PAYMENT,
    RECEIPT,
    RETURN,
    SUMMARY,
)
from hub.domain.mandates import Mandate
from schemas import catalog

NAMES = st.sampled_from(["a", "b", "c"])
CODES = st.sampled_from(["C1", "C2", "C3", "C4", ""])


class Document(NamedTuple):
    """What of a status decides."""

    principal: str
    sender: str
    kind: str


principals = st.builds(
    Principal,
    name=NAMES,
    roles=st.lists(st.sampled_from(ROLES), max_size=3).map(tuple),
    codes=st.lists(CODES, max_size=2).map(tuple),
    dxp_ids=st.lists(st.sampled_from(["D1", "D2"]), max_size=1).map(tuple),
    suspended=st.booleans(),
    demo=st.booleans(),
)
documents = st.builds(Document, principal=NAMES, sender=NAMES, kind=st.sampled_from((*KINDS, RECEIPT)))
#: The rule in words of its own: which role brings which message.
BRINGS = {
    "platform": {"CEB311", "CEB303", "CEB403"},
    "merchant": {"CEB311", "CEB303", "CEB403", "CEB213"},
    "payer": {"CEB411", "CEB403"},
    "carrier": {"CEB511", "CEB513", "CEB505", "CEB507", "CEB509"},
    "declarant": {"CEB621", "CEB623", "CEB625", "CEB603", "CEB605", "CEB607", "CEB701", "CEB213"},
    "site": {"CEB711", "CEB507", "CEB215"},
    "customs": {mt.type for mt in catalog.messages() if mt.direction == "down"},
}
#: What authorities other than customs are entitled to.
MONEY = {ORDER, PAYMENT, COLLECTION, DECLARATION, CANCELLATION, RETURN, SUMMARY, RECEIPT}
GOODS = {ORDER, DECLARATION, RETURN, RECEIPT}
FOR = {"tax": MONEY, "forex": MONEY, "market": GOODS, "commerce": GOODS}


@given(
    principals,
    st.sampled_from([*[mt.type for mt in catalog.messages()], "unheard-of"]),
    st.lists(CODES, max_size=2),
)
def test_only_the_right_role_with_its_own_code_may_send(who: Principal, message: str, codes: list[str]) -> None:
    may = Access().may_send(who, message, codes)
    entitled = any(message in BRINGS.get(role, ()) for role in who.roles)
    own = message in BRINGS["customs"] or any(code and code in who.codes for code in codes)
    assert may == (entitled and own and not who.suspended)


@given(principals, documents, st.lists(CODES, max_size=3))
def test_only_the_sender_a_named_enterprise_or_an_entitled_authority_may_read(
    who: Principal, document: Document, codes: list[str]
) -> None:
    may = Access().may_read(who, document, codes)
    authority = any(
        role in ("customs", "office") or document.kind in FOR.get(role, ())
        for role in who.roles
    )
    named = any(code and code in who.codes for code in codes)
    assert may == (not who.suspended and (document.principal == who.name or authority or named))


@given(principals)
def test_an_enterprise_or_operator_is_no_officer(who: Principal) -> None:
    public = {"customs", "tax", "forex", "market", "commerce", "office"}
    assert is_officer(who) == (bool(public & set(who.roles)) and not who.suspended)


@given(principals, CODES)
def test_open_enrolment_gives_demo_principals_what_nobody_has_filed(who: Principal, code: str) -> None:
    access = Access(open_enrolment=True, filed={"C1": "somebody"})
    given_ = access.acts_for(who, code)
    assert given_ == (bool(code) and (code in who.codes or (who.demo and code != "C1")))
    if given_ and code not in who.codes:
        assert not Access(open_enrolment=False).acts_for(who, code)


@given(principals, CODES, st.sampled_from(["D1", "D2", ""]))
def test_the_transporter_is_the_sender_itself(who: Principal, code: str, dxp_id: str) -> None:
    may = Access().may_transport(who, code, dxp_id)
    assert may == (bool(code) and code in who.codes and dxp_id in who.dxp_ids)


def test_open_enrolment_leaves_others_their_numbers_on_the_platform() -> None:
    who = Principal("agent", ("declarant",), ("C1",), ("D1",), demo=True)
    access = Access(open_enrolment=True, filed={"C1": "agent", "D1": "agent", "D2": "platform"})
    assert [access.may_transport(who, "C1", dxp_id) for dxp_id in ("D1", "D2", "D3")] == [True, False, True]


# ---- mandates

AT = 1_000
GRANTOR = Principal("shop", roles=("merchant",), codes=("C1",))
mandates = st.builds(
    Mandate,
    grantor=st.sampled_from(["shop", "nobody"]),
    code=st.sampled_from(["C1", "C2"]),
    messages=st.lists(st.sampled_from(["CEB311", "CEB303", "CEB621"]), max_size=2).map(tuple),
    until=st.integers(AT - 2, AT + 2),
)


@given(
    st.lists(st.sampled_from(["declarant", "payer"]), max_size=1).map(tuple),
    st.lists(mandates, max_size=3).map(tuple),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["CEB311", "CEB303", "CEB621"]),
    st.sampled_from(["C1", "C2", "C3", "C9", ""]),
)
def test_for_anothers_code_only_a_mandate_in_force_of_its_owner_who_may_do_it_itself_counts(
    roles: tuple[str, ...], held: tuple[Mandate, ...], suspended: bool, grantor_suspended: bool, message: str, code: str
) -> None:
    agent = Principal("agent", roles=roles, codes=("C9",), mandates=held, suspended=suspended)
    grantor = msgspec.structs.replace(GRANTOR, suspended=grantor_suspended)
    access = Access(by_name={"shop": grantor}.get)
    granted = any(
        one.grantor == "shop" and one.code == code == "C1" and message in one.messages and message != "CEB621" and one.until > AT
        for one in held
    ) and not grantor_suspended  # fmt: skip
    own = code == "C9" and message == "CEB621" and roles == ("declarant",)
    assert access.may_send(agent, message, (code,), AT) == ((granted or own) and not suspended)
    assert access.may_send(agent, message, (code,)) == (own and not suspended)
    if access.may_send(agent, message, (code,), AT):
        assert access.may_hand_in(agent, message, AT)


@given(st.lists(st.sampled_from(ROLES), max_size=3).map(tuple), st.lists(st.sampled_from(["CEB311", "CEB621", "CEB411"]), max_size=3).map(tuple))
def test_a_restriction_only_takes_away(roles: tuple[str, ...], only: tuple[str, ...]) -> None:
    free, restricted = messages_of(Principal(roles=roles)), messages_of(Principal(roles=roles, messages=only))
    assert restricted == (free & set(only) if only else free)


def test_what_a_grantor_may_no_longer_hand_in_itself_its_agent_may_not_either() -> None:
    agent = Principal("agent", mandates=(Mandate("shop", "C1", ("CEB311",), AT + 1),))
    assert Access(by_name={"shop": GRANTOR}.get).may_send(agent, "CEB311", ("C1",), AT)
    for less in (msgspec.structs.replace(GRANTOR, messages=("CEB303",)), msgspec.structs.replace(GRANTOR, codes=())):
        assert not Access(by_name={"shop": less}.get).may_send(agent, "CEB311", ("C1",), AT)
