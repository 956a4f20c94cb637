"""The acted articles: who wrote them, what they say, and in which state they are at which time."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache

from monitor.demo.address import Place
from monitor.demo.state import ANSWER_ONLY, HOST_ONLY, PLATFORMS, SITE_ONLY, Setting, State, platform_of
from monitor.demo.text import paragraphs, token

NOTICES_IN_PROSE = (
    "有读者留言说，打开链接只看到“该内容已被发布者删除”，也有人看到“此内容因违规无法查看”。",
    "还有人遇到“当前环境异常，完成验证后即可继续访问”，或者“你似乎来到了没有知识存在的荒原”。",
    "域名到期后常见的是 This domain is for sale，页面不存在，404 Not Found。",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One acted article. ``seed`` decides its text; ``living`` which kind of page it is while it lives;
    ``quotes_notices`` writes removal and wall notices into its prose; ``permanent_url`` is what a page behind a
    temporary address calls its own; ``pictures`` counts the pictures in it."""

    url: str
    place: Place
    title: str
    account: str
    published: datetime
    seed: str
    living: State = State.LIVE
    quotes_notices: bool = False
    permanent_url: str = ""
    pictures: int = 3
    sentences: int = 80

    @property
    def own_url(self) -> str:
        return self.permanent_url or self.url

    @property
    def account_id(self) -> str:
        """What the platform calls the account: ``__biz`` on WeChat, the user name elsewhere."""
        return token(16, "account", self.place.platform, self.account)

    def text(self, setting: Setting) -> list[str]:
        """The paragraphs of the article."""
        written = _text(self.seed, self.sentences, setting.edited, setting.cut)
        return [*NOTICES_IN_PROSE, *written] if self.quotes_notices else list(written)

    def resolved(self, setting: Setting) -> Setting:
        """The setting with LIVE told by the kind of page this is."""
        return replace(setting, state=self.living) if setting.state is State.LIVE else setting

    def picture(self, number: int) -> str:
        """A name for a picture that no other article has."""
        return token(40, "picture", self.seed, number)


@lru_cache(maxsize=4096)
def _text(seed: str, sentences: int, edited: float, cut: float) -> tuple[str, ...]:
    return tuple(paragraphs(seed, sentences=sentences, edited=edited, cut=cut))


@dataclass(slots=True)
class Timeline:
    """Which setting holds from when on. A None lifts what held before."""

    _times: list[datetime] = field(default_factory=list)
    _settings: list[Setting | None] = field(default_factory=list)

    def set(self, when: datetime, setting: Setting | None) -> None:
        """From ``when`` on ``setting`` holds, until a later one. What was set for later stays."""
        place = bisect_right(self._times, when)
        self._times.insert(place, when)
        self._settings.insert(place, setting)

    def at(self, now: datetime) -> Setting | None:
        place = bisect_right(self._times, now)
        return self._settings[place - 1] if place else None

    @property
    def changes(self) -> list[tuple[datetime, Setting | None]]:
        return list(zip(self._times, self._settings, strict=True))


BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)


def check_actable(setting: Setting, place: Place, *, whole_host: bool) -> None:
    """Refuse a state that this place cannot be in."""
    if setting.state is State.MOVED and not setting.target:
        raise ValueError("A page that moved needs a target.")
    wanted = platform_of(setting.state)
    if wanted in PLATFORMS and wanted != place.platform:
        raise ValueError(f"{setting.state} is a state of {wanted}, not of {place.host}.")
    if setting.state in SITE_ONLY and place.platform != "site":
        raise ValueError(f"{setting.state} is a state of ordinary sites, not of {place.host}.")
    kind = place.key.removeprefix("zhihu:").partition("/")[0]
    if (setting.state in ANSWER_ONLY and kind != "answer") or (
        setting.state is State.ZHIHU_2015 and kind == "p"
    ):
        raise ValueError(
            f"{setting.state} is no state of {place.key or place.host}: take an answer's address."
        )
    if setting.state in HOST_ONLY and not whole_host:
        raise ValueError(
            f"{setting.state} is a state of a whole host: use World.host_state for {place.host}."
        )
