"""Acts: what people do with the hub beyond handing in and reading their own, as it is kept in the topic ``evidence``."""

from __future__ import annotations

import msgspec

#: What was done, by a word that stays: ``<noun>.<participle>``.
PARTICIPANT_ADDED = "participant.added"
PARTICIPANT_ROTATED = "participant.rotated"
PARTICIPANT_KEY_REVOKED = "participant.key_revoked"
PARTICIPANT_CHANGED = "participant.changed"
PARTICIPANT_HOSTED = "participant.hosted"
PARTICIPANT_UNHOSTED = "participant.unhosted"
PARTICIPANT_MANDATED = "participant.mandated"
PARTICIPANT_MANDATE_ENDED = "participant.mandate_ended"
PARTICIPANT_SUSPENDED = "participant.suspended"
PARTICIPANT_LIFTED = "participant.lifted"
REFERENCE_LOADED = "reference.loaded"
REFERENCE_RECORDED = "reference.recorded"
ORDER_RECORDED = "order.recorded"
ORDER_REVOKED = "order.revoked"
HELD_RELEASED = "held.released"
HELD_REFUSED = "held.refused"
DESK_ACTED = "desk.acted"
PERSONAL_READ = "personal.read"
KEY_ERASED = "key.erased"
KEY_HELD = "key.held"
KEY_RELEASED = "key.released"
KEY_ROTATED = "key.rotated"
REPLAYED = "topic.replayed"
SUBSCRIPTION_MADE = "subscription.made"
SUBSCRIPTION_ENDED = "subscription.ended"
SUBSCRIPTION_RESUMED = "subscription.resumed"
SUBSCRIPTION_ROTATED = "subscription.rotated"

#: CloudEvents type of a record.
TYPE = "hub.act.recorded.v1"
#: Key of the records, and the partition all of them are in, so that they have one order.
KEY, PARTITION = b"acts", 0
#: Characters of each text of an act; what is longer is cut.
MOST_TEXT = 500


class Act(msgspec.Struct, frozen=True, omit_defaults=True, tag="act", tag_field="kind"):
    """Somebody did something. ``by`` is the principal (``os:<account>`` at the command line), ``role`` the one it acted in,
    ``subject`` what it was done to (an id, a name of a principal, a day), ``purpose`` why. ``at``: ms since the epoch.

    No field holds anything of a person in a document; ``id`` may be left empty, whoever writes the act gives it one.
    """

    by: str
    role: str
    what: str
    at: int
    id: str = ""
    subject: str = ""
    purpose: str = ""
    detail: dict[str, str] = {}


def bounded(act: Act, id_: str) -> Act:
    """The act as it is written: with an id, and no text longer than ``MOST_TEXT``."""
    detail = {name[:MOST_TEXT]: value[:MOST_TEXT] for name, value in act.detail.items()}
    return msgspec.structs.replace(
        act, id=act.id or id_, subject=act.subject[:MOST_TEXT], purpose=act.purpose[:MOST_TEXT], detail=detail
    )
