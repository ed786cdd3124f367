"""Who sees what of the read model: random principals against random objects (I8)."""

from hypothesis import given
from hypothesis import strategies as some

from hub.domain.access import OFFICERS, READS, ROLES, Principal
from hub.domain.events import OtherVersion, TimelineEntry
from hub.domain.faults import Fault
from hub.domain.kinds import IMPORT_KINDS
from hub.domain.lifecycle import turn_of
from hub.domain.reading import need
from hub.web import sight, story
from tests.support.reading import MIDNIGHT, Case

CODES = ("EBP0000001", "EBC0000001", "PAY0000001", "LOG0000001", "AGT0000001", "XXX0000001")
principals = some.builds(
    Principal,
    name=some.sampled_from(("platform", "payer", "carrier", "agent", "somebody")),
    roles=some.lists(some.sampled_from(ROLES), max_size=2).map(tuple),
    codes=some.lists(some.sampled_from(CODES), max_size=2).map(tuple),
    suspended=some.booleans(),
)
kinds = some.sampled_from(IMPORT_KINDS)
SECRET = Fault("rule.secret", "", 0, "secret", "secret")
PLAIN = Fault("meaning.plain", "", 0, "plain", "plain")


@given(principals, kinds)
def test_only_the_owner_the_named_and_the_entitled_read_a_document(viewer: Principal, kind: str) -> None:
    status = Case(1).status(kind)
    named = {"order": {"EBP0000001", "EBC0000001"}, "payment": {"PAY0000001", "EBP0000001"}}
    named |= {"waybill": {"LOG0000001"}, "declaration": {"AGT0000001", "EBP0000001"}}
    entitled = any(kind in READS.get(role, ()) for role in viewer.roles)
    allowed = viewer.name == status.principal or bool(named[kind].intersection(viewer.codes)) or entitled
    assert sight.may_read(viewer, status) == (allowed and not viewer.suspended)


@given(principals, kinds)
def test_nothing_of_an_unreadable_document_but_its_key_and_state_is_told(viewer: Principal, kind: str) -> None:
    status = Case(1).status(
        kind, faults=(SECRET, PLAIN), timeline=(TimelineEntry(MIDNIGHT, "hub", "assessed", "secret"),)
    )
    told = story.document_json(viewer, status)
    line = story.timeline_json(viewer, [status])
    officer = not viewer.suspended and bool(OFFICERS.intersection(viewer.roles))
    if not sight.may_read(viewer, status):
        assert (told["submission"], told["faults"], line) == ("", [], [])
    if not officer:
        assert "secret" not in str((told, line))


@given(principals)
def test_lists_show_no_more_than_the_reader_may_read(viewer: Principal) -> None:
    scope = sight.scope(viewer)
    for kind in IMPORT_KINDS:
        status = Case(1).status(kind)
        listed = scope.principal in (None, status.principal) and (scope.kinds is None or kind in scope.kinds)
        if listed and not viewer.suspended:
            assert sight.may_read(viewer, status)


def test_a_need_is_the_gravest_that_holds() -> None:
    case = Case(1)
    assert need(case.released("declaration")) == ""
    assert need(case.released("order")) == ""
    assert need(case.status("order", 2, "waiting", match="waiting")) == "waiting"
    assert need(case.status("declaration", 2, "flagged", faults=(PLAIN,))) == "flagged"
    assert need(case.status("declaration", 5, "rejected", code="100", faults=(PLAIN,))) == "rejected"
    assert need(case.status("declaration", 5, "processing error", code="-621004")) == "rejected"
    assert need(case.status("declaration", 5, "examination", code="500")) == "examined"
    assert need(case.status("order", 3, "expired", match="expired")) == "expired"
    assert need(case.status("order", 3, "draft", faults=(PLAIN,))) == ""


def test_a_submitted_document_tells_its_own_fate_not_its_keys() -> None:
    later = OtherVersion("sub-2", 0, "stale", MIDNIGHT, (PLAIN,))
    status = Case(1).status("order", 3, "matched", submission="sub-1", index=1, versions=(later,))
    at = status.received_at
    assert story.fate("sub-1", 1, at, status) == ("matched", ())
    assert story.fate("sub-2", 0, MIDNIGHT, status) == ("stale", (PLAIN,))
    assert story.fate("sub-1", 0, at, status)[0] == "superseded"
    assert story.fate("sub-3", 0, max(at, MIDNIGHT) + 1, status)[0] == "pending"  # register has not told of it yet
    assert story.fate("sub-1", 0, at, None)[0] == "pending"


def test_a_stored_order_that_waits_for_its_payment_is_on_the_worklist_and_it_is_the_payers_turn() -> None:
    case = Case(1)
    assert need(case.status("order", 4, "stored by customs", code="120", match="waiting")) == "waiting"
    assert need(case.status("order", 5, "stored by customs", code="120", match="matched")) == ""
    assert turn_of("order", "stored by customs", "120", ("payment", "declaration")) == "payer"
    assert turn_of("order", "stored by customs", "120", ()) == ""
    assert turn_of("declaration", "sent", "3", ("payment",)) == "payer"
    assert turn_of("declaration", "stored by customs", "120", ("payment",)) == "customs"
    assert turn_of("declaration", "rejected", "100", ("payment",)) == "sender"
