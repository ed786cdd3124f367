"""What ``/asyncapi.json`` and ``schemas/events/`` say: the public topics, from the structs their records are made of."""

from __future__ import annotations

from typing import Any

import msgspec

from hub import topics
from hub.domain import audit, deliveries, events, evidence
from hub.domain.authority_views import VIEWS
from hub.domain.desk import Case
from hub.domain.notices import NOTICES

Json = dict[str, Any]  # Any: JSON

#: Public topics and what a record of theirs is.
PUBLIC: dict[str, Any] = {
    topics.STATUSES: events.Status,
    topics.ASSESSMENTS: events.Assessment,
    topics.ALERTS: events.Alert,
    topics.ANSWERS: events.Answer,
    topics.HAND_OVERS: events.HandOverOutcome,
    topics.DELIVERIES: deliveries.DeliveryReport,
    topics.HOLDS: events.Hold,
    topics.CASES: Case,
    topics.PROFILES: events.Profile,
}
#: Public topics with records of several types: topic → CloudEvents type (``ce_type``) → what a record of it is.
TYPED: dict[str, dict[str, Any]] = {
    **{topics.out(authority): {"hub.alert.raised.v1": events.Alert, "hub.alert.changed.v1": events.Alert, **types} for authority, types in VIEWS.items()},
    topics.EVIDENCE: {audit.TYPE: audit.Act, evidence.ROOT_TYPE: evidence.Root, evidence.STAMP_TYPE: evidence.Stamped},
}


def asyncapi(version: str) -> Json:
    """AsyncAPI 3.0 of the public topics; schemas come from the structs the records are encoded from."""
    structs = list(dict.fromkeys([*PUBLIC.values(), *(type_ for types in TYPED.values() for type_ in types.values())]))
    schemas, components = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    payloads = dict(zip(structs, schemas, strict=True))
    by_name = {topic.name: topic for topic in topics.TOPICS}
    channels: Json = {}
    operations: Json = {}
    messages: Json = {}

    def channel(name: str, kinds: dict[str, Any]) -> None:
        """The channel of a topic; ``kinds`` are name of a message → its struct."""
        topic = by_name[name]
        for kind, type_ in kinds.items():
            message = {"name": kind, "contentType": "application/json", "payload": payloads[type_]}
            # Alerts are in ``alerts`` too, and said to be of that topic.
            messages.setdefault(kind, message | {"summary": topic.holds, "description": f"key: {topic.key}"})
        channels[name] = {
            "address": name,
            "description": topic.holds,
            "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in kinds},
        }
        operations[f"read-{name}"] = {"action": "receive", "channel": {"$ref": f"#/channels/{name}"}}

    for name, type_ in PUBLIC.items():
        channel(name, {type_.__name__: type_})
    for name, types in TYPED.items():
        channel(name, types)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Cross-border e-commerce single window: topics", "version": version},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": components},
    }


def event_schemas() -> dict[str, Json]:
    """Topic, or CloudEvents type where a topic has several → JSON Schema (2020-12) of a record's value, complete in itself.

    With those of the data of the events that authorities send (``hub.domain.notices``).
    """
    views = {name: type_ for types in VIEWS.values() for name, type_ in types.items()} | NOTICES | TYPED[topics.EVIDENCE]
    return {
        name: {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(type_)}
        for name, type_ in (PUBLIC | views).items()
    }
