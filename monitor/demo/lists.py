"""The reading lists of ``rotwatch demo``: the example list as it is shipped, or one of any length, made up."""

from __future__ import annotations

from pathlib import Path
from random import Random

from monitor.demo.text import random_of, title, token

EXAMPLE_LINKS = 81
SHARES = (("wechat", 0.56), ("zhihu", 0.24), ("csdn", 0.03), ("site", 0.17))
"""What a technical blog of 25,000 links was found to point at."""
POSTS_A_SITE = 3
_PACKAGE = Path(__file__).resolve().parent.parent


def example() -> Path:
    """The example list: inside an installed package, beside it in a checkout."""
    inside = _PACKAGE / "examples"
    return (inside if inside.is_dir() else _PACKAGE.parent / "examples") / "reading-list.md"


def reading_list(count: int, *, seed: int) -> str:
    """A list of ``count`` links as Markdown: a bare URL, a blank line, its title. The example where it has as many."""
    if count == EXAMPLE_LINKS:
        return example().read_text(encoding="utf-8")
    random = random_of("list", seed, count)
    urls = [url for platform, number in _numbers(count).items() for url in _urls(platform, number, seed)]
    random.shuffle(urls)
    return "".join(f"{url}\n\n{title(seed, url)}\n\n" for url in urls)


def _numbers(count: int) -> dict[str, int]:
    numbers = {platform: round(count * share) for platform, share in SHARES[1:]}
    return {SHARES[0][0]: count - sum(numbers.values()), **numbers}


def _urls(platform: str, number: int, seed: int) -> list[str]:
    return [_url(platform, index, random_of("url", seed, platform, index), seed) for index in range(number)]


def _url(platform: str, index: int, random: Random, seed: int) -> str:
    match platform:
        case "wechat":
            return f"https://mp.weixin.qq.com/s/{token(22, seed, index)}"
        case "zhihu" if index % 5 == 4:
            question, answer = random.sample(range(10**7, 10**9), 2)
            return f"https://www.zhihu.com/question/{question}/answer/{answer}"
        case "zhihu":
            return f"https://zhuanlan.zhihu.com/p/{random.randrange(10**7, 10**9)}"
        case "csdn":
            return f"https://blog.csdn.net/author{index % 7}/article/details/{random.randrange(10**7, 10**8)}"
    return f"https://blog{index // POSTS_A_SITE}.example/{2019 + index % 6}/{random.randrange(10**5, 10**6)}"
