"""Who calls, by an API key, a client's certificate, or both."""

from __future__ import annotations

from collections.abc import Callable

from hub.domain.access import Principal
from hub.domain.faults import Refused, fault

#: An API key or a fingerprint → whose it is.
Find = Callable[[str], Principal | None]


def identified(authorization: str, fingerprint: str, by_key: Find, by_certificate: Find, why_not: Callable[[str], str]) -> Principal:
    """The caller, suspended or not; Refused (401) where there is none.

    ``authorization``: the header, empty where there is none. ``fingerprint``: of the certificate by which the client opened the
    connection, empty where it showed none. Who sends a key over a connection with a certificate must be the same by both.
    """
    scheme, _, key = authorization.partition(" ")
    key = key.strip()
    if authorization and (scheme.lower() != "bearer" or not key):
        raise Refused([fault("access.no_key")])
    certified = by_certificate(fingerprint) if fingerprint else None
    if fingerprint and certified is None:
        raise Refused([fault("access.unknown_certificate")])
    if not key:
        if certified is None:
            raise Refused([fault("access.no_key")])
        return certified
    found = by_key(key)
    if found is None:
        raise Refused([fault(why_not(key))])
    if certified is not None and certified.name != found.name:
        raise Refused([fault("access.certificate_mismatch")])
    return found
