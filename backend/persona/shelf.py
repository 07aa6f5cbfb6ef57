"""Where cards are found, and found anew when their files change."""

import difflib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backend.errors import CardError
from backend.persona.card import AVATARS, Card, avatar_file, load

CARDS: Final = Path(__file__).resolve().parent / "cards"

_log = logging.getLogger(__name__)
_Stamp = tuple[int, int, int]
_UNSEEN: Final = (0, 0, -1)


@dataclass(slots=True)
class _Place:
    path: Path
    stamp: _Stamp | None = _UNSEEN
    card: Card | None = None
    fault: str = ""


class Shelf:
    """The cards of a folder, and those that were opened by their path.

    A card whose file changes is read anew by the next `current`; one that has become broken stays as it was, and the
    log says so once.

    Args:
        check: raises `CardError` for a card that is whole, and yet of no use to this server.
    """

    def __init__(
        self, folder: Path = CARDS, *, avatars: Path = AVATARS, check: Callable[[Card], object] = lambda _card: None
    ) -> None:
        self._folder = folder
        self._avatars = avatars
        self._check = check
        self._places: dict[str, _Place] = {}

    def open(self, persona: str) -> Card:
        """The card that `PERSONA` names: an id of the folder, or a path. From now on `current` knows it by its id.

        Raises:
            CardError: there is none, or it is broken.
        """
        path = self._path_of(persona)
        stamp = _stamp(path)
        card = self._load(path, path.stem if path.parent == self._folder else None)
        self._places[card.id] = _Place(path, stamp, card)
        return card

    def current(self, persona_id: str) -> Card:
        """The card as its file stands now; costs one `stat` when nothing changed.

        Raises:
            CardError: no such card, or it was never whole.
        """
        if persona_id not in self._places:
            if persona_id not in self._ids_of_folder():
                raise CardError(self._unknown(persona_id))
            self._places[persona_id] = _Place(self._folder / f"{persona_id}.yaml")
        place = self._places[persona_id]
        self._refresh(persona_id, place)
        if place.card is None:
            raise CardError(place.fault)
        return place.card

    def has(self, persona_id: str) -> bool:
        """Whether `current` gives a card."""
        try:
            self.current(persona_id)
        except CardError:
            return False
        return True

    def all(self) -> tuple[Card, ...]:
        """Every whole card, by id. A broken one is left out; the log says so once."""
        for persona_id in self._ids_of_folder() - self._places.keys():
            self._places[persona_id] = _Place(self._folder / f"{persona_id}.yaml")
        for persona_id, place in self._places.items():
            self._refresh(persona_id, place)
        return tuple(place.card for _, place in sorted(self._places.items()) if place.card is not None)

    def avatar(self, persona_id: str) -> Path:
        """The file of a card's picture.

        Raises:
            CardError: no such card, or its picture has gone.
        """
        card = self.current(persona_id)
        path = self._places[persona_id].path
        if picture := avatar_file(path, card, self._avatars):
            return picture
        raise CardError(f"{path.name}: avatar: there is no {card.avatar} any more")

    def _path_of(self, persona: str) -> Path:
        if persona in self._ids_of_folder():
            return self._folder / f"{persona}.yaml"
        path = Path(persona).expanduser()
        if path.suffix or len(path.parts) > 1:
            return path
        raise CardError(self._unknown(persona))

    def _ids_of_folder(self) -> set[str]:
        return {path.stem for path in self._folder.glob("*.yaml")}

    def _unknown(self, persona: str) -> str:
        ids = sorted(self._ids_of_folder() | self._places.keys())
        close = difflib.get_close_matches(persona, ids, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(ids) or 'none'}"
        return f"{persona}: card: no such card; {hint}"

    def _load(self, path: Path, persona_id: str | None) -> Card:
        card = load(path, avatars=self._avatars)
        if persona_id is not None and card.id != persona_id:
            raise CardError(f"{path.name}: id: must be {persona_id}")
        self._check(card)
        return card

    def _refresh(self, persona_id: str, place: _Place) -> None:
        stamp = _stamp(place.path)
        if stamp == place.stamp:
            return
        place.stamp = stamp
        try:
            place.card = self._load(place.path, persona_id)
        except CardError as exc:
            place.fault = str(exc)
            _log.warning("persona.broken", extra={"persona": persona_id, "reason": place.fault})
        else:
            _log.info("persona.loaded", extra={"persona": persona_id})


def _stamp(path: Path) -> _Stamp | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
