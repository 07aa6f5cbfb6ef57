"""`python -m conformance URL` judges a server, `python -m conformance --serve` a client.

Exit status: 0 every check passed (or was not offered, or not tried), 1 some failed, 2 it could not run.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance import report, runner, serve
from conformance.bench import Options
from conformance.serve import Scene
from conformance.verdict import CannotRun, Result, Verdict

PASSED, FAILED, COULD_NOT_RUN = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run with these arguments; the exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        if args.list:
            print(report.listing(runner.select(args.only, args.check)))
            return PASSED
        if args.url is None and not args.serve:
            parser.error("whom? give the URL of a server, or --serve")
        if args.junit:
            report.check_writable(args.junit)
        results = asyncio.run(_judge_a_client(args) if args.serve else _judge_a_server(args))
        _tell(args, "a client" if args.serve else args.url, results)
    except CannotRun as exc:
        print(f"conformance: {exc}", file=sys.stderr)
        return COULD_NOT_RUN
    except KeyboardInterrupt:
        return COULD_NOT_RUN
    return FAILED if any(result.verdict is Verdict.FAILED for result in results) else PASSED


async def _judge_a_server(args: argparse.Namespace) -> list[Result]:
    options = Options(
        url=args.url,
        token=args.token,
        timeout_s=args.timeout,
        pace=args.pace,
        pid=args.pid,
        idle_timeout_s=args.idle_timeout,
        max_calls=args.max_calls,
        blocked_write_s=args.blocked_write,
        jobs=args.jobs,
        **({"speech": args.speech} if args.speech else {}),
    )
    if "://" not in options.url or not options.url.startswith(("ws://", "wss://")):
        raise CannotRun("the URL of a server begins with ws:// or wss://")
    return await runner.run(options, runner.select(args.only, args.check), _silently if args.json else _aloud)


async def _judge_a_client(args: argparse.Namespace) -> list[Result]:
    def ready(url: str) -> None:
        print(f"Call me at {url}", file=sys.stderr, flush=True)

    try:
        results = await serve.interview(args.host, args.port, Scene(silence_s=args.timeout), ready)
    except (OSError, OverflowError) as exc:
        raise CannotRun(f"cannot listen on port {args.port}: {exc}") from exc
    if not args.json:
        for result in results:
            _aloud(result)
    return results


def _tell(args: argparse.Namespace, target: str, results: Sequence[Result]) -> None:
    if args.json:
        print(report.as_json(target, results))
    else:
        print(report.summary(results))
    if args.junit:
        report.write_junit(args.junit, target, results)


def _aloud(result: Result) -> None:
    print(report.line(result), flush=True)


def _silently(_: Result) -> None:
    return


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    add = parser.add_argument
    add("url", nargs="?", metavar="URL", help="of the server: ws://HOST:PORT/api/live_voice_call/chat")
    add("--serve", action="store_true", help="be a server, and judge the one client that calls")
    add("--host", default="127.0.0.1", help="of --serve (127.0.0.1)")
    add("--port", type=int, default=8890, help="of --serve (8890); 0 takes a free one")
    add("--json", action="store_true", help="tell everything as JSON")
    add("--junit", type=Path, metavar="FILE", help="also write JUnit XML there")
    add("--list", action="store_true", help="only name the checks")
    add("--only", action="append", default=[], metavar="GROUP", help="the checks of this group; may be repeated")
    add("--check", action="append", default=[], metavar="NAME", help="this check; may be repeated")
    add("--token", default="", help="the access token that the server wants")
    add("--timeout", type=float, default=30.0, metavar="SECONDS", help="of one check (30)")
    add("--jobs", type=int, default=4, metavar="N", help="checks at once (4); 1 for a server that thinks slowly")
    add("--speech", type=Path, metavar="FILE", help="a WAV of speech: 16 kHz, mono, 16 bit")
    add("--pace", type=float, default=1.0, metavar="X", help="send speech X times faster than it is spoken (1)")
    add("--pid", type=int, help="of the server: it is sent SIGTERM at the end")
    add("--idle-timeout", type=float, metavar="SECONDS", help="the server's, to be tried")
    add("--max-calls", type=int, metavar="N", help="the server's, to be tried")
    add("--blocked-write", type=float, metavar="SECONDS", help="the server's, to be tried")
    return parser


if __name__ == "__main__":
    sys.exit(main())
