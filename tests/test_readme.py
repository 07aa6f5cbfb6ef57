"""The READMEs tell the truth, as far as a machine can tell."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend import errors
from backend.config.env import Env
from backend.protocol import events
from backend.protocol.frames import AudioFrame, EventFrame, decode, encode
from backend.settings import read
from tests.support.fakes import FakeModel, FakeRecognizer, FakeSynthesizer, Hears
from tests.support.switchboard import Switchboard, answering

ROOT = Path(__file__).parents[1]
NAMES = ("README.md", "README.zh-CN.md")
ELSEWHERE = {"ARGS", "CHROMIUM", "HF_ENDPOINT", "OLLAMA_CONTEXT_LENGTH", "PIP_INDEX_URL", "PYTHON"}
PLACEHOLDERS = {
    "CALL",
    "CODE",
    "HOST",
    "ID",
    "MS",
    "N",
    "NAME",
    "PATH",
    "SID",
    "TEXT",
    "TOKEN",
    "VOICE",
    "JSON",
    "MIT",
    "PCM",
}
PLACEHOLDERS |= {"FRAME"}


@pytest.fixture(params=NAMES)
def readme(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return (ROOT / name).read_text(encoding="utf-8")


def codes_of_the_tree() -> Iterator[str]:
    for stage in ("ASR", "LLM", "TTS"):
        yield from (f"{stage}Failed", f"{stage}Timeout")
    yield from (errors.INTERNAL, errors.UNAUTHORIZED, errors.BUSY, errors.IDLE_TIMEOUT, errors.SHUTTING_DOWN)
    yield from (errors.ProtocolError().code, errors.EventError().code, errors.SessionIdError().code)


def section(readme: str, number: int) -> str:
    found = re.search(rf"^### {number}\. .*?(?=^##)", readme, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


def test_every_target_that_is_named_exists(readme: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert set(re.findall(r"\bmake ([a-z0-9-]+)", readme)) <= targets


def test_no_target_is_made_twice() -> None:
    made = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(set(made)) == sorted(made)


def test_every_target_is_named(readme: str) -> None:
    helped = re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    assert set(helped) - {"help"} <= set(re.findall(r"\| `make ([a-z0-9-]+)` \|", readme))


def test_every_setting_that_is_named_exists(readme: str) -> None:
    env = Env({})
    read(env)
    prose = re.sub(r"^```python.*?^```", "", readme, flags=re.MULTILINE | re.DOTALL)

    named = set(re.findall(r"(?<![A-Za-z_.$/{])\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)\b(?==|`)", prose))

    assert named - PLACEHOLDERS - ELSEWHERE <= set(env.names)


def test_every_file_that_is_linked_exists(readme: str) -> None:
    linked = set(re.findall(r"\]\((?!https?:|#)([^)#]+)", readme)) | set(re.findall(r'<img src="([^"]+)"', readme))
    linked = {path for path in linked if not path.startswith("assets/screenshots/")}

    assert [path for path in linked if not (ROOT / path).exists()] == []


def test_every_heading_that_is_linked_exists(readme: str) -> None:
    headings = {line.lower().replace(" ", "-") for line in re.findall(r"^#+ (.+)$", readme, re.MULTILINE)}

    assert {anchor for anchor in re.findall(r"\]\(#([^)]+)\)", readme) if anchor not in headings} == set()


def test_the_table_of_errors_is_the_tree_of_errors(readme: str) -> None:
    rows = [line.split("|")[1] for line in section(readme, 4).splitlines() if line.startswith("| `")]

    assert sorted(re.findall(r"`(\w+)`", "".join(rows))) == sorted(codes_of_the_tree())


def test_the_table_of_extensions_is_what_a_client_may_ask_for(readme: str) -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \|", section(readme, 5), re.MULTILINE)

    assert set(rows) == set(events.CallConfig.__dataclass_fields__)


def test_the_frames_that_are_shown_are_frames(readme: str) -> None:
    shown = re.findall(r"^\| `(11 [0-9a-f ]+)` `([0-9a-f ]+)` `(.+?)` \|", section(readme, 1), re.MULTILINE)
    whole = {head: bytes.fromhex(head + size) + _payload(text) for head, size, text in shown}

    assert decode(whole["11 20 00 00"]) == AudioFrame(bytes.fromhex("0100feff0300fcff"))
    assert decode(whole["11 10 10 00"]) == EventFrame("BotInterrupt", {})
    assert whole["11 90 10 00"] == encode(EventFrame("TTSDone", {}))
    assert encode(AudioFrame(bytes.fromhex("fff384c4") + bytes(9))).startswith(whole["11 b0 00 00"])


def _payload(text: str) -> bytes:
    return text.encode() if text.startswith("{") else bytes.fromhex(text.removesuffix(" …"))


async def test_the_client_that_is_shown_holds_a_call(readme: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.search(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert shown is not None
    client: dict[str, Any] = {"__name__": "client"}
    exec(shown[1], client)
    board = Switchboard(FakeRecognizer(Hears("你好")), FakeModel([["在呢。"]]), FakeSynthesizer())

    async with answering(board), asyncio.timeout(20):
        await client["call"](board.url, str(ROOT / "tests" / "data" / "zh_ni_hao.wav"))

    printed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert printed == ["BotReady", "SentenceRecognized", "TTSSentenceStart", "audio:", "TTSDone"]


def test_the_two_readmes_say_the_same() -> None:
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in NAMES)

    def skeleton(text: str) -> list[str]:
        return re.findall(r"^(#+|\||```\w*|- |<img)", text, re.MULTILINE)

    assert skeleton(english) == skeleton(chinese)
