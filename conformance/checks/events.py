"""Group `events`: names and payloads of section 2, and where calls are taken."""

import re
from collections.abc import Callable
from typing import Final

from conformance import wire
from conformance.bench import Bench
from conformance.verdict import Broken, check
from conformance.wire import Down

UNASKED: Final = frozenset({"BotReady", "SentenceRecognized", "TTSSentenceStart", "TTSDone", "BotError"})
SID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


async def _each(bench: Bench, name: str, rule: Callable[[Down], bool], says: str) -> str:
    frames = [down for down in await bench.plain() if down.is_event and name in ("", down.name)]
    if not frames:
        raise Broken(f"no {name} came")
    for down in frames:
        if not rule(down):
            raise Broken(says, down)
    return f"{len(frames)} of them"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


@check("events.ready-comes-first", "2")
async def ready_comes_first(bench: Bench) -> None:
    """The first thing that comes down is BotReady."""
    first = (await bench.plain())[0]
    if first.name != "BotReady":
        raise Broken("something else came first", first)


@check("events.ready-comes-once", "2")
async def ready_comes_once(bench: Bench) -> None:
    """BotReady comes once in a call."""
    ready = [down for down in await bench.plain() if down.name == "BotReady"]
    if len(ready) != 1:
        raise Broken(f"it came {len(ready)} times")


@check("events.ready-names-the-session", "2")
async def ready_names_the_session(bench: Bench) -> str:
    """BotReady names the conversation, with an id that one may come back with: 1 to 64 of A-Z a-z 0-9 - _."""
    payload = (await bench.plain())[0].payload
    if not SID.fullmatch(str(payload.get("session"))):
        raise Broken(f"the payload is {payload}", (await bench.plain())[0])
    return str(payload["session"])


@check("events.sessions-differ", "2")
async def sessions_differ(bench: Bench) -> None:
    """Two calls that name no conversation get two."""
    async with bench.dial() as one, bench.dial() as other:
        if one.frames[0].payload == other.frames[0].payload:
            raise Broken("two calls in one conversation", other.frames[0])


@check("events.envelope", "2")
async def envelope(bench: Bench) -> str:
    """Every event is an object with a text `event` and an object `payload`, and nothing else."""

    def whole(down: Down) -> bool:
        content = down.content or {}
        return set(content) == {"event", "payload"} and down.name != "?" and isinstance(content["payload"], dict)

    return await _each(bench, "", whole, "not {event, payload}")


@check("events.nothing-unasked", "2")
async def nothing_unasked(bench: Bench) -> str:
    """A client that asked for nothing gets the events of section 2 and no other."""
    return await _each(bench, "", lambda down: down.name in UNASKED, "an event that nobody asked for")


@check("events.recognized-has-its-sentence", "2")
async def recognized_has_its_sentence(bench: Bench) -> str:
    """SentenceRecognized holds what was said, as a text that is not empty."""
    return await _each(bench, "SentenceRecognized", lambda down: _is_text(down.payload.get("sentence")), "no sentence")


@check("events.start-has-its-sentence", "2")
async def start_has_its_sentence(bench: Bench) -> str:
    """TTSSentenceStart holds what will be spoken, as a text that is not empty."""
    return await _each(bench, "TTSSentenceStart", lambda down: _is_text(down.payload.get("sentence")), "no sentence")


@check("events.done-is-empty", "2")
async def done_is_empty(bench: Bench) -> str:
    """The payload of TTSDone is {}."""
    return await _each(bench, "TTSDone", lambda down: down.payload == {}, "the payload is not empty")


@check("events.error-has-code-and-message", "2")
async def error_has_code_and_message(bench: Bench) -> str:
    """BotError holds {"error": {"code", "message"}}, both texts."""

    def whole(down: Down) -> bool:
        error = down.payload.get("error")
        return isinstance(error, dict) and isinstance(error.get("code"), str) and isinstance(error.get("message"), str)

    return await _each(bench, "BotError", whole, "not {error: {code, message}}")


@check("events.config-is-taken", "2")
async def config_is_taken(bench: Bench) -> None:
    """BotUpdateConfig with a speaker is taken without an answer."""
    async with bench.dial() as call:
        await call.taken(wire.event("BotUpdateConfig", {"speaker": "zh_female_shuangkuaisisi_moon_bigtts"}))


@check("events.config-ignores-unknown-keys", "2")
async def config_ignores_unknown_keys(bench: Bench) -> None:
    """Keys of BotUpdateConfig that the server does not know are ignored, whatever they hold."""
    async with bench.dial() as call:
        await call.taken(wire.event("BotUpdateConfig", {"conformance": [1, {"x": None}], "": "", "speakers": 7}))


@check("events.config-in-any-state", "2")
async def config_in_any_state(bench: Bench) -> None:
    """BotUpdateConfig is taken while InProcess too, and the turn ends as ever."""

    async with bench.dial() as call:
        await bench.begin_turn(call)
        await call.tell("BotUpdateConfig", {"conformance": True})
        if errors := [down for down in await call.until("TTSDone") if down.name == "BotError"]:
            raise Broken("it was answered", errors[0])


@check("events.payload-may-be-missing", "2")
async def payload_may_be_missing(bench: Bench) -> None:
    """On the way up a missing payload counts as an empty one."""
    async with bench.dial() as call:
        await call.taken(wire.frame(wire.REQUEST, b'{"event":"BotUpdateConfig"}', serialization=wire.JSON))


@check("events.extra-members", "2")
async def extra_members(bench: Bench) -> None:
    """Members beside `event` and `payload` do no harm on the way up."""
    async with bench.dial() as call:
        body = b'{"event":"BotUpdateConfig","payload":{},"id":7,"sent":"now"}'
        await call.taken(wire.frame(wire.REQUEST, body, serialization=wire.JSON))


@check("events.text-comes-back-whole", "2")
async def text_comes_back_whole(bench: Bench) -> str:
    """Text survives: Chinese, an emoji beyond the first plane, quotes and a backslash come back as they were typed."""
    await bench.needs("UserText")
    text = '他说“好”, she said "ok" \\ 😀 和 𠮷'
    async with bench.dial() as call:
        heard = (await bench.begin_turn(call, text))[-1].payload.get("sentence")
    if heard != text:
        raise Broken(f"{text} came back as {heard}")
    return text


@check("events.root-is-an-alias", "2")
async def root_is_an_alias(bench: Bench) -> None:
    """Calls are taken at / too."""
    async with bench.dial(path="/"):
        return


@check("events.no-other-path", "2")
async def no_other_path(bench: Bench) -> str:
    """Every other path is answered with HTTP 404."""
    for path in ("/nowhere", "/api/live_voice_call", "/api/live_voice_call/chat/more"):
        status, _, _ = await bench.refused(path=path)
        if status != 404:
            raise Broken(f"{path} was answered with {status}")
    return "3 paths"
