"""A small world on 127.0.0.1: the sites of a reading list, archive.org, registries and a mail server, with real TLS.

    async with World(clock) as world:
        world.article("https://mp.weixin.qq.com/s/…", title="…")
        world.set("https://mp.weixin.qq.com/s/…", State.WECHAT_DELETED)
        settings = world.settings()     # [network] hosts and ca_file, [archives.wayback], [domains], …

It runs in the event loop that entered it. A daemon in a process of its own reaches it over loopback, so a
test need not give the world a process too.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from datetime import datetime, timedelta
from email.message import EmailMessage
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack
from urllib.parse import urlsplit

from monitor.demo.address import place_of
from monitor.demo.archive_http import ArchiveHttp
from monitor.demo.archive_org import Archive
from monitor.demo.archive_records import Capture
from monitor.demo.door import Certificates, Door
from monitor.demo.pages import csdn, pictures, site, wechat, zhihu
from monitor.demo.posts import BEGINNING, Post, Timeline, check_actable
from monitor.demo.proxy import Proxy
from monitor.demo.registries import HOSTS as REGISTRY_HOSTS
from monitor.demo.registries import Registries
from monitor.demo.reply import Reply, Visit, page
from monitor.demo.smtp import MailServer
from monitor.demo.state import HOST_ONLY, TRUTH, Particulars, Setting, State, platform_of
from monitor.demo.text import random_of, token
from monitor.demo.text import title as made_title
from monitor.demo.wire import Asked, Http, Look
from monitor.model import Clock, Outcome

_ANCHOR_HOSTS = ("www.baidu.com", "www.qq.com", "www.cloudflare.com", "www.wikipedia.org")
_ANCHORS = tuple(f"https://{host}/" for host in _ANCHOR_HOSTS)
_PLATFORM_HOSTS = {
    "wechat": ("mp.weixin.qq.com", "weixin.sogou.com", "mmbiz.qpic.cn"),
    "zhihu": ("www.zhihu.com", "zhuanlan.zhihu.com", "m.zhihu.com", "link.zhihu.com"),
    "csdn": ("blog.csdn.net", "www.csdn.net", "passport.csdn.net"),
    "archive": ("web.archive.org", "archive.org"),
    "registry": REGISTRY_HOSTS,
    "site": (*pictures.HOSTS[1:], *_ANCHOR_HOSTS, "www.hugedomains.com"),
}
_BUILDERS = {"wechat": wechat.build, "zhihu": zhihu.build, "csdn": csdn.build, "site": site.build}
_OWN_PATHS = frozenset({site.SUSPENDED_PATH, "/login", "/"})
_LEADING = frozenset({State.SUSPENDED, State.HOME_REDIRECT, State.LOGIN_REDIRECT})
_ARCHIVE_HOSTS = frozenset({*_PLATFORM_HOSTS["archive"], "localhost", "127.0.0.1"})


class World:
    """The acted web, archive and mail server. Enter it to open the doors, leave it to close them.

    ``clock`` tells the world's time; ``page_kb`` the size of a living WeChat page (2,400 kB in 2025: smaller
    is faster). ``log`` holds every request, ``mails`` every mail delivered. ``hosts`` is for
    ``[network.hosts]``, ``ca_file`` for ``[network] ca_file``; ``archive_base_url`` is reached through ``hosts``,
    ``archive_direct_url`` without.
    """

    archive_base_url = "https://web.archive.org"

    def __init__(self, clock: Clock, *, seed: int = 0, page_kb: int = 2400) -> None:
        self._clock, self._seed, self._page_bytes = clock, seed, page_kb * 1024
        self._posts: dict[str, Post] = {}
        self._timelines: dict[str, Timeline] = {}
        self._host_timelines: dict[str, Timeline] = {}
        self._doors: dict[str, Door] = {}
        self._doorways = {host: group for group, hosts in _PLATFORM_HOSTS.items() for host in hosts}
        self._directory = ""
        self._certificates = Certificates(self._host_state)
        self._http = Http(clock, self._route, seed)
        self._archive_views: dict[str, Setting] = {}
        self._is_unplugged = False
        self.archive = Archive(clock=clock, look=self._archive_look, seed=seed)
        self._archive_http = ArchiveHttp(self.archive)
        self.registries = Registries(clock)
        self.proxy = Proxy(lambda: self.hosts)
        self.mail_server = MailServer(self._certificates.for_host("localhost", "127.0.0.1"))

    async def __aenter__(self) -> Self:
        self._directory = tempfile.mkdtemp(prefix="rotwatch-demo-")
        self._certificates.ca.cert_pem.write_to_path(str(self.ca_file))
        for name in sorted(set(self._doorways.values())):
            self._doors[name] = self._door()
        await self.proxy.start()
        await self.mail_server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.proxy.stop()
        await self.mail_server.stop()
        await asyncio.gather(*(door.shut() for door in self._doors.values()))
        self._doors.clear()
        shutil.rmtree(self._directory)

    def _door(self) -> Door:
        return Door(self._http.server(), self._certificates.context)

    # what a program needs to reach it

    @property
    def ca_file(self) -> Path:
        return Path(self._directory) / "ca.pem"

    @property
    def hosts(self) -> dict[str, str]:
        """Host -> ``address:port``, for every host acted now."""
        return {host: self._doors[doorway].address for host, doorway in self._doorways.items()}

    @property
    def archive_direct_url(self) -> str:
        return f"https://localhost:{self._doors['archive'].port}"

    @property
    def proxy_url(self) -> str:
        """A forward proxy that leads into this world, for a client that takes no other way."""
        return f"http://127.0.0.1:{self.proxy.port}"

    @property
    def log(self) -> list[Look]:
        return self._http.log

    @property
    def mails(self) -> list[EmailMessage]:
        return self.mail_server.mails

    def settings(self) -> dict[str, dict[str, object]]:
        """The sections of a configuration that lead a daemon into this world, as they stand in TOML."""
        return {
            "network": {"ca_file": str(self.ca_file), "hosts": self.hosts, "anchors": list(_ANCHORS)},
            "archives": {
                "wayback": {
                    "base_url": self.archive_base_url,
                    "access_key": self.archive.access_key,
                    "secret_key": self.archive.secret_key,
                }
            },
            "domains": {"bootstrap_url": self.registries.list_url},
            "report": {"email": self.mail_server.settings()},
        }

    # writing the world

    def site(self, host: str, *, own_door: bool = False) -> None:
        """Act an ordinary host. With ``own_door`` it has a port of its own and can be made to refuse."""
        if own_door and self._doorways.get(host) != host:
            self._doorways[host] = host
            if self._doors:  # else they open when the world is entered
                self._doors[host] = self._door()
        self._doorways.setdefault(host, "site")

    def article(
        self,
        url: str,
        *,
        title: str | None = None,
        account: str | None = None,
        published: datetime | None = None,
        living: State = State.LIVE,
        state: State = State.LIVE,
        quotes_notices: bool = False,
        permanent_url: str = "",
        pictures: int = 3,
        sentences: int = 80,
    ) -> Post:
        """Put an article behind ``url`` and all other addresses of the same page.

        ``living`` is the kind of page it is while it lives, ``state`` what it answers from the beginning of
        time. Title, account and date are made up from the seed where they are not given.
        """
        place = place_of(url)
        if not place.key:
            raise ValueError(f"{url} is no article's address.")
        random = random_of("post", self._seed, place.key)
        post = Post(
            url=url,
            place=place,
            title=title or made_title(self._seed, place.key),
            account=account or made_title("account", random.randrange(12))[:6],
            published=published or self._clock() - timedelta(days=random.randint(200, 1200)),
            seed=f"{self._seed}/{place.key}",
            living=living,
            quotes_notices=quotes_notices,
            permanent_url=permanent_url,
            pictures=pictures,
            sentences=sentences,
        )
        check_actable(Setting(state=living), place, whole_host=False)
        self.site(place.host)
        self._posts[place.key] = post
        self._timelines[place.key] = Timeline()
        self.at(BEGINNING, url, state)
        return post

    def set(self, url: str, state: State, **particulars: Unpack[Particulars]) -> None:
        """From now on ``url`` is in ``state``; particulars are those of :class:`Setting`."""
        self.at(self._clock(), url, state, **particulars)

    def at(self, when: datetime, url: str, state: State, **particulars: Unpack[Particulars]) -> None:
        """From ``when`` on ``url`` is in ``state``, until something later is set."""
        place = place_of(url)
        if place.key not in self._posts:
            raise ValueError(f"There is no article at {url}: call World.article first.")
        setting = Setting(state=state, **particulars)
        check_actable(setting, place, whole_host=False)
        self._timelines[place.key].set(when, setting)

    def host_state(self, host: str, state: State | None, **particulars: Unpack[Particulars]) -> None:
        """From now on the whole host is in ``state``; None lifts it."""
        self.host_at(self._clock(), host, state, **particulars)
        self._settle_doors()

    def host_at(
        self, when: datetime, host: str, state: State | None, **particulars: Unpack[Particulars]
    ) -> None:
        """From ``when`` on the whole host is in ``state``; refusing can only be set at once."""
        if state is State.REFUSED and when > self._clock():
            raise ValueError("A port cannot be closed at a time: use World.host_state when it is time.")
        if state is State.REFUSED and self._doorways[host] == "site":
            raise ValueError(f"{host} shares its port: call World.site({host!r}, own_door=True) first.")
        setting = Setting(state=state, **particulars) if state else None
        if host in _ARCHIVE_HOSTS and state not in {None, State.REFUSED}:
            raise ValueError("Use World.archive.trouble_between: archive.org has troubles of its own.")
        if setting:
            check_actable(setting, place_of(f"https://{host}/"), whole_host=True)
        self._host_timelines.setdefault(host, Timeline()).set(when, setting)

    def archive_sees(self, what: str, state: State | None, **particulars: Unpack[Particulars]) -> None:
        """From now on archive.org, which looks from another address, meets a host or an article in ``state``.

        LIVE for a host lifts only what its host is in: its articles are met in their own states. None lifts it.
        """
        name = place_of(what).key if "://" in what else what
        if state:
            self._archive_views[name] = Setting(state=state, **particulars)
        else:
            self._archive_views.pop(name, None)

    def _archive_look(self, visit: Visit) -> Reply:
        place = place_of(visit.url)
        own = self._archive_views.get(place.key)
        if own:
            return self._answer(visit, own)
        whole = self._archive_views.get(place.host)
        if whole:
            return self._answer(visit, None if whole.state is State.LIVE else whole)
        return self.answer(visit)

    def plant(self, url: str, when: datetime, state: State, **particulars: Unpack[Particulars]) -> Capture:
        """A capture that archive.org has of an article, made at ``when`` while it was in ``state``."""
        setting = Setting(state=state, **particulars)
        visit = Visit(url=url, now=when, nonce=token(16, "plant", url, when))
        return self.archive.plant(url, when, reply=self._answer(visit, setting))

    def unplug(self) -> None:
        """The network is down: every host refuses, archive.org too; mail still works."""
        self._is_unplugged = True
        self._settle_doors()

    def plug_in(self) -> None:
        """The network is back."""
        self._is_unplugged = False
        self._settle_doors()

    def _settle_doors(self) -> None:
        refusing = {
            doorway for host, doorway in self._doorways.items() if self._host_state(host) is State.REFUSED
        }
        for doorway, door in self._doors.items():
            if self._is_unplugged or doorway in refusing:
                door.close()
            else:
                door.open()

    # the truth

    def post_at(self, url: str) -> Post:
        """The article behind an address; KeyError where there is none."""
        return self._posts[place_of(url).key]

    def state_of(self, url: str, now: datetime | None = None) -> State:
        """The article's own state, whatever its host does; a LIVE one is told by its living kind."""
        return self._own(place_of(url).key, now or self._clock()).state

    def seen_state(self, url: str, now: datetime | None = None) -> State:
        """What a visitor meets: the host's state where it is in one, else the article's own."""
        when, place = now or self._clock(), place_of(url)
        whole, own = self._host_state(place.host, when), self.state_of(url, when)
        if whole in HOST_ONLY or (whole and _reaches(whole, own, place.key, urlsplit(url).path)):
            return whole
        return own

    def _own(self, key: str, now: datetime) -> Setting:
        return self._posts[key].resolved(self._timelines[key].at(now) or Setting())

    def _host_setting(self, host: str, now: datetime) -> Setting | None:
        timeline = self._host_timelines.get(host)
        return timeline.at(now) if timeline else None

    def _host_state(self, host: str, now: datetime | None = None) -> State | None:
        setting = self._host_setting(host, now or self._clock())
        return setting.state if setting else None

    def answer(self, visit: Visit) -> Reply:
        """What the acted web answers to ``visit`` at ``visit.now``, without any network.

        Raises LookupError for a host that is not acted.
        """
        return self._answer(visit, self._host_setting(place_of(visit.url).host, visit.now))

    def _answer(self, visit: Visit, whole: Setting | None) -> Reply:
        place = place_of(visit.url)
        if place.host not in self._doorways:
            raise LookupError(f"{place.host} is not acted.")
        post = self._posts.get(place.key)
        setting = self._own(place.key, visit.now) if post else Setting()
        if whole and _reaches(whole.state, setting.state, place.key, urlsplit(visit.url).path or "/"):
            setting = post.resolved(whole) if post else whole
        if place.host in pictures.HOSTS and setting.state is State.LIVE:
            return pictures.build(visit)
        if (
            place.platform != "site"
            and setting.state is not State.LIVE
            and platform_of(setting.state) is None
        ):
            return site.build(visit, post, setting, page_bytes=self._page_bytes)
        return _BUILDERS[place.platform](visit, post, setting, page_bytes=self._page_bytes)

    async def _route(self, asked: Asked) -> Reply:
        host = urlsplit(asked.visit.url).hostname or ""
        if host in _ARCHIVE_HOSTS:
            return await self._archive_http.answer(asked)
        if host in REGISTRY_HOSTS:
            return self.registries.answer(asked.visit)
        try:
            return self.answer(asked.visit)
        except LookupError as error:
            return page(
                f"<html><head><title>421 Misdirected</title></head><body>{escape(str(error))}</body></html>",
                status=421,
            )


def _reaches(whole: State, own: State, key: str, path: str) -> bool:
    """Whether a host's state changes what a path answers."""
    if whole in HOST_ONLY:
        return False
    if whole is State.LAYOUT_CHANGED:  # the dead keep their notices
        return TRUTH[own].outcome is Outcome.OK
    if platform_of(whole):  # walls stand before articles, and lead to pages that must answer
        return bool(key)
    return whole not in _LEADING or path not in _OWN_PATHS
