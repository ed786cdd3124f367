"""What an evidence pack asks of the chain of evidence and the hub's key."""

from __future__ import annotations

from typing import Protocol

from hub.domain.reading import Place


class Prover(Protocol):
    """Proofs of the chain of evidence, and the hub's key; raises Unavailable."""

    @property
    def key_id(self) -> str: ...
    @property
    def public_pem(self) -> bytes: ...
    def sign(self, data: bytes) -> bytes: ...
    async def proof(self, place: Place, received_at: int) -> list[bytes]:
        """A file of evidence about the submission at a place, empty where it is under no root yet."""
