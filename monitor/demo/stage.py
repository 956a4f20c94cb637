"""A season played in the acted world: its articles, their deaths, and the troubles at their times."""

from __future__ import annotations

from datetime import datetime

from monitor.demo.season import Kind, Life, Season, Trouble
from monitor.demo.state import State
from monitor.demo.trouble import too_many
from monitor.demo.world import World

PAGE_KB = 8  # of a living WeChat page, in place of 2,400: what is tried here is months, not megabytes
SENTENCES = 24
PICTURES = 1
WHOLE_HOSTS = {
    Kind.CAPTCHAS: (State.WECHAT_CAPTCHA, ("mp.weixin.qq.com",)),
    Kind.OUTAGE: (State.BAD_GATEWAY, ("www.zhihu.com", "zhuanlan.zhihu.com")),
    Kind.CHALLENGES: (State.ZHIHU_CHALLENGE, ("www.zhihu.com", "zhuanlan.zhihu.com")),
}


class Stage:
    """Writes ``season`` into ``world``; :meth:`settle` does what can only be done when it is time."""

    def __init__(self, world: World, season: Season) -> None:
        self._world, self.season = world, season
        self._offline = [one for one in season.troubles if one.kind is Kind.OFFLINE]
        self._is_unplugged = False
        for life in season.lives.values():
            self._act(life)
        for trouble in season.troubles:
            self._announce(trouble)

    def _act(self, life: Life) -> None:
        world, death = self._world, life.death
        state = death.state if death and death.at is None else State.LIVE
        world.article(
            life.url,
            title=life.title,
            account=life.account,
            published=life.published,
            living=life.living,
            state=state,
            sentences=SENTENCES,
            pictures=PICTURES,
        )
        if life.captured_at:
            world.plant(life.url, life.captured_at, State.LIVE)
        if death is None or death.at is None:
            return
        if death.whole_host:
            world.host_at(death.at, life.place.host, death.state)
        else:
            world.at(death.at, life.url, death.state)
        if death.back:
            world.at(death.back, life.url, State.LIVE)

    def _announce(self, trouble: Trouble) -> None:
        if trouble.kind is Kind.ARCHIVE:
            self._world.archive.trouble_between(trouble.start, trouble.end, too_many())
        elif trouble.kind in WHOLE_HOSTS:
            state, hosts = WHOLE_HOSTS[trouble.kind]
            for host in hosts:
                self._world.host_at(trouble.start, host, state)
                self._world.host_at(trouble.end, host, None)

    def next_change(self, now: datetime) -> datetime | None:
        """When :meth:`settle` is needed next, after ``now``."""
        moments = [moment for one in self._offline for moment in (one.start, one.end) if moment > now]
        return min(moments, default=None)

    def settle(self, now: datetime) -> None:
        """Pull the plug of our own network, or plug it in, as the season has it ``now``."""
        is_offline = any(one.start <= now < one.end for one in self._offline)
        if is_offline is self._is_unplugged:
            return
        self._is_unplugged = is_offline
        if is_offline:
            self._world.unplug()
        else:
            self._world.plug_in()

    def troubles(self, start: datetime, end: datetime) -> list[Trouble]:
        """What goes wrong at any time from ``start`` to ``end``."""
        return [one for one in self.season.troubles if one.start <= end and start < one.end]
