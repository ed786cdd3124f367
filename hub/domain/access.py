"""Who may send what and who may read what: a table, and nothing is allowed that it does not say (design §3.12)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from hub.domain.credentials import ApiKey, keys_of
from hub.domain.kinds import CANCELLATION, COLLECTION, DECLARATION, KINDS, ORDER, PAYMENT, RECEIPT, RETURN, SUMMARY
from hub.domain.mandates import Hosting, Mandate
from hub.domain.notices import NOTICES, authority_of
from schemas.model import message_types

ROLES = (
    "platform",
    "merchant",
    "payer",
    "carrier",
    "declarant",
    "site",
    "office",
    "operator",
    "customs",
    "tax",
    "forex",
    "market",
    "commerce",
)

#: Parts of customs to which orders and alerts can be addressed.
UNITS = ("quarantine",)

#: Message → the roles that may hand it in; what customs sends, only customs.
SENDERS: dict[str, frozenset[str]] = {
    mt.type: frozenset(mt.senders) if mt.direction == "up" else frozenset({"customs"})
    for mt in message_types().values()
}
#: Message → the fields of its head of which one must be a code of the sender.
OWN_CODES: dict[str, tuple[str, ...]] = {mt.type: mt.own_codes for mt in message_types().values()}

#: Roles that act for the public: they see findings, scores and alerts.
OFFICERS = frozenset({"customs", "tax", "forex", "market", "commerce", "office"})
#: Authority → the kinds of document it is entitled to (None of the enterprises' is left out for customs and the office).
READS: dict[str, frozenset[str]] = {
    "customs": frozenset({*KINDS, RECEIPT}),
    "office": frozenset({*KINDS, RECEIPT}),
    "tax": frozenset({ORDER, PAYMENT, COLLECTION, DECLARATION, CANCELLATION, RETURN, SUMMARY, RECEIPT}),
    "forex": frozenset({ORDER, PAYMENT, COLLECTION, DECLARATION, CANCELLATION, RETURN, SUMMARY, RECEIPT}),
    "market": frozenset({ORDER, DECLARATION, RETURN, RECEIPT}),
    "commerce": frozenset({ORDER, DECLARATION, RETURN, RECEIPT}),
}
#: Roles that may read what others handed in as it is, persons included, for a purpose that is recorded.
UNMASKED = frozenset({"customs"})
#: Roles that see how the machine runs, but no documents.
OPERATORS = frozenset({"operator"})


class Principal(msgspec.Struct, frozen=True, omit_defaults=True):
    """An identity that calls, as the reference record of kind ``principal`` describes it (``name`` is the record's id).

    ``codes`` are the enterprise codes it acts for, ``dxp_ids`` its numbers on the exchange platform, ``certificates``
    the base64 DER of those it may sign with; ``hosted``: the hub keeps a key and signs under its mandate. ``rate_messages``,
    ``rate_documents`` (a second) and ``rate_burst`` (seconds) go before the settings of those names where they are not 0.
    ``unit``: of customs' officers, one of ``UNITS``; empty for all of customs.
    """

    name: str = ""
    roles: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    dxp_ids: tuple[str, ...] = ()
    api_key_hash: str = ""
    certificates: tuple[str, ...] = ()
    hosted: bool = False
    edition: str = "202205"
    suspended: bool = False
    demo: bool = False
    title: str = ""
    keys: tuple[ApiKey, ...] = ()
    rate_messages: float = 0
    rate_documents: float = 0
    rate_burst: float = 0
    unit: str = ""
    #: Fingerprints (SHA-256 of the DER, hexadecimal) of the certificates that open a TLS connection as this principal.
    tls_certificates: tuple[str, ...] = ()
    #: The only messages it may hand in of those its roles allow; empty: all of them.
    messages: tuple[str, ...] = ()
    #: What others have granted it.
    mandates: tuple[Mandate, ...] = ()
    #: By what the hub signs in its name; without it (or once it is over) it does not, whatever ``hosted`` says.
    hosting: Hosting | None = None


def principal_of(name: str, value: Mapping[str, Any]) -> Principal:
    """The principal a reference record describes; msgspec.ValidationError where it describes none."""
    principal = msgspec.convert({**value, "name": name}, Principal)
    return msgspec.structs.replace(principal, keys=keys_of(value))


class Readable(Protocol):
    """What of a status decides who may read it (``hub.domain.events.Status``)."""

    @property
    def principal(self) -> str: ...
    @property
    def sender(self) -> str: ...
    @property
    def kind(self) -> str: ...


def is_officer(principal: Principal) -> bool:
    """Whether findings, scores, recommendations and alerts are for this principal."""
    return not principal.suspended and not OFFICERS.isdisjoint(principal.roles)


def is_operator(principal: Principal) -> bool:
    """Whether the hub's own working (topics, processes, settings) is for this principal."""
    return not principal.suspended and not OPERATORS.isdisjoint(principal.roles)


def may_unmask(principal: Principal) -> bool:
    """Whether it may read what others handed in unmasked, for a purpose."""
    return not principal.suspended and not UNMASKED.isdisjoint(principal.roles)


class Access:
    """The access table put to questions.

    ``open_enrolment`` takes enterprise codes nobody has filed from demo principals (``HUB_ENROLMENT`` open): codes of
    other principals stay theirs.
    """

    def __init__(
        self,
        open_enrolment: bool = False,
        filed: Mapping[str, str] | None = None,
        by_name: Callable[[str], Principal | None] = lambda _: None,
    ) -> None:
        """``filed`` maps the enterprise codes and platform numbers somebody has filed to that principal's name.

        ``by_name`` finds who has granted a mandate; where it finds nobody there is none.
        """
        self._open = open_enrolment
        self._filed = filed if filed is not None else {}
        self._by_name = by_name

    def may_send(self, principal: Principal, message: str, codes: Iterable[str] = (), at: int | None = None) -> bool:
        """Whether it may hand in a document of a ``message`` (CEB311) whose own-code fields (``OWN_CODES``) hold ``codes``.

        At least one must be its own, or one for which it has a mandate in force ``at`` (ms; without it none is); what
        authorities send names nobody of theirs and needs their role only.
        """
        if principal.suspended or message not in SENDERS:
            return False
        own = message in messages_of(principal)
        if not OWN_CODES[message]:
            return own
        return any((own and self.acts_for(principal, code)) or self.has_mandate(principal, message, code, at) for code in codes)

    def may_hand_in(self, principal: Principal, message: str, at: int | None = None) -> bool:
        """Whether there is any code for which it may hand in that message."""
        if principal.suspended:
            return False
        return message in messages_of(principal) or any(self._holds(one, message, at) for one in principal.mandates)

    def has_mandate(self, principal: Principal, message: str, code: str, at: int | None) -> bool:
        """Whether somebody has granted it to hand in that message for a code of theirs."""
        return any(one.code == code and self._holds(one, message, at) for one in principal.mandates)

    def _holds(self, mandate: Mandate, message: str, at: int | None) -> bool:
        """Whether a mandate is in force: its end has not come, and who granted it is not suspended and might send that itself."""
        if at is None or at >= mandate.until or message not in mandate.messages:
            return False
        grantor = self._by_name(mandate.grantor)
        if grantor is None or grantor.suspended:
            return False
        return mandate.code in grantor.codes and message in messages_of(grantor)

    def may_tell(self, principal: Principal, type_: str) -> bool:
        """Whether it may send events of a CloudEvents type (``hub.domain.notices``): only the authority whose word it is."""
        return not principal.suspended and type_ in NOTICES and authority_of(type_) in principal.roles

    def acts_for(self, principal: Principal, code: str) -> bool:
        """Whether an enterprise code is the principal's."""
        if not code:
            return False
        return code in principal.codes or (self._open and principal.demo and code not in self._filed)

    def may_transport(self, principal: Principal, cop_code: str, dxp_id: str) -> bool:
        """Whether BaseTransfer's company and platform number are the sender's (customs refuses others: −301008)."""
        others = dxp_id in self._filed or not (self._open and principal.demo)
        return self.acts_for(principal, cop_code) and (dxp_id in principal.dxp_ids or not others)

    def owner(self, code: str) -> str:
        """The name of the principal who has filed an enterprise code or platform number, empty where nobody has."""
        return self._filed.get(code, "")

    def may_read(self, principal: Principal, status: Readable, codes: Iterable[str] = ()) -> bool:
        """Whether it may see a document: its own, one in which its code is named (``codes``), or an entitled authority."""
        if principal.suspended:
            return False
        if status.principal == principal.name:
            return True
        if any(status.kind in READS.get(role, ()) for role in principal.roles):
            return True
        return any(code in principal.codes for code in codes if code)


def own_codes(message: str, head: Any) -> tuple[str, ...]:  # Any: one of the generated heads
    """The codes in a document's head of which one must be the sender's."""
    return tuple([getattr(head, name) or "" for name in OWN_CODES.get(message, ())])


def is_authority(principal: Principal) -> bool:
    """Whether its messages are an authority's answers."""
    return "customs" in principal.roles


def messages_of(principal: Principal) -> frozenset[str]:
    """The messages a principal may hand in by its roles, as far as its record does not restrict them."""
    return _messages_of(principal.roles, principal.messages)


@lru_cache(maxsize=1024)
def _messages_of(roles: tuple[str, ...], only: tuple[str, ...]) -> frozenset[str]:
    allowed = frozenset([message for message, senders in SENDERS.items() if not senders.isdisjoint(roles)])
    return allowed & frozenset(only) if only else allowed
