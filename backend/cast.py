"""Who speaks in a call: the persona's words for the model, and the voice she has with the provider in use."""

import re
from collections.abc import Sequence
from typing import Final

from backend.persona.card import Card, Voice, VoiceProvider
from backend.persona.prompt import Prompts
from backend.persona.recap import recap
from backend.persona.shelf import Shelf
from backend.ports import Message, SpeechOptions
from backend.protocol.events import CallConfig

_CHINESE_NAME: Final = re.compile("[\u4e00-\u9fff]{3}")


class Cast:
    """The personas of a server, as its calls see them.

    Args:
        default: the id of the persona that answers unless a client asks for another.
        provider: whose voices are spoken.
        voice: a voice id that replaces every card's own; empty for none.
        summary_tokens: how long what is remembered of a conversation may be.
        second: whose voices are spoken where that provider fails; None for nobody's.
    """

    def __init__(
        self,
        shelf: Shelf,
        default: str,
        provider: VoiceProvider,
        voice: str,
        *,
        second: VoiceProvider | None = None,
        summary_tokens: int = 0,
    ) -> None:
        self.shelf = shelf
        self.default = default
        self._provider: VoiceProvider = provider
        self._second: VoiceProvider | None = second
        self._voice = voice
        self._summary_tokens = summary_tokens
        self._prompts = Prompts()

    def card(self, persona: str | None = None) -> Card:
        """The card as its file stands now; the default one for None."""
        return self.shelf.current(persona or self.default)

    def names(self, persona: str | None = None) -> tuple[str, ...]:
        """What callers call her: a recogniser that expects these gets them right."""
        card = self.card(persona)
        # friends leave the family name out: 乔青青 is 青青 to them
        short = (card.name[1:],) if _CHINESE_NAME.fullmatch(card.name) else ()
        return (*short, card.name, *((card.name_latin,) if card.name_latin else ()))

    def prompt(self, persona: str | None, history: Sequence[Message], text: str) -> Sequence[Message]:
        """What the model is asked."""
        return self._prompts.messages(self.card(persona), history, text)

    def farewell(self, persona: str | None) -> str:
        """What she says when the call has cost as much as it may."""
        return self.card(persona).goodbye

    def recap(self, persona: str | None, summary: str, said: Sequence[Message]) -> Sequence[Message]:
        """What the model is asked, to fold what was said into the summary of what came before."""
        return recap(self.card(persona), summary, said, self._summary_tokens)

    def idle_line(self, persona: str | None) -> str:
        """What she says into a long silence."""
        return self.card(persona).idle_prompt

    def usual_voice(self, persona: str | None = None) -> str:
        """The one that a persona has unless a client asks for another."""
        return self._voice or self.card(persona).voice_for(self._provider)

    def voice(self, config: CallConfig) -> SpeechOptions:
        """How a reply sounds: as the client asks; its voice else the operator's, and all else the card's."""
        card = self.card(config.persona)
        return SpeechOptions(
            voice=config.speaker or self.usual_voice(card.id),
            audio_format=config.audio_format,
            sample_rate_hz=config.sample_rate,
            rate=card.speech.rate if config.speech_rate is None else config.speech_rate,
            volume=card.speech.volume if config.volume is None else config.volume,
            emotion=card.speech.emotion if config.emotion is None else config.emotion,
            second_voice=card.voice.of(self._second) if self._second else "",
        )

    def voices(self, persona: str | None = None) -> tuple[Voice, ...]:
        """What the page may offer for a persona, her own voice first."""
        return self.card(persona).voices_for(self._provider)
