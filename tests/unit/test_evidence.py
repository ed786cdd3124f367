"""The chain of evidence by itself: whatever is changed in a file is found, and one root counts of several for a place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import audit, evidence
from hub.domain.acknowledgement import leaf_bytes
from hub.domain.audit import Act
from hub.domain.evidence import Follower, Head, Root
from hub.domain.evidence_file import Walk, walk
from hub.domain.merkle import build, build_hashed, leaf_hash
from hub.infra.crypto import HubKey
from streams.evidence import Anchor, Chain, Held
from tests.support.evidence import acknowledged, chain, lines


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> HubKey:
    return HubKey.load(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def file(key: HubKey) -> list[bytes]:
    return lines(key, chain(key, [1, 3, 2]))


def walked(key: HubKey, file: list[bytes]) -> Walk:
    return walk(file, key.public)


def test_a_file_as_it_was_written_holds(key: HubKey, file: list[bytes]) -> None:
    found = walked(key, file)
    assert (found.broken, found.roots, found.included) == ("", 3, 6)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every leaf of a JSON value."""
    if isinstance(value, dict | list):
        for name, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(part, (*at, name))
    else:
        yield at


def other(value: Any, draw: st.DataObject) -> Any:
    if isinstance(value, int):
        return draw.draw(st.integers(-3, 1 << 60).filter(lambda n: n != value))
    text = str(value)
    at = draw.draw(st.integers(0, len(text)))
    kind = draw.draw(st.sampled_from(["change", "insert", "cut", "upper", "other"]))
    changed = {
        "change": text[:at] + draw.draw(st.sampled_from("0f=Az/ ")) + text[at + 1 :],
        "insert": text[:at] + draw.draw(st.sampled_from("0f=Az/ \n")) + text[at:],
        "cut": text[:at],
        "upper": text.upper(),
        "other": draw.draw(st.text(max_size=70)),
    }[kind]
    return changed if changed != text else text + "x"


@given(st.data())
def test_every_field_that_is_changed_is_found(key: HubKey, file: list[bytes], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(file) - 1))
    item = json.loads(file[number])
    at = data.draw(st.sampled_from(list(places(item))))
    part = item
    for step in at[:-1]:
        part = part[step]
    part[at[-1]] = other(part[at[-1]], data)
    changed = [*file[:number], json.dumps(item).encode(), *file[number + 1 :]]
    found = walked(key, changed)
    assert found.broken, f"line {number + 1}: {at} became {part[at[-1]]!r}"
    assert found.where == f"line {number + 1}" or found.broken in ("chain", "inclusion")


@given(st.data())
def test_a_line_that_is_missing_doubled_or_moved_is_found_where_others_stand_on_it(key: HubKey, file: list[bytes], data: st.DataObject) -> None:
    roots = [n for n, line in enumerate(file) if b'"kind":"root"' in line]
    number = data.draw(st.sampled_from(roots))
    kind = data.draw(st.sampled_from(["doubled", "missing", "moved"]))
    if kind == "doubled":
        changed = [*file[:number], file[number], *file[number:]]
    elif kind == "missing":
        changed = file[:number] + file[number + 1 :]
    else:
        changed = [*file[:number], *file[number + 1 :], file[number]]
    assert walked(key, changed).broken


def test_a_root_of_another_key_is_none(key: HubKey, file: list[bytes], tmp_path: Path) -> None:
    forger = HubKey.load(tmp_path)
    assert walked(forger, file).broken == "key"
    forged = lines(forger, chain(forger, [1, 3, 2]))
    assert walked(key, forged).broken == "key"
    named = [line.replace(forger.id.encode(), key.id.encode()) for line in forged]
    assert walked(key, named).broken == "root_signature"


def test_a_chain_goes_on_by_a_new_key_and_what_the_key_before_signed_still_counts(tmp_path: Path) -> None:
    first = HubKey.load(tmp_path)
    before = chain(first, [3, 2])
    second = HubKey.renewed(tmp_path)
    whole = [*before, *chain(second, [2, 4], head=evidence.after(before[-1][0]))]
    found = walk(lines(second, whole), second.public)
    assert (found.broken, found.roots, found.included) == ("", 4, 11)
    assert walk(lines(second, whole), first.public).broken == "key", "who does not know the new key cannot say"
    follower = Follower(evidence.genuine(second.public))
    assert [root for made, _ in whole for root in follower.next(made)] == [made for made, _ in whole]
    forged = msgspec.structs.replace(whole[2][0], key=first.id)
    assert walk(lines(second, [*before, (forged, whole[2][1])]), second.public).broken == "root_signature"


def test_a_file_that_begins_later_holds_and_one_that_says_it_begins_at_the_beginning_must(key: HubKey, file: list[bytes]) -> None:
    assert walked(key, [file[0], *file[3:]]).roots == 2
    made = chain(key, [2, 2])
    bent = msgspec.structs.replace(made[0][0], number=1, previous="1" * 64)
    bent = msgspec.structs.replace(bent, signature="")
    assert walked(key, [file[0], msgspec.json.encode(bent)]).broken == "chain"


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"\xff", b'{"kind":"root"}', b'{"kind":"x"}', b"[" * 100_000])
def test_lines_that_are_none_are_told_and_do_no_harm(key: HubKey, file: list[bytes], line: bytes) -> None:
    assert walked(key, [*file, line]).broken == "format"
    assert walked(key, [line]).broken == "format"
    assert walked(key, []).broken == "format"


def test_an_act_is_proven_by_what_stands_before_it(key: HubKey, file: list[bytes]) -> None:
    act = Act("office", "office", audit.ORDER_RECORDED, 5, id="a1", subject="customs~1")
    value = msgspec.json.encode(act)
    one = (7, "acts", evidence.hashed(value))
    root = evidence.make(Head(), "evidence", 0, [(7, evidence.leaf("evidence", 0, *one))], 9, key.sign, key.id)
    proof = msgspec.json.encode(evidence.include(root, [one])[0])
    assert walked(key, [*file, msgspec.json.encode(root), proof, value]).acts == 1
    assert walked(key, [*file, value]).broken == "inclusion"
    other_ = msgspec.json.encode(msgspec.structs.replace(act, by="nobody"))
    assert walked(key, [*file, msgspec.json.encode(root), proof, other_]).broken == "inclusion"


def test_the_content_of_a_leaf_is_the_acknowledgement_without_its_proof(key: HubKey) -> None:
    for ack in acknowledged(key, range(5), extra='","proof":'):
        assert evidence.content_of(ack) == hashlib.sha256(leaf_bytes(json.loads(ack))).hexdigest()


@given(st.lists(st.binary(max_size=5), min_size=1, max_size=70))
def test_a_root_alone_is_the_root_of_the_tree_with_paths(leaves: list[bytes]) -> None:
    assert build_hashed([leaf_hash(leaf) for leaf in leaves], paths=False) == (build(leaves)[0], [])


# ---- one root counts of several


def held(key: HubKey, anchor: Anchor = Anchor()) -> Held:  # noqa: B008 - a frozen value
    return Held(0, anchor, "submissions", "evidence", evidence.genuine(key.public))


def root_of(key: HubKey, head: Head, first: int, last: int, mark: str = "") -> Root:
    leaves = [(n, evidence.leaf("submissions", 0, n, f"{n}{mark}", "c")) for n in range(first, last + 1)]
    return evidence.make(head, "submissions", 0, leaves, 1, key.sign, key.id)


def test_of_two_roots_for_the_same_place_the_first_in_the_log_counts_for_every_reader(key: HubKey) -> None:
    first = root_of(key, Head(), 0, 4)
    late = root_of(key, Head(), 0, 6, mark="late")
    follower = root_of(key, evidence.after(first), 5, 9)
    on_the_late = root_of(key, evidence.after(late), 7, 9)
    log = [first, late, on_the_late, follower, first, late]
    reader = held(key)
    for offset, root in enumerate(log):
        reader.read(offset, b"submissions-0", msgspec.json.encode(root))
    assert reader.submissions.head == evidence.after(follower)


@given(st.data())
def test_reading_on_from_any_anchor_comes_to_the_same(key: HubKey, data: st.DataObject) -> None:
    """Roots, doubled ones and acts in any order: a reader that begins at an anchor ends where one from the start does."""
    log: list[tuple[bytes, bytes]] = []
    heads = [Head()]
    for number in range(data.draw(st.integers(1, 12))):
        kind = data.draw(st.sampled_from(["next", "double", "act", "stamp"]))
        if kind == "act":
            log.append((b"acts", msgspec.json.encode(Act("a", "operator", "key.erased", number, id=str(number)))))
        elif kind == "stamp" and len(heads) > 1:
            head = heads[-1]
            stamp = evidence.Stamped("submissions", 0, head.number, head.hash, "", 1)
            log.append((b"submissions-0", msgspec.json.encode(stamp)))
        else:
            head = heads[-1] if kind == "next" else data.draw(st.sampled_from(heads))
            root = root_of(key, head, head.last + 1, head.last + data.draw(st.integers(1, 3)), mark=str(number))
            log.append((b"submissions-0", msgspec.json.encode(root)))
            if head is heads[-1]:
                heads.append(evidence.after(root))
    whole = held(key)
    anchors = [whole.anchor]
    for offset, (name, value) in enumerate(log):
        whole.read(offset, name, value)
        anchors.append(msgspec.json.decode(msgspec.json.encode(whole.anchor), type=Anchor))
    assert whole.submissions.head == heads[-1]
    again = held(key, data.draw(st.sampled_from(anchors)))
    for offset, (name, value) in enumerate(log):
        if offset >= again.reading:
            again.read(offset, name, value)
    assert again.submissions.head == whole.submissions.head
    assert again.acts is not None
    assert whole.acts is not None
    assert again.acts.pending == whole.acts.pending
    assert again.submissions.unstamped == whole.submissions.unstamped


def test_what_another_has_chained_waits_no_more(key: HubKey) -> None:
    chain_ = Chain("submissions", 0, Head(), evidence.genuine(key.public))
    for offset in range(10):
        chain_.add(offset, str(offset), "c")
    chain_.take(root_of(key, Head(), 0, 6), 0)
    chain_.add(6, "6", "c")
    assert [offset for offset, _ in chain_.pending] == [7, 8, 9]


def forgeries(key: HubKey, forger: HubKey, head: Head) -> list[Root]:
    """Roots that fit behind a head and are not by the hub's key."""
    own = root_of(key, head, head.last + 1, head.last + 2)
    by_another = root_of(forger, head, head.last + 1, head.last + 2)
    return [
        by_another,
        msgspec.structs.replace(by_another, key=key.id),
        msgspec.structs.replace(own, signature=""),
        msgspec.structs.replace(own, last=own.last + 1000),
        msgspec.structs.replace(own, at=own.at + 1),
    ]


def test_a_root_in_the_log_that_the_hub_did_not_sign_counts_for_no_reader(key: HubKey, tmp_path: Path) -> None:
    forger, head = HubKey.load(tmp_path), Head()
    one, follower, counted = held(key), Follower(evidence.genuine(key.public)), list[Root]()
    made = []
    for offset in range(3):
        for forged in forgeries(key, forger, head):
            one.read(offset, b"submissions-0", msgspec.json.encode(forged))
            counted += follower.next(forged)
        assert one.submissions.head == head
        made.append(root_of(key, head, head.last + 1, head.last + 2))
        head = evidence.after(made[-1])
        one.read(offset, b"submissions-0", msgspec.json.encode(made[-1]))
        counted += follower.next(made[-1])
        assert one.submissions.head == head
    assert counted == made
    # One who begins in the middle of the log is not led astray by what stands there first.
    later, counted = Follower(evidence.genuine(key.public)), []
    for root in [*forgeries(key, forger, evidence.after(made[0])), *made[1:]]:
        counted += later.next(root)
    assert counted == made[1:]


def test_a_time_stamp_of_something_else_does_not_keep_the_newest_root_from_being_stamped(key: HubKey) -> None:
    one, root = held(key), root_of(key, Head(), 0, 3)
    one.read(0, b"submissions-0", msgspec.json.encode(root))
    for number, record in ((1, "0" * 64), (10**9, "0" * 64), (10**9, Head().hash)):
        one.read(1, b"submissions-0", msgspec.json.encode(evidence.Stamped("submissions", 0, number, record, "", 1)))
        assert one.submissions.unstamped
    one.read(2, b"submissions-0", msgspec.json.encode(evidence.Stamped("submissions", 0, 1, evidence.record_hash(root), "", 1)))
    assert not one.submissions.unstamped
