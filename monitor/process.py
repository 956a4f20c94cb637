"""The daemon as a process: what it is told by signals, what it tells systemd, and reading its settings anew."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar

from monitor.config_file import ConfigError
from monitor.daemon import Daemon
from monitor.notify import notify, watchdog_every_s
from monitor.store import StoreError
from monitor.web import WebError, serving

log = logging.getLogger(__name__)

SIGN_OF_LIFE_S = 10.0  # how often STATUS= is told when systemd does not watch

Fresh = TypeVar("Fresh")


class Signals:
    """What the process is told, in order: to stop (SIGTERM, SIGINT), to read its settings again (SIGHUP).

    On a terminal SIGHUP means that the terminal is gone, and stops.
    """

    def __init__(self) -> None:
        self._told: asyncio.Queue[bool] = asyncio.Queue()
        on_terminal = sys.stdin is not None and sys.stdin.isatty()
        loop = asyncio.get_running_loop()
        for name, stops in ((signal.SIGTERM, True), (signal.SIGINT, True), (signal.SIGHUP, on_terminal)):
            loop.add_signal_handler(name, self._told.put_nowait, stops)

    async def stops(self) -> bool:
        """Wait for the next signal: true when it says stop, false when it says read the settings again."""
        return await self._told.get()


async def serve(daemon: Daemon, signals: Signals, reread: Callable[[], Awaitable[Fresh]]) -> Fresh | None:
    """Run until told to stop or to go on with other settings; tell systemd how it goes.

    :param reread: gives what to go on with, proved to work.
        :class:`~monitor.config_file.ConfigError` and :class:`~monitor.store.StoreError` refuse it, and nothing changes.
    :returns: what ``reread`` gave; None at the end.
    """
    async with daemon.running(), AsyncExitStack() as window:
        try:
            address = await window.enter_async_context(serving(daemon.store, daemon.settings, daemon.clock))
            if address:
                log.info("status page: %s", address, extra={"action": "web"})
        except WebError as problem:
            log.error("%s", problem, extra={"action": "web"})
        notify("READY=1", "WATCHDOG=1", "STATUS=Started")
        refused = ""
        while not await _stops(signals, daemon, refused):
            # the sign of life, too: many reloads must not keep it waiting
            notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "WATCHDOG=1")
            try:
                fresh = await reread()
            except (ConfigError, StoreError) as problem:
                refused = f"Not reloaded, the settings of before hold: {problem}"
                log.error("%s", refused, extra={"action": "reload"})
                notify("READY=1", f"STATUS={refused}")
            else:
                log.info("reloading: finishing the looks in flight", extra={"action": "reload"})
                notify("STATUS=Reloading: finishing the looks in flight")
                return fresh
        notify("STOPPING=1", "STATUS=Finishing the looks in flight")
        log.info("stopping: finishing the looks in flight", extra={"action": "stop"})
    return None


async def _stops(signals: Signals, daemon: Daemon, refused: str) -> bool:
    """The next signal's meaning; until then a sign of life for systemd as often as it wants one."""
    every_s = watchdog_every_s() or SIGN_OF_LIFE_S
    while True:
        try:
            async with asyncio.timeout(every_s):
                return await signals.stops()
        except TimeoutError:
            await _sign_of_life(daemon, refused)


async def _sign_of_life(daemon: Daemon, refused: str) -> None:
    try:
        if await daemon.healthy():
            line = await daemon.status_line()
            notify("WATCHDOG=1", f"STATUS={f'{line}. {refused}' if refused else line}")
    except StoreError as problem:  # no sign: systemd restarts us when it goes on
        log.error("%s", problem, extra={"action": "watchdog"})
