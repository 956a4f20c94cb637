"""How long the reading of a blog takes: 800 Markdown files with 25,000 links, generated in a temporary folder.

    python bench/extract.py [--files 800] [--links 25000]

Prints a table: what was read, how long it took, and that every link and title came out.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from monitor.sources import expand, read, read_file

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
WORDS = (
    "深度",
    "学习",
    "分布式",
    "训练",
    "框架",
    "优化",
    "推荐系统",
    "压缩",
    "综述",
    "实践",
    "原理",
    "GPU",
    "算法",
    "论文",
)
PROSE = "超长指令字和超标量都在同一个处理器中集成了数套运算单元，区别在于由谁来决定哪些指令可以并行执行。" * 3


@dataclass(frozen=True)
class Entry:
    """One link of the blog as it must come out again."""

    url: str
    title: str


def bare_and_title(entry: Entry) -> str:
    return f"{entry.url}\n\n{entry.title}\n"


def item_with_link(entry: Entry) -> str:
    return f"- [{entry.title}]({entry.url})\n"


def title_in_line(entry: Entry) -> str:
    return f"{entry.title}：{entry.url}\n"


# Nearly all entries are written the first way, as in the list this is modelled on.
STYLES: tuple[Callable[[Entry], str], ...] = (*[bare_and_title] * 18, item_with_link, title_in_line)


def make_entry(rng: random.Random, number: int) -> Entry:
    token = "".join(rng.choices(ALPHABET, k=21)) + rng.choice(ALPHABET[:52])
    url = rng.choices(
        (
            f"https://mp.weixin.qq.com/s/{token}",
            f"https://zhuanlan.zhihu.com/p/{rng.randrange(10**8, 10**9)}",
            f"https://blog.csdn.net/u{rng.randrange(10**6)}/article/details/{rng.randrange(10**8)}",
        ),
        (14, 6, 5),
    )[0]
    return Entry(url, "".join(rng.choices(WORDS, k=rng.randint(3, 8))) + f"之{number}")


def make_blog(folder: Path, files: int, links: int, rng: random.Random) -> list[Entry]:
    """Write the blog and return its entries in the order of its files."""
    entries = [make_entry(rng, number) for number in range(links)]
    for number in range(files):
        share = entries[number * links // files : (number + 1) * links // files]
        parts = [
            f"---\nlayout: post\ntitle: 第{number}篇\n---\n\n* toc\n{{:toc}}\n\n# 第{number}篇\n\n{PROSE}\n"
        ]
        for position, entry in enumerate(share):
            if position % 12 == 0:
                parts.append(f"## 第{position}节\n\n![](/images/{number}.png)\n\n**{PROSE}**\n\n---\n")
            parts.append(rng.choice(STYLES)(entry))
        (folder / f"post-{number:04}.md").write_text("\n".join(parts), encoding="utf-8")
    return entries


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=800)
    parser.add_argument("--links", type=int, default=25_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        entries = make_blog(folder, arguments.files, arguments.links, random.Random(1))
        began = time.perf_counter()
        references = [reference for path in expand(name, base=folder) for reference in read_file(path)]
        blog_s = time.perf_counter() - began
        found = [Entry(reference.url, reference.title) for reference in references]
        right = sum(got == meant for got, meant in zip(found, entries, strict=False))
        paths = sorted(folder.iterdir())
        size = sum(path.stat().st_size for path in paths)
        whole = b"\n".join(path.read_bytes() for path in paths)
        whole *= -(-4_000_000 // len(whole))
        began = time.perf_counter()
        in_one = len(read("all.md", whole[:4_000_000]))
        one_s = time.perf_counter() - began
    print(f"{'what':32}{'MB':>8}{'links':>9}{'seconds':>9}{'MB/s':>8}")
    print(
        f"{f'{arguments.files} files':32}{size / 1e6:8.1f}{len(found):9}{blog_s:9.2f}{size / 1e6 / blog_s:8.1f}"
    )
    print(f"{'one file':32}{4.0:8.1f}{in_one:9}{one_s:9.2f}{4.0 / one_s:8.1f}")
    print(f"links and titles right and in order: {right} of {len(entries)}")


if __name__ == "__main__":
    main()
