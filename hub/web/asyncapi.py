"""What ``/asyncapi.json`` and ``schemas/events/`` say: the public topics, from the structs their records are made of."""

from __future__ import annotations

from typing import Any

import msgspec

from hub import topics
from hub.domain import events
from hub.domain.desk import Case

Json = dict[str, Any]  # Any: JSON

#: Public topics and what a record of theirs is.
PUBLIC: dict[str, Any] = {
    topics.STATUSES: events.Status,
    topics.ASSESSMENTS: events.Assessment,
    topics.ALERTS: events.Alert,
    topics.ANSWERS: events.Answer,
    topics.HAND_OVERS: events.HandOverOutcome,
    topics.HOLDS: events.Hold,
    topics.CASES: Case,
    topics.PROFILES: events.Profile,
}


def asyncapi(version: str) -> Json:
    """AsyncAPI 3.0 of the public topics; schemas come from the structs the records are encoded from."""
    schemas, components = msgspec.json.schema_components(PUBLIC.values(), ref_template="#/components/schemas/{name}")
    by_name = {topic.name: topic for topic in topics.TOPICS}
    channels, operations, messages = {}, {}, {}
    for (name, type_), schema in zip(PUBLIC.items(), schemas, strict=True):
        topic = by_name[name]
        message = {"name": type_.__name__, "contentType": "application/json", "payload": schema}
        messages[type_.__name__] = message | {"summary": topic.holds, "description": f"key: {topic.key}"}
        channels[name] = {
            "address": name,
            "description": topic.holds,
            "messages": {type_.__name__: {"$ref": f"#/components/messages/{type_.__name__}"}},
        }
        operations[f"read-{name}"] = {"action": "receive", "channel": {"$ref": f"#/channels/{name}"}}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Cross-border e-commerce single window: topics", "version": version},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": components},
    }


def event_schemas() -> dict[str, Json]:
    """Topic → JSON Schema (2020-12) of a record's value, complete in itself."""
    return {
        topic: {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(type_)}
        for topic, type_ in PUBLIC.items()
    }
