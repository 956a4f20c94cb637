"""A loopback server that costs next to nothing: every answer is made before the first question.

    python -m bench.throughput.server WORKLOAD [--tls CERT KEY] [--delay SECONDS]

Prints its port once it listens. The kind of an answer is the first part of the path, its variant the number behind.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys

from bench.throughput.pages import BIG, SMALL, VARIANTS, Answer, absent, answer, article, failures
from monitor.model import Outcome, Reason

HOME = answer(
    "<html><head><title>Home</title></head><body>Welcome</body></html>", truth=(Outcome.OK, Reason.PAGE)
)


def answers() -> dict[str, list[Answer]]:
    """By the first part of the path."""
    made = {
        "small": [article(number, SMALL) for number in range(VARIANTS)],
        "big": [article(number, BIG) for number in range(VARIANTS)],
        "big-absent": [absent(number, BIG) for number in range(VARIANTS)],
    }
    return made | {name: [one] for name, one in failures().items()}


class Connection(asyncio.Protocol):
    """One client; its questions have no body."""

    def __init__(self, known: dict[str, list[Answer]], delay_s: float) -> None:
        self._known, self._delay_s = known, delay_s
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        *questions, self._pending = (self._pending + data).split(b"\r\n\r\n")
        for question in questions:
            if self._delay_s:
                asyncio.get_running_loop().call_later(self._delay_s, self._reply, question)
            else:
                self._reply(question)

    def _reply(self, question: bytes) -> None:
        method, path, _ = question.split(b" ", 2)
        _, kind, *rest = path.decode().split("/")
        known = self._known.get(kind)
        if known and not rest[0].isdigit():
            known, rest = self._known["404"], ["0"]  # a neighbour that nobody has made
        said = known[int(rest[0]) % len(known)] if known else HOME
        payload = said.payload.replace(b"{path}", path, 1) if kind == "circle" else said.payload
        if method == b"HEAD":
            payload = payload[: payload.find(b"\r\n\r\n") + 4]
        self._transport.write(payload)
        if said.then != "keep":
            self._transport.close()


async def serve(delay_s: float, tls: ssl.SSLContext | None) -> None:
    known = answers()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(known, delay_s), "0.0.0.0", 0, ssl=tls, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    # the parent's end of this pipe closes with the parent, however it ends
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--delay", type=float, default=0)
    options = parser.parse_args()
    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
    asyncio.run(serve(options.delay, context))


if __name__ == "__main__":
    main()
