"""What one party grants another: to act for its enterprise codes, or that the hub signs in its name. Each has a grantor and an end."""

from __future__ import annotations

import msgspec


class Mandate(msgspec.Struct, frozen=True, omit_defaults=True):
    """A principal may hand in ``messages`` (CEB311) that name ``code``, which is the principal ``grantor``'s.

    ``granted_by``: the person or text by which the grantor granted it. Times in ms: ``granted``, and ``until``, the first
    moment at which it is over.
    """

    grantor: str
    code: str
    messages: tuple[str, ...]
    until: int
    granted_by: str = ""
    granted: int = 0


class Hosting(msgspec.Struct, frozen=True, omit_defaults=True):
    """The hub holds a principal's key and signs unsigned documents in its name.

    ``document``: the text or reference by which it was granted, ``granted_by`` who granted it. ``until`` as with ``Mandate``.
    """

    document: str
    until: int
    granted_by: str = ""
    granted: int = 0


#: Mandates a principal may hold at a time, those over among them.
MOST = 256
