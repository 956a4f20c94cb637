"""The parts that look at links, put together: for the daemon, and for ``rotwatch check``, which needs nothing else."""

from __future__ import annotations

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
