# ruff: noqa: E501 - markup is read best as the platform breaks it

"""Ordinary sites: living pages, soft 404s, parked domains, lost hosting, walls (docs/platforms.md, "Ordinary sites")."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from urllib.parse import urlsplit

from monitor.demo.pages import pictures
from monitor.demo.pages.layouts import weigh
from monitor.demo.pages.site_walls import WALLS
from monitor.demo.posts import Post
from monitor.demo.reply import HTML, Reply, Visit, filler, page, redirect
from monitor.demo.state import Setting, State
from monitor.demo.text import paragraphs

SUSPENDED_PATH = "/cgi-sys/suspendedpage.cgi"
BROKER = "https://www.hugedomains.com/domain_profile.cfm?d="
_LIVING = frozenset({State.LIVE, State.PAGE, State.PAGE_GBK, State.PAGE_GBK_META, State.PAGE_CLOUDFLARE})
_JSD = "<script>(function(){var a=document.createElement('script');a.src='/cdn-cgi/challenge-platform/scripts/jsd/main.js';document.head.appendChild(a)})()</script>"


def build(visit: Visit, post: Post | None, setting: Setting, *, page_bytes: int) -> Reply:
    """The answer of an ordinary site to ``visit``. ``post`` is None for an address without an article."""
    parts = urlsplit(visit.url)
    if post is None and setting.state is State.LIVE:
        return _without_post(visit, parts.hostname or "", parts.path)
    if post is not None and setting.state in _LIVING:
        return _living(post, setting, page_bytes)
    if post is not None and setting.state is State.LAYOUT_CHANGED:
        return unknown_layout(post, setting)
    return act(visit, setting)


def act(visit: Visit, setting: Setting) -> Reply:
    """What any site answers in a state that no platform's own pages have."""
    host = urlsplit(visit.url).hostname or ""
    match setting.state:
        case State.REDIRECT_LOOP:
            return redirect(visit.url)
        case State.MOVED:
            return redirect(setting.target, 301)
        case State.SUSPENDED:
            return redirect(f"https://{host}{SUSPENDED_PATH}")
        case State.PARKED_BROKER:
            return redirect(BROKER + host)
        case State.HOME_REDIRECT:
            return redirect(f"https://{host}/")
        case State.LOGIN_REDIRECT:
            return redirect(f"https://{host}/login?next={urlsplit(visit.url).path}")
        case State.OTHER_PAGE:
            return _other_page(host)
        case State.RATE_LIMITED | State.MAINTENANCE if setting.retry_after:
            reply = WALLS[setting.state](visit)
            return Reply(
                status=reply.status,
                headers=(*reply.headers, ("Retry-After", setting.retry_after)),
                parts=reply.parts,
            )
    builder = WALLS.get(setting.state) or _GONE.get(setting.state)
    if builder is None:
        raise ValueError(f"No page is written for {setting.state} on {host}.")
    return builder(visit)


def home(host: str) -> Reply:
    """The front page of a site."""
    name = host.removeprefix("www.")
    lines = "".join(f"<li>{escape(line)}</li>" for line in paragraphs("home", host, sentences=10))
    return page(
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{name}</title></head><body><h1>{name}</h1><ul>{lines}</ul></body></html>'
    )


def unknown_layout(post: Post, setting: Setting) -> Reply:
    """The article in a page structure that nobody has seen before."""
    text = "".join(f'<div class="x1c4">{escape(paragraph)}</div>' for paragraph in post.text(setting))
    return page(
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{escape(post.title)}</title></head><body><div id="app-root">'
        f'<div class="x9f3">{escape(post.title)}</div>{text}</div></body></html>'
    )


def _without_post(visit: Visit, host: str, path: str) -> Reply:
    if path in {"", "/"}:
        return home(host)
    if path.startswith("/images/"):
        return pictures.build(visit)
    if host == "weixin.sogou.com":
        return _sogou(path)
    if path == SUSPENDED_PATH:
        return page(
            "<html><head><title>Account Suspended</title></head><body><h1>This Account has been suspended.</h1><p>Contact your hosting provider for more information.</p></body></html>"
        )
    if path == "/login":
        return page(
            '<html><head><title>Sign in</title></head><body><form method="post"><input name="user"><input type="password" name="password"></form></body></html>'
        )
    if host == "www.hugedomains.com":
        return page(
            "<html><head><title>HugeDomains.com</title></head><body><h1>This domain is for sale</h1><script src='https://static.hugedomains.com/js/hd.js'></script></body></html>"
        )
    return WALLS[State.NOT_FOUND](visit)


def _sogou(path: str) -> Reply:
    if path.startswith("/antispider"):
        return page(
            '<html><head><title>搜狗搜索</title></head><body><p class="p2">用户您好，您的访问过于频繁，为确认本次访问为正常用户行为，需要您协助验证。</p></body></html>'
        )
    return redirect("https://weixin.sogou.com/antispider/?from=%2Flink")


def _other_page(host: str) -> Reply:
    text = "".join(f"<p>{line}</p>" for line in paragraphs("lapsed", host, sentences=30))
    return page(
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>在线娱乐平台注册送礼金</title></head><body><h1>在线娱乐平台</h1>{text}</body></html>'
    )


def _living(post: Post, setting: Setting, page_bytes: int) -> Reply:
    charset = "gbk" if setting.state in {State.PAGE_GBK, State.PAGE_GBK_META} else "utf-8"
    body = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in post.text(setting))
    shown = "".join(_picture(post, number) for number in range(1, post.pictures + 1))
    html = (
        f'<!DOCTYPE html><html lang="zh"><head><meta charset="{charset}"><title>{escape(post.title)} - {escape(post.account)}</title>'
        f'<meta property="og:title" content="{escape(post.title)}"><link rel="canonical" href="{escape(post.own_url)}"></head>'
        f'<body><nav><a href="/">首页</a> <a href="/archive">归档</a></nav><article><h1>{escape(post.title)}</h1>{body}{shown}</article>'
        f"<footer>{escape(post.account)}</footer>{_JSD if setting.state is State.PAGE_CLOUDFLARE else ''}<script>"
    )
    announced = "" if setting.state is State.PAGE_GBK_META else f"; charset={charset}"
    headers = (
        ("Content-Type", f"text/html{announced}"),
        ("Last-Modified", post.published.strftime("%a, %d %b %Y %H:%M:%S GMT")),
    )
    return Reply(
        headers=headers,
        parts=(
            html.encode(charset, "xmlcharrefreplace"),
            filler(min(page_bytes, 60_000)),
            b"</script></body></html>",
        ),
    )


def _picture(post: Post, number: int) -> str:
    """Pictures as sites show them: in src, in srcset, behind an element."""
    name = f"/images/{post.picture(number)[:12]}"
    return (
        f'<img src="{name}.png">',
        f'<img src="{name}.png" srcset="{name}-480.png 480w, {name}-1080.png 1080w, {name}-4000.png 4000w">',
        f"<div style=\"background-image: url('{name}-behind.png')\"></div>",
    )[(number - 1) % 3]


def _text(title: str, body: str, *, status: int = 200, head: str = "") -> Callable[[Visit], Reply]:
    html = f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title>{head}</head><body>{body}</body></html>'
    return lambda _: page(html, status=status)


def _parked_lander(_: Visit) -> Reply:
    html = '<!DOCTYPE html><html><head><script>window.onload=function(){window.location.href="/lander"}</script></head></html>'
    return Reply(headers=(HTML,), parts=(html.encode(),), zipped=False)


def _icp(_: Visit) -> Reply:
    return page(
        '<html><head><meta http-equiv="Content-Type" content="textml;charset=UTF-8" /><style>body{background-color:#FFFFFF}</style>'
        '<title>TestPage184</title></head><body><iframe style="display:block; border:none; position:absolute" width="100%" height="100%"'
        ' src="https://batit.aliyun.com/alww.html?id=00000000001785923423"></iframe><p hidden>本网站尚未进行备案</p></body></html>'
    )


_XML = ("Content-Type", "application/xml")


def _bucket(visit: Visit) -> Reply:
    name = urlsplit(visit.url).hostname or ""
    xml = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message><BucketName>{name}</BucketName></Error>"
    return Reply(status=404, headers=(_XML,), parts=(xml.encode(),))


_GONE: dict[State, Callable[[Visit], Reply]] = {
    State.SOFT_404: _text(
        "页面不存在",
        '<div class="error"><h1>页面不存在</h1><p>您访问的页面不存在或已被删除</p><a href="/">返回首页</a></div>',
    ),
    State.SOFT_404_REFRESH: _text(
        "提示信息",
        "<p>您访问的页面不存在或已被删除</p><p>5 秒后自动跳转到首页</p>",
        head='<meta http-equiv="refresh" content="5;url=/">',
    ),
    State.DISCUZ_DELETED: lambda _: weigh(
        '<!DOCTYPE html><html><head><meta charset="utf-8"><title>提示信息 - 论坛 - Powered by Discuz!</title>',
        '</head><body id="nv_forum"><div id="messagetext" class="alert_error"><p>抱歉，指定的主题不存在或已被删除或正在被审核</p></div></body></html>',
        size=12_000,
    ),
    State.PARKED_LANDER: _parked_lander,
    State.PARKED_FOR_SALE: _text(
        "Domain for sale",
        "<h1>This domain is for sale</h1><p>The domain may be for sale by its owner. 域名出售</p>"
        '<script src="https://img1.wsimg.com/parking-lander/static/js/main.js"></script>'
        '<img src="https://img.sedoparking.com/images/js_preloader.gif">',
    ),
    State.GITHUB_PAGES_GONE: _text(
        "Site not found · GitHub Pages",
        "<h1>404</h1><p><strong>There isn't a GitHub Pages site here.</strong></p>",
        status=404,
    ),
    State.HEROKU_GONE: _text(
        "No such app",
        '<iframe src="//www.herokucdn.com/error-pages/no-such-app.html"></iframe>',
        status=404,
    ),
    State.BUCKET_GONE: _bucket,
    State.TUMBLR_GONE: _text(
        "Not found.",
        "<h1>There's nothing here.</h1><p>Whatever you were looking for doesn't currently exist at this address."
        " Unless you were looking for this error page, in which case: Congrats! You totally found it.</p>",
        status=404,
    ),
    State.WORDPRESS_GONE: _text(
        "WordPress.com",
        "<p>This site is no longer available.</p><p>The authors have deleted this site.</p><a href='https://wordpress.com/'>WordPress.com</a>",
        status=410,
    ),
    State.NO_SITE: _text(
        "没有找到站点", "<h2>没有找到站点</h2><p>您的请求在Web服务器中没有找到对应的站点！</p>"
    ),
    State.ICP_BLOCK: _icp,
    State.EMPTY: lambda _: page(),
}
