"""What the acted web can be made to answer: every state of docs/platforms.md, and the truth of each.

The truth is what a careful judge may say of the page, so that a test can hold a verdict against it. It is
written from those facts alone and knows nothing of :mod:`monitor.platforms`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict

from monitor.model import Outcome, Reason


class State(StrEnum):
    """What a page answers. A prefix names the platform; a state without one can be acted anywhere."""

    LIVE = "live"  # whatever living kind the post has

    # WeChat, living
    WECHAT_ARTICLE = "wechat_article"  # as of 2025
    WECHAT_ARTICLE_2018 = "wechat_article_2018"
    WECHAT_IMAGE = "wechat_image"
    WECHAT_VIDEO = "wechat_video"
    WECHAT_AUDIO = "wechat_audio"
    WECHAT_TEXT = "wechat_text"
    WECHAT_SHORT = "wechat_short"
    WECHAT_SHARED = "wechat_shared"
    # WeChat, removed
    WECHAT_DELETED = "wechat_deleted"
    WECHAT_VIOLATION = "wechat_violation"
    WECHAT_VIOLATION_MARKETING = "wechat_violation_marketing"
    WECHAT_VIOLATION_RULES = "wechat_violation_rules"
    WECHAT_VIOLATION_MIXED = "wechat_violation_mixed"  # English title, Chinese reason
    WECHAT_INFRINGEMENT = "wechat_infringement"
    WECHAT_COMPLAINTS = "wechat_complaints"
    WECHAT_SENDING_FAILED = "wechat_sending_failed"
    WECHAT_UNLAWFUL = "wechat_unlawful"
    WECHAT_RUMOUR = "wechat_rumour"
    WECHAT_ACCOUNT_BLOCKED = "wechat_account_blocked"
    WECHAT_ACCOUNT_CLOSED = "wechat_account_closed"
    WECHAT_ACCOUNT_INFRINGED = "wechat_account_infringed"
    WECHAT_LOST_IN_MIGRATION = "wechat_lost_in_migration"
    # WeChat, neither
    WECHAT_MIGRATED = "wechat_migrated"
    WECHAT_MIGRATING = "wechat_migrating"
    WECHAT_MIGRATION_ASKED = "wechat_migration_asked"
    WECHAT_EXPIRED = "wechat_expired"
    WECHAT_BAD_LINK = "wechat_bad_link"
    WECHAT_SYSTEM_ERROR = "wechat_system_error"
    WECHAT_UNDER_REVIEW = "wechat_under_review"
    WECHAT_UNAVAILABLE = "wechat_unavailable"
    WECHAT_PRIVATE = "wechat_private"
    WECHAT_RATE_LIMITED = "wechat_rate_limited"  # its sentence only inside document.write
    WECHAT_RATE_LIMITED_2017 = "wechat_rate_limited_2017"
    WECHAT_CLIENT_ONLY = "wechat_client_only"
    WECHAT_CAPTCHA = "wechat_captcha"  # 302, then a shell without visible text
    WECHAT_CAPTCHA_RENDERED = "wechat_captcha_rendered"  # as a browser would save it

    # Zhihu
    ZHIHU_2015 = "zhihu_2015"  # living, the old layout
    ZHIHU_LOGIN_MODAL = "zhihu_login_modal"  # living, a login window over it
    ZHIHU_NOT_FOUND = "zhihu_not_found"
    ZHIHU_NOT_FOUND_200 = "zhihu_not_found_200"
    ZHIHU_NOT_FOUND_403 = "zhihu_not_found_403"
    ZHIHU_NOT_FOUND_2016 = "zhihu_not_found_2016"
    ZHIHU_PAGE_MISSING = "zhihu_page_missing"
    ZHIHU_BAD_REQUEST = "zhihu_bad_request"
    ZHIHU_ANSWER_DELETED = "zhihu_answer_deleted"
    ZHIHU_WITHHELD = "zhihu_withheld"
    ZHIHU_CHALLENGE = "zhihu_challenge"
    ZHIHU_CHALLENGE_200 = "zhihu_challenge_200"
    ZHIHU_POISONED = "zhihu_poisoned"
    ZHIHU_UNHUMAN = "zhihu_unhuman"
    ZHIHU_UNHUMAN_403 = "zhihu_unhuman_403"
    ZHIHU_JSON_40352 = "zhihu_json_40352"
    ZHIHU_JSON_40353 = "zhihu_json_40353"
    ZHIHU_JSON_40362 = "zhihu_json_40362"
    ZHIHU_JSON_40362_200 = "zhihu_json_40362_200"
    ZHIHU_JSON_10003 = "zhihu_json_10003"
    ZHIHU_JSON_100 = "zhihu_json_100"
    ZHIHU_LOGIN = "zhihu_login"
    ZHIHU_SHELL = "zhihu_shell"  # the JSON block with no entity in it
    ZHIHU_REFUSED_CLIENT = "zhihu_refused_client"
    ZHIHU_HOME = "zhihu_home"

    # CSDN
    CSDN_PROMPTS = "csdn_prompts"  # living, prompts over readable text
    CSDN_LOGIN_BOUNCE = "csdn_login_bounce"  # living, a script goes to the login
    CSDN_NOT_FOUND = "csdn_not_found"
    CSDN_NOT_FOUND_200 = "csdn_not_found_200"
    CSDN_CHALLENGE = "csdn_challenge"
    CSDN_CHALLENGE_EMPTY = "csdn_challenge_empty"
    CSDN_WAF = "csdn_waf"
    CSDN_SECURITY = "csdn_security"

    # ordinary sites and, where it makes sense (not SITE_ONLY), any host: living
    PAGE = "page"
    PAGE_GBK = "page_gbk"  # charset in the header
    PAGE_GBK_META = "page_gbk_meta"  # charset in a meta tag only
    PAGE_CLOUDFLARE = "page_cloudflare"  # a living page with Cloudflare's harmless script
    LAYOUT_CHANGED = "layout_changed"  # living, in a page structure that nobody knows
    MOVED = "moved"  # 301 to the article's new address: ``target``
    # any site: gone
    NOT_FOUND = "not_found"
    GONE = "gone"
    SOFT_404 = "soft_404"
    SOFT_404_REFRESH = "soft_404_refresh"
    DISCUZ_DELETED = "discuz_deleted"
    PARKED_LANDER = "parked_lander"
    PARKED_FOR_SALE = "parked_for_sale"
    PARKED_BROKER = "parked_broker"
    GITHUB_PAGES_GONE = "github_pages_gone"
    HEROKU_GONE = "heroku_gone"
    BUCKET_GONE = "bucket_gone"
    TUMBLR_GONE = "tumblr_gone"
    WORDPRESS_GONE = "wordpress_gone"
    # any site: failing
    SERVER_ERROR = "server_error"
    BAD_GATEWAY = "bad_gateway"
    MAINTENANCE = "maintenance"
    HOME_REDIRECT = "home_redirect"
    OTHER_PAGE = "other_page"  # a lapsed domain with new content
    SUSPENDED = "suspended"
    NO_SITE = "no_site"
    ICP_BLOCK = "icp_block"
    EMPTY = "empty"
    # any site: walls
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate_limited"  # 429, with ``retry_after`` where set
    LOGIN_REDIRECT = "login_redirect"
    DISCUZ_NO_ACCESS = "discuz_no_access"
    CLOUDFLARE_CHALLENGE = "cloudflare_challenge"
    CLOUDFLARE_CHALLENGE_503 = "cloudflare_challenge_503"
    CLOUDFLARE_BLOCK = "cloudflare_block"
    AWS_WAF = "aws_waf"
    DATADOME = "datadome"
    PERIMETERX = "perimeterx"
    AKAMAI = "akamai"
    # any site: trouble on the wire
    RESET = "reset"
    RESET_MID_BODY = "reset_mid_body"
    HANG = "hang"
    HANG_MID_BODY = "hang_mid_body"
    SLOW_DRIP = "slow_drip"
    REDIRECT_LOOP = "redirect_loop"
    REDIRECT_PRIVATE = "redirect_private"  # to a cloud's metadata address
    REDIRECT_FILE = "redirect_file"  # to a scheme that is no http
    TOO_LARGE = "too_large"  # a body without end
    BAD_GZIP = "bad_gzip"
    GZIP_BOMB = "gzip_bomb"
    HUGE_HEADER = "huge_header"
    NOT_HTTP = "not_http"
    # any host, as a whole only
    REFUSED = "refused"
    TLS_WRONG_NAME = "tls_wrong_name"
    TLS_EXPIRED = "tls_expired"
    TLS_UNKNOWN_CA = "tls_unknown_ca"


HOST_ONLY = frozenset({State.REFUSED, State.TLS_WRONG_NAME, State.TLS_EXPIRED, State.TLS_UNKNOWN_CA})
PLATFORMS = ("wechat", "zhihu", "csdn")
SITE_ONLY = frozenset(
    {
        *(State.PAGE, State.PAGE_GBK, State.PAGE_GBK_META, State.PAGE_CLOUDFLARE),
        *(State.SOFT_404, State.SOFT_404_REFRESH, State.DISCUZ_DELETED, State.DISCUZ_NO_ACCESS),
        *(State.PARKED_LANDER, State.PARKED_FOR_SALE, State.PARKED_BROKER),
        *(
            State.GITHUB_PAGES_GONE,
            State.HEROKU_GONE,
            State.BUCKET_GONE,
            State.TUMBLR_GONE,
            State.WORDPRESS_GONE,
        ),
        *(State.HOME_REDIRECT, State.OTHER_PAGE, State.SUSPENDED, State.NO_SITE, State.ICP_BLOCK),
        *(State.LOGIN_REDIRECT, State.AWS_WAF, State.DATADOME, State.PERIMETERX, State.AKAMAI),
        *(State.CLOUDFLARE_CHALLENGE, State.CLOUDFLARE_CHALLENGE_503, State.CLOUDFLARE_BLOCK),
    }
)
"""What only ordinary sites answer; no platform has such pages."""
ANSWER_ONLY = frozenset({State.ZHIHU_ANSWER_DELETED, State.ZHIHU_WITHHELD})


@dataclass(frozen=True, slots=True)
class Truth:
    """What may be said of a page in this state. ``reason`` is None where docs/platforms.md leaves it open."""

    outcome: Outcome
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A state with its particulars; the defaults act the ordinary case of today.

    ``layout``: which era's page, where a platform had several (see the page builders); ``edited``: the share
    (0..1) of sentences written anew; ``cut``: the share of the text missing at its end; ``target``: where a
    move leads; ``retry_after``: the header's value with 429 and 503.
    """

    state: State = State.LIVE
    layout: str = ""
    edited: float = 0.0
    cut: float = 0.0
    target: str = ""
    retry_after: str = ""


class Particulars(TypedDict, total=False):
    """The fields of :class:`Setting` besides the state, as keyword arguments."""

    layout: str
    edited: float
    cut: float
    target: str
    retry_after: str


def platform_of(state: State) -> str | None:
    """The platform whose page a state is; None for states of ordinary sites and of any host."""
    prefix = state.value.partition("_")[0]
    return prefix if prefix in PLATFORMS else None


def _family(outcome: Outcome, reasons: dict[Reason | None, str]) -> dict[State, Truth]:
    return {
        State(name): Truth(outcome, reason) for reason, names in reasons.items() for name in names.split()
    }


TRUTH: dict[State, Truth] = {
    **_family(
        Outcome.OK,
        {
            None: "live page page_gbk page_gbk_meta page_cloudflare layout_changed moved",
            Reason.ARTICLE: "wechat_article wechat_article_2018 wechat_image wechat_video wechat_audio wechat_text"
            " wechat_short wechat_shared zhihu_2015 zhihu_login_modal csdn_prompts csdn_login_bounce",
        },
    ),
    **_family(
        Outcome.REMOVED,
        {
            Reason.DELETED_BY_AUTHOR: "wechat_deleted",
            Reason.VIOLATION: "wechat_violation wechat_violation_marketing wechat_violation_rules wechat_rumour"
            " wechat_violation_mixed wechat_infringement wechat_complaints wechat_sending_failed wechat_unlawful",
            Reason.ACCOUNT_GONE: "wechat_account_blocked wechat_account_closed wechat_account_infringed",
            Reason.LOST_IN_MIGRATION: "wechat_lost_in_migration",
            Reason.DELETED: "zhihu_answer_deleted",
        },
    ),
    **_family(
        Outcome.GONE,
        {
            Reason.NOT_FOUND: "zhihu_not_found zhihu_not_found_200 zhihu_not_found_2016 csdn_not_found"
            " csdn_not_found_200 not_found gone",
            Reason.SOFT_404: "soft_404 soft_404_refresh discuz_deleted",
            Reason.PARKED: "parked_lander parked_for_sale parked_broker",
            Reason.SITE_GONE: "github_pages_gone heroku_gone bucket_gone tumblr_gone wordpress_gone",
            None: "zhihu_page_missing no_site",
        },
    ),
    **_family(
        Outcome.FAILED,
        {
            Reason.MIGRATED: "wechat_migrated",
            Reason.MIGRATING: "wechat_migrating wechat_migration_asked",
            Reason.EXPIRED_LINK: "wechat_expired",
            Reason.BAD_LINK: "wechat_bad_link",
            Reason.UNDER_REVIEW: "wechat_under_review",
            Reason.UNAVAILABLE: "wechat_unavailable",
            Reason.PRIVATE: "wechat_private",
            Reason.WITHHELD: "zhihu_withheld",
            Reason.SERVER_ERROR: "wechat_system_error server_error bad_gateway",
            Reason.MAINTENANCE: "maintenance",
            Reason.HOME_PAGE: "zhihu_home home_redirect",
            Reason.OTHER_PAGE: "other_page",
            Reason.SITE_SUSPENDED: "suspended",
            Reason.ICP_BLOCK: "icp_block",
            Reason.EMPTY: "empty",
            Reason.CONNECTION: "reset reset_mid_body refused",
            Reason.TIMEOUT: "hang hang_mid_body slow_drip",
            Reason.REFUSED_ADDRESS: "redirect_private redirect_file",
            Reason.PROTOCOL: "redirect_loop not_http bad_gzip huge_header",
            Reason.TLS: "tls_wrong_name tls_expired tls_unknown_ca",
            None: "zhihu_bad_request too_large gzip_bomb",
        },
    ),
    **_family(
        Outcome.WALLED,
        {
            Reason.CAPTCHA: "wechat_captcha wechat_captcha_rendered zhihu_unhuman zhihu_unhuman_403",
            Reason.RATE_LIMITED: "wechat_rate_limited wechat_rate_limited_2017 zhihu_json_40362"
            " zhihu_json_40362_200 rate_limited",
            Reason.CLIENT_ONLY: "wechat_client_only",
            Reason.CHALLENGE: "zhihu_challenge zhihu_challenge_200 csdn_challenge csdn_challenge_empty"
            " cloudflare_challenge cloudflare_challenge_503",
            Reason.LOGIN: "zhihu_json_40353 zhihu_json_100 zhihu_login login_redirect",
            Reason.FORBIDDEN: "zhihu_not_found_403 forbidden",
            None: "zhihu_poisoned zhihu_json_40352 zhihu_json_10003 zhihu_shell zhihu_refused_client csdn_waf"
            " csdn_security discuz_no_access cloudflare_block aws_waf datadome perimeterx akamai",
        },
    ),
}
