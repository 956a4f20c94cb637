"""The parts that look at links, put together: for the daemon, and for ``rotwatch check``, which needs nothing else."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from monitor.config import Settings
from monitor.fetch import Connectivity, Fetcher
from monitor.member import host_name
from monitor.model import Clock
from monitor.network import Network
from monitor.store import Store
from monitor.sweep import Sweep

if TYPE_CHECKING:
    from monitor.archives.local import LocalArchive


def collect_rarely() -> None:
    """For a process that looks at many links: what is loaded by now stays, and a look leaves hardly any cycles.

    The garbage collector took 6 % of a sweep's CPU, most of it for going through the same modules again.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def sweep_of(
    store: Store,
    fetcher: Fetcher,
    settings: Settings,
    *,
    clock: Clock,
    worker: str,
    local: LocalArchive | None,
) -> Sweep:
    """The sweep as the settings want it.

    :param worker: as in leases.
    :param local: where living pages are kept; None = nowhere.
    """
    keep = None
    if local is not None:
        from monitor.archives.keeper import Keeper  # noqa: PLC0415 -- brings all that writes WARC files

        keep = Keeper(store, local, settings.archives.local).keep
    return Sweep(
        store,
        fetcher,
        settings,
        Network(Connectivity(fetcher, settings.network.anchors, clock), store, clock),
        clock=clock,
        worker=worker,
        vantage=settings.daemon.vantage or host_name(),
        keep=keep,
    )
