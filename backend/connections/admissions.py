"""Who was let in at the door, from the handshake to the end of the call, so that a crowd cannot pass the bound."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from websockets.asyncio.server import ServerConnection

from backend.access.bounds import Place
from backend.access.keys import Grant


@dataclass(slots=True)
class Admission:
    """One connection's.

    Attributes:
        grant: what it may do.
        place: its address's.
        parameters: of its address, as it asked.
        answered: its call has begun, and it is that which ends it.
        counted: it takes one of the server's places.
    """

    grant: Grant
    place: Place
    parameters: Mapping[str, str]
    answered: bool = False
    counted: bool = True


class Admissions:
    """Everybody who was let in.

    A handshake that becomes no call is forgotten with its connection; a call may outlast its own.
    """

    def __init__(self) -> None:
        self._by_connection: dict[ServerConnection, Admission] = {}
        self.none_left = asyncio.Event()
        self.none_left.set()

    def __len__(self) -> int:
        """How many take a place."""
        return sum(admission.counted for admission in self._by_connection.values())

    def enter(self, connection: ServerConnection, admission: Admission) -> None:
        """Its handshake is good as far as one can tell."""
        self._by_connection[connection] = admission
        self.none_left.clear()
        connection.connection_lost_waiter.add_done_callback(lambda _: self._lost(connection))

    def answer(self, connection: ServerConnection) -> Admission | None:
        """Its call begins; None if the connection has gone before that."""
        admission = self._by_connection.get(connection)
        if admission is None:
            return None
        admission.answered = True
        return admission

    def give_up_place(self, connection: ServerConnection) -> None:
        """The connection came back to a call that has a place already: its own is free again."""
        admission = self._by_connection[connection]
        admission.counted = False
        admission.place.leave()

    def leave(self, connection: ServerConnection) -> None:
        """Its call has ended."""
        self._by_connection.pop(connection).place.leave()
        if not self._by_connection:
            self.none_left.set()

    def _lost(self, connection: ServerConnection) -> None:
        admission = self._by_connection.get(connection)
        if admission is not None and not admission.answered:
            self.leave(connection)
