"""The canonical form of a URL, and which of its parameters are personal. Pure.

Only what holds for every site is here; what a platform knows about its own addresses (a WeChat long link, the
shapes of a Zhihu answer) is in :mod:`monitor.platforms`. Nothing is fetched and no redirect is followed.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, parse_qsl, unquote, unquote_plus, urlsplit

MAX_LENGTH = 4096
"""Characters. Longer addresses are payloads: tracking blobs, inline pictures."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ROUNDS = 12  # wrappers in wrappers, escapes in escapes; real addresses need three


class NotALink(ValueError):  # noqa: N818 -- a word of the vocabulary, not a programming error
    """The text cannot be looked at over HTTP. Its message is one sentence for the user."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# --- which parameters are personal ---------------------------------------------------------------------------------

_ALWAYS = _words(
    # sessions and credentials
    "phpsessid jsessionid sessionid session_id sessid asp.net_sessionid cfid cftoken osccsid zenid "
    "access_token auth_token id_token refresh_token oauth_token api_key apikey authkey password passwd "
    # WeChat and its relatives: the reader's keys and account
    "key uin pass_ticket exportkey appmsg_token wxtoken openid unionid enterid clicktime devicetype nettype wx_header "
    "abtest_cookie poc_token nsukey isappinstalled "
    # who shared it
    "share_token share_source share_medium share_plat share_session_id share_tag share_times share_from shareuid "
    "share_uid share_id sharer unique_k vd_source from_wecom "
    # clicks and campaigns
    "fbclid gclid gclsrc dclid gbraid wbraid msclkid yclid ysclid twclid ttclid igshid igsh li_fat_id srsltid epik "
    "mc_cid mc_eid _hsenc _hsmi __hstc __hssc __hsfp hsctatracking mkt_tok vero_id vero_conv oly_anon_id oly_enc_id "
    "rb_clickid s_cid wickedid _openstat bd_vid spm spm_id_from scm _ga _gl hmsr hmpl hmcu hmkw hmci "
    # people
    "email e-mail e_mail user_email useremail"
)
_PREFIXES = ("utm_", "sharer_", "aspsessionid", "pk_", "mtm_", "matomo_", "piwik_")
# Names that mean something on many sites: personal only when the value looks drawn at random.
_WHEN_RANDOM = _words("sid session s_id sessionkey session_key token ticket auth")
_WHEN_A_NUMBER_TO_CALL = _words("phone mobile tel telephone mobilephone")
_RANDOM = re.compile(r"(?=.*\d)[\w.~=-]{16,}", re.ASCII)
_MAIL_ADDRESS = re.compile(r"[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")
_SESSION_IN_PATH = re.compile(r"(?i);(?:jsessionid|phpsessid|sessionid|sid)=[^/;]*|/\(S\([a-z0-9]{16,40}\)\)")
# Here ``key`` names the document.
_KEY_IS_CONTENT = frozenset({"docs.google.com", "spreadsheets.google.com", "drive.google.com"})


def is_personal(name: str, value: str) -> bool:
    """Whether a query parameter tells who reads, who shared, or the way he came.

    ``name`` and ``value`` may be percent-encoded.
    """
    plain = unquote_plus(name).strip().lower()
    text = unquote_plus(unquote_plus(value))
    if plain in _ALWAYS or plain.startswith(_PREFIXES):
        return True
    if plain in _WHEN_RANDOM and _RANDOM.fullmatch(text):
        return True
    if plain in _WHEN_A_NUMBER_TO_CALL and sum(c.isdigit() for c in text) >= 7:
        return True
    return bool("@" in text and _MAIL_ADDRESS.search(text)) or bool(
        "@" in plain and _MAIL_ADDRESS.search(plain)
    )


def _without_personal(query: str, host: str) -> str:
    if not query:
        return ""
    kept: list[str] = []
    for piece in re.split(r"(?=[&;])", query):
        name, _, value = piece.lstrip("&;").partition("=")
        spared = host in _KEY_IS_CONTENT and name == "key"
        if (name or value) and (spared or not is_personal(name, value)):
            kept.append(piece)
    return "".join(kept).lstrip("&;")


# --- wrappers ------------------------------------------------------------------------------------------------------

# host (itself or any subdomain), path, the parameter that has the target
_WRAPPERS = (
    ("link.zhihu.com", "/", "target"),
    ("link.csdn.net", "/", "target"),
    ("link.juejin.cn", "/", "target"),
    ("link.jianshu.com", "/", "t"),
    ("www.jianshu.com", "/go-wild", "url"),
    ("sogou.com", "/link", "url"),
    ("www.sogou.com", "/web/searchRedirect", "url"),
    ("mp.weixinbridge.com", "/mp/wapredirect", "url"),
    ("www.douban.com", "/link2/", "url"),
    ("gitee.com", "/link", "target"),
    ("sspai.com", "/link", "target"),
    ("www.oschina.net", "/action/GoToLink", "url"),
    ("c.pc.qq.com", "/middlem.html", "pfurl"),
    ("www.google.com", "/url", "q"),
    ("www.google.com", "/url", "url"),
    ("l.facebook.com", "/l.php", "u"),
    ("lm.facebook.com", "/l.php", "u"),
    ("www.youtube.com", "/redirect", "q"),
    ("out.reddit.com", "/", "url"),
    ("slack-redir.net", "/link", "url"),
    ("steamcommunity.com", "/linkfilter/", "url"),
    ("steamcommunity.com", "/linkfilter/", "u"),
    ("duckduckgo.com", "/l/", "uddg"),
)


def _wrapped(host: str, path: str, query: str) -> str | None:
    """The address that a redirector's own address carries in clear, else None."""
    if "http" not in query.lower():  # letters are never encoded here
        return None
    for owner, at, parameter in _WRAPPERS:
        if (host == owner or host.endswith("." + owner)) and path.rstrip("/") == at.rstrip("/"):
            for name, value in parse_qsl(query):
                if name == parameter and value.lower().startswith(("http://", "https://")):
                    return value
    return None


# --- the canonical form --------------------------------------------------------------------------------------------

_EDGES = " \t\r\n\f\v\u00a0\u3000\ufeff\u200b\u200c\u200d\u200e\u200f\u2060"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}):")
_ESCAPED_AMPERSAND = re.compile(r"(?:&|\\x26|\\u0026)(?:(?:amp|#38|#x26);)+|\\x26|\\u0026", re.IGNORECASE)
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_IN_PATH = re.compile(r"%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~!$&'()*+,;=:@/]")
_IN_QUERY = re.compile(r"%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]]")


def clean(raw: str) -> str:
    """The canonical form of an http(s) URL, the same for every way to write it, personal parameters cut.

    Idempotent: ``clean(clean(x)) == clean(x)``. Undoes HTML and script escapes (``&amp;``, ``\\x26amp;``),
    unwraps known redirectors, lower-cases scheme and host, writes international names in punycode, drops default
    ports, user names, dot segments, sessions and fragments (a ``#!`` fragment stays: there it names the page).
    Raises :class:`NotALink` for what cannot be fetched over http(s).
    """
    url = raw.strip(_EDGES)
    if len(url) > 4 * MAX_LENGTH:
        raise NotALink(f"The address is longer than {MAX_LENGTH} characters; give a shorter one.")
    for _ in range(_ROUNDS):
        cleaned = _once(url)
        if cleaned == url:
            return url
        url = cleaned
    raise NotALink("The address is wrapped in too many others; give the address of the page itself.")


def _once(url: str) -> str:
    if control := _CONTROL.search(url):
        raise NotALink(
            f"The address has a control character (U+{ord(control[0]):04X}) in it; write it on one line."
        )
    parts = _split(_unescape(url))
    host = _host(parts)
    path = _without_dots(_percent(_SESSION_IN_PATH.sub("", parts.path), _IN_PATH)) or "/"
    query = _percent(parts.query, _IN_QUERY)
    if target := _wrapped(host, path, query):
        return target.strip(_EDGES)
    query = _without_personal(query, host)
    fragment = _fragment(parts.fragment, host)
    result = (
        f"{parts.scheme}://{host}{_port(parts)}{path}"
        + (query and f"?{query}")
        + (fragment and f"#{fragment}")
    )
    if len(result) > MAX_LENGTH:
        raise NotALink(f"The address is longer than {MAX_LENGTH} characters; give a shorter one.")
    return result


def _unescape(url: str) -> str:
    url = _ESCAPED_AMPERSAND.sub("&", url)
    before, mark, after = url.partition("?")
    return before.replace("\\/", "/").replace("\\", "/") + mark + after.replace("\\/", "/")


def _split(url: str) -> SplitResult:
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise NotALink("The address does not begin with http:// or https://; write it in full.")
    if scheme[1].lower() not in _DEFAULT_PORTS:
        raise NotALink(f"{scheme[1].lower()}: addresses cannot be watched; give an http or https one.")
    try:
        return urlsplit(url)
    except ValueError as error:
        raise NotALink("The address has a malformed host name; correct it.") from error


def _host(parts: SplitResult) -> str:
    host = unquote(parts.hostname or "")
    if ":" in host:
        try:
            return f"[{ipaddress.IPv6Address(host).compressed}]"
        except ValueError as error:
            raise NotALink("The address has a malformed IPv6 host; correct it.") from error
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise NotALink("The address has a host name that cannot exist; correct it.") from error
    host = host.lower().removesuffix(".")
    if not host:
        raise NotALink("The address has no host name; write it in full.")
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise NotALink("The address has a host name that cannot exist; correct it.")
    return host


def _port(parts: SplitResult) -> str:
    try:
        port = parts.port
    except ValueError as error:
        raise NotALink("The address has a port that cannot exist; leave it out or correct it.") from error
    if port == 0:
        raise NotALink("The address has port 0, which cannot exist; leave it out or correct it.")
    return "" if port is None or port == _DEFAULT_PORTS[parts.scheme] else f":{port}"


def _percent(text: str, to_change: re.Pattern[str]) -> str:
    """Percent-encoding in normal form (RFC 3986 6.2.2): nothing encoded that need not be, hex digits in capitals."""

    def change(match: re.Match[str]) -> str:
        found = match[0]
        if len(found) == 3:
            plain = chr(int(found[1:], 16))
            return plain if plain in _UNRESERVED else found.upper()
        return "".join(f"%{byte:02X}" for byte in found.encode("utf-8", "replace"))

    return to_change.sub(change, text)


def _without_dots(path: str) -> str:
    """RFC 3986 5.2.4."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _fragment(fragment: str, host: str) -> str:
    if not fragment.startswith("!"):
        return ""
    route, mark, query = _percent(fragment, _IN_QUERY).partition("?")
    query = _without_personal(query, host) if mark else ""
    return route + (query and f"?{query}")


# --- what people are told ------------------------------------------------------------------------------------------

# with a scheme, or with a host before its parameters, as people and browsers shorten addresses
_IN_WORDS = re.compile(
    r"(?:https?://|www\.)[!-~]+|(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}(?::\d{1,5})?(?:/[!->@-~]*)?\?[!-~]*=[!-~]*",
    re.IGNORECASE,
)


def without_personal(words: str) -> str:
    """A title with the addresses that stand in it cleaned: it is told by mail, where they are not to be."""
    return _IN_WORDS.sub(_cleaned, words) if "?" in words or "@" in words else words


def _cleaned(match: re.Match[str]) -> str:
    address = match[0]
    if "?" not in address and "@" not in address:
        return address
    scheme = "" if address.lower().startswith("http") else "https://"
    try:
        return clean(scheme + address).removeprefix(scheme)
    except NotALink:
        return address.partition("?")[0].rpartition("@")[2]


def told(source: str) -> str:
    """A list's name as it may be told: of an address neither its login nor its query, which may be a reader's key."""
    if not source.lower().startswith(("http://", "https://")):
        return source
    address, mark, _ = source.partition("#")[0].partition("?")
    scheme, _, rest = address.partition("://")
    place, slash, path = rest.partition("/")
    return f"{scheme}://{place.rpartition('@')[2]}{slash}{path}{'?…' if mark else ''}"


# --- archives ------------------------------------------------------------------------------------------------------

_ARCHIVES = _words(
    "web.archive.org wayback.archive.org web-beta.archive.org archive.today archive.ph archive.is archive.li "
    "archive.vn archive.fo archive.md ghostarchive.org perma.cc webcitation.org www.webcitation.org megalodon.jp "
    "arquivo.pt webcache.googleusercontent.com cc.bingj.com"
)


def is_archive(url: str) -> bool:
    """Whether a URL is a copy in a web archive: it is not watched as a page of its own and never archived again."""
    try:
        parts = urlsplit(url.strip(_EDGES))
        host = (parts.hostname or "").removesuffix(".").removeprefix("www.")
    except ValueError:
        return False
    if host == "archive.org":
        return parts.path.startswith(("/web/", "/wayback/"))
    return host in _ARCHIVES
