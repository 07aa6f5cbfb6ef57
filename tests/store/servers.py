"""Real database servers in folders of their own, started and stopped by a test."""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

PATIENCE_S = 60.0
_PROGRAMS = {"mariadb": ("mariadbd", "mariadb-install-db"), "postgresql": ("postgres", "initdb")}


class DatabaseServer(Protocol):
    """One server; `url` names a fresh database in it."""

    def start(self) -> None:
        """Have it answer."""

    def stop(self) -> None:
        """Have it gone, as by a power cut for those who talk to it."""

    def url(self, name: str) -> str:
        """Of a database of this name, which is made."""

    def allow_writing(self, name: str, *, allowed: bool) -> None:
        """To those who use this database; reading it they may always, as from a standby."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def find(*names: str) -> str | None:
    """A program, also where Debian keeps those that are not for everyone."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", *map(str, versions)])
    return next((path for name in names if (path := shutil.which(name, path=places))), None)


def _unprivileged(folder: Path, *users: str) -> dict[str, str | int]:
    """Arguments for `Popen` under which a server runs that refuses root; the folder becomes that user's."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = next(known[name] for name in (*users, "nobody") if name in known)
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.geteuid() and parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)
        if parent == Path("/tmp"):
            break
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid}


@dataclass
class _Process:
    """A server's process."""

    command: list[str]
    folder: Path
    identity: dict[str, str | int]
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(  # type: ignore[call-overload]
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **self.identity
            )

    def stop(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(PATIENCE_S)
            self.process = None

    def check(self) -> None:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError((self.folder / "server.log").read_text("utf-8", "replace")[-2000:])


class Postgres:
    """PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        initdb, postgres = find("initdb"), find("postgres")
        assert initdb
        assert postgres
        self._port = free_port()
        identity = _unprivileged(folder, "postgres")
        data = folder / "data"
        subprocess.run(
            [initdb, "-D", str(data), "-U", "caller", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"],
            check=True,
            cwd=folder,
            capture_output=True,
            **identity,  # type: ignore[call-overload]
        )
        options = (f"port={self._port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "fsync=off")
        arguments = [part for option in options for part in ("-c", option)]
        self._process = _Process([postgres, "-D", str(data), *arguments], folder, identity)

    def start(self) -> None:
        self._process.start()
        _until(lambda: asyncio.run(self._run("SELECT 1")), self._process)

    def stop(self) -> None:
        self._process.stop(signal.SIGINT)  # what PostgreSQL calls a fast shutdown: it cuts its clients off

    def url(self, name: str) -> str:
        asyncio.run(self._run(f'CREATE DATABASE "{name}"'))
        return f"postgresql://caller@127.0.0.1:{self._port}/{name}"

    def allow_writing(self, name: str, *, allowed: bool) -> None:
        asyncio.run(self._run(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {not allowed}'))
        asyncio.run(self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))

    async def _run(self, statement: str) -> None:
        import asyncpg

        connection = await asyncpg.connect(f"postgresql://caller@127.0.0.1:{self._port}/postgres", timeout=2)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


class MariaDb:
    """MariaDB, for which MySQL's wire stands."""

    def __init__(self, folder: Path) -> None:
        install, server = find("mariadb-install-db", "mysql_install_db"), find("mariadbd", "mysqld")
        assert install
        assert server
        self._port = free_port()
        identity = _unprivileged(folder, "mysql")
        data = folder / "data"
        subprocess.run(
            [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
             "--skip-test-db"],
            check=True, cwd=folder, capture_output=True, **identity,  # type: ignore[call-overload]
        )  # fmt: skip
        options = (f"--datadir={data}", f"--port={self._port}", "--bind-address=127.0.0.1", f"--socket={folder}/s",
                   f"--pid-file={folder}/pid", "--innodb-flush-log-at-trx-commit=0", "--innodb-fast-shutdown=2",
                   "--skip-log-bin", "--skip-name-resolve", "--thread-pool-max-threads=50")  # fmt: skip
        self._process = _Process([server, "--no-defaults", *options], folder, identity)

    def start(self) -> None:
        self._process.start()
        _until(lambda: asyncio.run(self._run("SELECT 1")), self._process)

    def stop(self) -> None:
        self._process.stop(signal.SIGTERM)

    def url(self, name: str) -> str:
        asyncio.run(self._run(f"CREATE DATABASE `{name}`"))
        asyncio.run(self._run(f"GRANT ALL ON `{name}`.* TO caller@'127.0.0.1' IDENTIFIED BY ''"))
        return f"mysql://caller@127.0.0.1:{self._port}/{name}"

    def allow_writing(self, name: str, *, allowed: bool) -> None:
        """Of the whole server, to all but root."""
        asyncio.run(self._run(f"SET GLOBAL read_only = {not allowed}"))

    async def _run(self, statement: str) -> None:
        import aiomysql

        connection = await aiomysql.connect("127.0.0.1", "root", port=self._port, connect_timeout=2)
        try:
            async with connection.cursor() as cursor:
                await cursor.execute(statement)
        finally:
            connection.close()


def _until(answers: "object", process: _Process) -> None:
    assert callable(answers)
    end = time.monotonic() + PATIENCE_S
    while True:
        process.check()
        with suppress(Exception):
            answers()
            return
        assert time.monotonic() < end, "the database server does not answer"
        time.sleep(0.05)


def running(kind: str, folders: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    """One for a fixture. Without its programs the test is skipped and says so; under `CI=true` it fails."""
    if missing := [program for program in _PROGRAMS[kind] if find(program) is None]:
        reason = (
            f"{kind} is not installed here ({', '.join(missing)} missing; on Debian: apt-get install {_package(kind)})"
        )
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    server: DatabaseServer = (MariaDb if kind == "mariadb" else Postgres)(folders.mktemp(kind))
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _package(kind: str) -> str:
    return "mariadb-server" if kind == "mariadb" else "postgresql"
