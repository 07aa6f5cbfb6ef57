"""Several call servers of one database behind nginx, as processes, over one emulator."""

import asyncio
import json
import os
import re
import secrets
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from backend.config.env import Env
from backend.settings import read
from tests.store.servers import find, free_port
from tests.support.emulator import running_emulator

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "deploy" / "scale" / "nginx.conf.template"
CALL_PATH = "/api/live_voice_call/chat"
PATIENCE_S = 90.0
NODES = int(os.environ.get("SCALE_NODES", "2"))


@dataclass
class Program:
    """A process, and all that it says."""

    process: asyncio.subprocess.Process
    log: Path

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    async def says(self, pattern: str) -> re.Match[str]:
        """Wait until it has said this."""
        async with asyncio.timeout(PATIENCE_S):
            while (found := re.search(pattern, self.said())) is None:
                assert self.process.returncode is None, f"it ended:\n{self.said()[-2000:]}"
                await asyncio.sleep(0.05)
        return found

    async def end(self) -> None:
        """As it is asked to, with the processes that it has begun."""
        if self.process.returncode is None:
            self.process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            await self.process.wait()

    async def kill(self) -> None:
        """As a power cut would."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@dataclass
class Node(Program):
    """One call server."""

    call_port: int = 0
    page_port: int = 0

    def sids(self) -> list[str]:
        """Whose calls it has taken, in order; by what its log says."""
        return [entry["session"] for entry in self._entries() if entry.get("event") == "call.joined"]

    def _entries(self) -> Iterator[dict[str, Any]]:
        for line in self.said().splitlines():
            if line.startswith("{"):
                yield json.loads(line)


@dataclass
class Proxy:
    """nginx."""

    program: Program
    port: int

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def calls(self) -> str:
        return f"ws://127.0.0.1:{self.port}{CALL_PATH}"


@dataclass
class Cluster:
    """All of them; `url` is nginx's."""

    emulator_url: str
    database_url: str
    folder: Path
    nodes: list[Node] = field(default_factory=list)
    url: str = ""
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    def node_of(self, sid: str) -> Node:
        """Which of the servers that are alive has taken the conversation up."""
        [node] = [node for node in self.nodes if node.process.returncode is None and sid in node.sids()]
        return node

    async def asked(self) -> list[str]:
        """Every chat request that the emulator keeps, as text."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.emulator_url}/admin/stats") as response:
            stats = await response.json()
        return [json.dumps(request["json"]["messages"], ensure_ascii=False) for request in stats["chat"]["requests"]]

    async def script(self, script: Mapping[str, Any]) -> None:
        """Have the emulator go by this from now on, and forget what it was asked."""
        async with aiohttp.ClientSession() as http:
            async with http.put(f"{self.emulator_url}/admin/script", json=script) as response:
                assert response.status == 200, await response.text()
            async with http.delete(f"{self.emulator_url}/admin/stats") as response:
                assert response.status == 200


@asynccontextmanager
async def cluster(folder: Path, database_url: str, nodes: int) -> AsyncIterator[Cluster]:
    """Run it for the length of the block."""
    async with AsyncExitStack() as stack:
        vendors = await stack.enter_async_context(running_emulator(may_leave_lines=True))
        group = Cluster(vendors.http_url, database_url, folder)
        group.nodes = [await _node(stack, group, number) for number in range(1, nodes + 1)]
        for node in group.nodes:
            await _ready(node)
        calls, pages = [node.call_port for node in group.nodes], [node.page_port for node in group.nodes]
        group.url = (await stack.enter_async_context(proxy(folder, calls, pages))).calls
        yield group


async def _program(
    stack: AsyncExitStack, log: Path, command: Sequence[str], environment: Mapping[str, str] | None = None
) -> Program:
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=dict(environment or os.environ),
            cwd=ROOT,
        )
    program = Program(process, log)
    stack.push_async_callback(program.kill)
    return program


async def _node(stack: AsyncExitStack, group: Cluster, number: int) -> Node:
    """Settings as for the real vendors, but with the emulator's addresses."""
    names = Env({})
    read(names)
    bare = {name: value for name, value in os.environ.items() if name not in names.names}
    wires = group.emulator_url.replace("http", "ws", 1)
    chosen = {
        "VOLC_API_KEY": "key-of-a-test",
        "VOLC_ASR_URL": f"{wires}/api/v3/sauc",
        "VOLC_TTS_URL": f"{wires}/api/v3/tts/bidirection",
        "LLM_BASE_URL": f"{group.emulator_url}/v1",
        "LLM_MODEL": "scripted",
        "DATABASE_URL": group.database_url,
        "CALL_PORT": "0",
        "WEB_PORT": "0",
        "TOKEN_SECRET": group.secret,
        "TRUSTED_PROXIES": "127.0.0.1",
        "SID_HEADER": "X-Request-ID",
        "MAX_LOOP_LAG_MS": "0",  # the test's machine may be busy
        "MAX_LOOP_LOAD": "0",
        "VAD": "off",
        "LOG_FORMAT": "json",
    }
    command = [sys.executable, "-m", "backend.handler"]
    program = await _program(stack, group.folder / f"node-{number}.log", command, bare | chosen)
    return Node(program.process, program.log)


async def _ready(node: Node) -> None:
    node.call_port = int((await node.says(r"ws://localhost:(\d+)/"))[1])
    node.page_port = int((await node.says(r"Open http://localhost:(\d+)"))[1])


@asynccontextmanager
async def proxy(folder: Path, call_ports: Sequence[int], page_ports: Sequence[int]) -> AsyncIterator[Proxy]:
    """nginx by the file that is shipped, before servers at these ports."""
    nginx = find("nginx")
    assert nginx
    port = free_port()
    config = folder / "nginx.conf"
    (folder / "site").mkdir()
    config.write_text(filled(TEMPLATE.read_text("utf-8"), nginx_values(folder, port, call_ports, page_ports)), "utf-8")
    command = [nginx, "-e", "stderr", "-p", str(folder), "-c", str(config), "-g", "daemon off;"]
    async with AsyncExitStack() as stack:
        running = Proxy(await _program(stack, folder / "nginx.log", command), port)
        stack.push_async_callback(running.program.end)  # killed, it would leave its workers behind
        async with asyncio.timeout(PATIENCE_S):
            while not await _listens(port):
                assert running.program.process.returncode is None, running.program.said()
                await asyncio.sleep(0.02)
        yield running


def nginx_values(folder: Path, port: int, call_ports: Iterable[int], page_ports: Iterable[int]) -> dict[str, str]:
    """What the file leaves open."""
    return {
        "NGINX_LISTEN": f"127.0.0.1:{port}",
        "NGINX_TMP": str(folder),
        "NGINX_SITE": str(folder / "site"),
        "CALL_SERVERS": _servers(call_ports),
        "PAGE_SERVERS": _servers(page_ports),
    }


def filled(template: str, values: Mapping[str, str]) -> str:
    """As the official image's envsubst does it: names that have a value, and no others."""
    return re.sub(r"\$\{(\w+)\}", lambda found: values.get(found[1], found[0]), template)


def _servers(ports: Iterable[int]) -> str:
    return "".join(f"server 127.0.0.1:{port} max_fails=1 fail_timeout=5s;" for port in ports)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
