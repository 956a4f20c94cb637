from __future__ import annotations

import random
from pathlib import Path

import pytest

from monitor.sources import markdown, read

EXAMPLE = Path(__file__).parents[2] / "examples" / "reading-list.md"


def entries(text: str, name: str = "list.md") -> list[tuple[str, str]]:
    return [(reference.url, reference.title) for reference in read(name, text.encode())]


def urls(text: str, name: str = "list.md") -> list[str]:
    return [url for url, _ in entries(text, name)]


def lines(text: str, name: str = "list.md") -> list[int]:
    return [reference.line for reference in read(name, text.encode())]


def test_the_real_list_gives_every_link_the_title_two_lines_below_it() -> None:
    data = EXAMPLE.read_bytes()
    written = data.decode().split("\n")
    expected = [
        (line, written[number + 2], number + 1)
        for number, line in enumerate(written)
        if line.startswith("http")
    ]
    assert len(expected) == 81
    assert [(r.url, r.title, r.line) for r in read(str(EXAMPLE), data)] == expected


def test_a_reference_names_its_source_as_given() -> None:
    assert read("posts/a.md", b"https://a.com/1")[0].source == "posts/a.md"


def test_the_same_address_twice_is_two_references() -> None:
    assert lines("https://a.com/1\n\n一\n\nhttps://a.com/1\n\n二\n") == [1, 5]


# Titles of bare addresses


@pytest.mark.parametrize(
    "text",
    [
        "https://a.com/1\n\n标题\n",
        "https://a.com/1\n标题\n",
        "标题\nhttps://a.com/1\n",
        "标题：\n\nhttps://a.com/1\n",
        "https://a.com/1 标题",
        "标题 https://a.com/1",
        "标题：https://a.com/1",
        "标题（https://a.com/1）",
        "标题 - https://a.com/1 (2019)",
        "标题 [链接](https://a.com/1)",
        "链接：https://a.com/1\n标题",
        "1. https://a.com/1\n\n   标题",
        "1. https://a.com/1\n\n标题",
        "- https://a.com/1\n  标题",
        "- 标题\n  https://a.com/1",
        "- 标题\n  - https://a.com/1",
        "- [ ] https://a.com/1 标题",
        "# 标题\n\nhttps://a.com/1\n\n# 另一节\n",
        "# https://a.com/1\n\n标题",
        "<https://a.com/1>\n\n标题",
        "[https://a.com/1](https://a.com/1)\n\n标题",
        "**https://a.com/1**\n\n**标题**",
        "> https://a.com/1\n>\n> 标题",
        "https://a.com/1\n\n<p>标题</p>\n",
        "[标题](https://a.com/1)",
        '[](https://a.com/1 "标题")',
        "[**标题**](https://a.com/1)",
        "[标题](<https://a.com/1>)",
        "[标题]（https://a.com/1）",
        "[标题][1]\n\n[1]: https://a.com/1",
        "[标题][]\n\n[标题]: https://a.com/1",
        "[标题]\n\n[标题]: https://a.com/1",
        '[1]: https://a.com/1 "标题"',
        '行内 <a href="https://a.com/1">标题</a>',
        '<div>\n<a href="https://a.com/1">标题</a>\n</div>',
        "[![标题](https://img.com/1.png)](https://a.com/1)",
        "| 标题 | https://a.com/1 |\n|--|--|\n",
        "| 题目 | 地址 |\n|--|--|\n| 标题 | [链接](https://a.com/1) |\n",
        "---\ntitle: 标题\nlink: https://a.com/1\n---\n",
    ],
)
def test_every_way_of_writing_a_link_and_its_title_is_read(text: str) -> None:
    assert entries(text) == [("https://a.com/1", "标题")]


def test_titles_before_their_addresses_are_recognised_by_the_whole_list() -> None:
    text = "".join(f"标题{n}\n\nhttps://a.com/{n}\n\n" for n in range(4))
    assert entries(text) == [(f"https://a.com/{n}", f"标题{n}") for n in range(4)]


def test_a_sentence_above_the_first_address_does_not_shift_the_titles() -> None:
    text = "这里是一些文章：\n\nhttps://a.com/1\n\n一号\n\nhttps://a.com/2\n\n二号\n\nhttps://a.com/3\n"
    assert entries(text) == [
        ("https://a.com/1", "一号"),
        ("https://a.com/2", "二号"),
        ("https://a.com/3", ""),
    ]


@pytest.mark.parametrize(
    "below",
    [
        "# 下一节",
        "- 列表项",
        "> 引用",
        "---",
        "```\n代码\n```",
        "    代码",
        "ftp://a.com/x",
        "下面这些：",
        "很长的段落" * 50,
    ],
)
def test_what_is_no_title_is_not_taken_for_one(below: str) -> None:
    assert entries(f"https://a.com/1\n\n{below}\n") == [("https://a.com/1", "")]


def test_addresses_in_a_row_share_a_title_in_one_paragraph_and_lack_one_across_blank_lines() -> None:
    assert entries("https://a.com/1\nhttps://a.com/2\n标题") == [
        ("https://a.com/1", "标题"),
        ("https://a.com/2", "标题"),
    ]
    assert entries("https://a.com/1\n\nhttps://a.com/2\n\n标题") == [
        ("https://a.com/1", ""),
        ("https://a.com/2", "标题"),
    ]


def test_prose_around_an_address_is_not_its_title() -> None:
    assert entries("见https://a.com/1。后文很长\n\n另一段\n") == [("https://a.com/1", "")]


# Where an address ends


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("见https://mp.weixin.qq.com/s/abc。后文", "https://mp.weixin.qq.com/s/abc"),
        ("（https://a.com/b）", "https://a.com/b"),
        ("https://a.com/b，然后", "https://a.com/b"),
        ("https://zhuanlan.zhihu.com/p/123这篇文章", "https://zhuanlan.zhihu.com/p/123"),
        ("https://zh.wikipedia.org/wiki/深度学习 百科", "https://zh.wikipedia.org/wiki/深度学习"),
        ("https://例子.测试/路径", "https://例子.测试/路径"),
        ("https://mp.weixin.qq.com/s/abc_", "https://mp.weixin.qq.com/s/abc_"),
        ("https://mp.weixin.qq.com/s/abc-", "https://mp.weixin.qq.com/s/abc-"),
        ("_https://a.com/b_", "https://a.com/b"),
        ("**https://a.com/b**。", "https://a.com/b"),
        ("https://a.com/b.", "https://a.com/b"),
        ("https://en.wikipedia.org/wiki/Foo_(bar)", "https://en.wikipedia.org/wiki/Foo_(bar)"),
        ("(https://a.com/b)后", "https://a.com/b"),
        ("[x](https://en.wikipedia.org/wiki/Foo_(bar))", "https://en.wikipedia.org/wiki/Foo_(bar)"),
        ("[x](https://en.wikipedia.org/wiki/Foo_(bar)", "https://en.wikipedia.org/wiki/Foo_(bar)"),
        ("[x](https://a.com/b）后文", "https://a.com/b"),
        ("https://a.com/?a=1&amp;b=2", "https://a.com/?a=1&b=2"),
        ("https://a.com/?a=1\\x26amp;b=2", "https://a.com/?a=1&b=2"),
        ("https://a.com/s?src=11&timestamp=1", "https://a.com/s?src=11&timestamp=1"),
        ("[x](https://a.com/?a=1&timestamp=1&amp;b=2)", "https://a.com/?a=1&timestamp=1&b=2"),
        ("https://a.com/a\\_b", "https://a.com/a_b"),
        ("https://a.com/&lt;br&gt;", "https://a.com/"),
        ("HTTPS://A.com/B", "HTTPS://A.com/B"),
        ("https://link.zhihu.com/?target=https%3A//b.com", "https://link.zhihu.com/?target=https%3A//b.com"),
        ("http://https://a.com/b", "https://a.com/b"),
        ("www.example.com/a", "http://www.example.com/a"),
        ("[x](//a.com/b)", "https://a.com/b"),
    ],
)
def test_an_address_ends_where_its_writer_meant(text: str, url: str) -> None:
    assert urls(text) == [url]


@pytest.mark.parametrize(
    "text",
    [
        "[x](/local.html)", "[x](#anchor)", "[x](mailto:a@b.com)", "[x](javascript:alert(1))", "<a@b.com>",
        "ftp://a.com/x", "以 http:// 开头", "https://…", "http://localhost:4000/x", "![图](https://img.com/1.png)",
        '<img src="https://img.com/1.png">', "<!-- https://a.com/1 -->", "`curl https://a.com/1`",
        "```\ncurl https://a.com/1\n```", "    curl https://a.com/1\n",
        "{% highlight sh %}\ncurl https://a.com/1\n{% endhighlight %}",
        "---\nurl: /about/\n---\n", "https://a.com/" + "x" * 5000,
    ],
)  # fmt: skip
def test_what_does_not_lead_to_a_page_is_no_reference(text: str) -> None:
    assert urls(text) == []


def test_code_that_is_addresses_alone_is_a_list() -> None:
    text = "```\nhttps://a.com/1\n\nhttps://a.com/2\n```\n\n`https://a.com/3`\n\n    https://a.com/4\n"
    assert urls(text) == [f"https://a.com/{n}" for n in (1, 2, 3, 4)]
    assert lines(text) == [2, 4, 7, 9]


def test_line_numbers_count_front_matter_and_every_kind_of_line_end() -> None:
    for end in ("\n", "\r\n", "\r"):
        text = end.join(
            [
                "---",
                "title: x",
                "---",
                "",
                "一段",
                "二 https://a.com/1",
                "",
                "| a |",
                "|--|",
                "| https://a.com/2 |",
            ]
        )
        assert lines(text) == [6, 10]


def test_a_definition_that_is_used_is_mentioned_where_it_is_used() -> None:
    text = "[一][1] 与 [二][1]\n\n[1]: https://a.com/1\n[2]: https://a.com/2\n[^1]: https://a.com/3\n"
    assert lines(text) == [1, 1, 4, 5]


def test_markup_is_stripped_from_titles_but_stars_that_mean_something_stay() -> None:
    assert [
        title for _, title in entries("https://a.com/1\n\n**粗** `码` A*算法 2 * 3 snake_case \\*星\\*\n")
    ] == ["粗 码 A*算法 2 * 3 snake_case *星*"]


def test_titles_are_one_line_of_at_most_500_harmless_characters() -> None:
    [(_, title)] = entries("[a\u202eb\u200b  c\x07\n d" + "长" * 600 + "](https://a.com/1)")
    assert title.startswith("ab c d长")
    assert len(title) == 500


def test_html_in_markdown_keeps_its_lines() -> None:
    assert lines('文\n\n<div>\n<p>\n<a href="https://a.com/1">一</a>\n</p>\n</div>\n\nhttps://a.com/2\n') == [
        5,
        9,
    ]


STRUCTURE = (
    *(
        "a",
        "[x](http://a.b/c)",
        "text",
        "\\",
        "+",
        "#",
        "# ",
        "<div>",
        "</div>",
        "<!--",
        "|",
        "* ",
        "- ",
        "1. ",
        "> ",
    ),
    *(
        "---",
        "***",
        "_ _ _",
        "===",
        "=",
        "-",
        "```",
        "~~~",
        "| a | b |\n|---|---|\n",
        "[r]: http://x.y/z\n",
        "[r]:\n",
    ),
    *("\n", "\n", "\n\n", " ", "  ", "    ", "\t"),
)


def test_rules_that_are_left_out_would_have_found_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(0)
    texts = []
    for _ in range(500):
        few = dice.sample(STRUCTURE, dice.randint(2, 9))
        texts.append("[l](https://l.example/1) " + "".join(dice.choices(few, k=dice.randint(1, 25))))
    found = [read("list.md", text.encode()) for text in texts]
    assert len({markdown._idle(text) for text in texts}) > 100
    monkeypatch.setattr(markdown, "_idle", lambda _: frozenset())
    assert [read("list.md", text.encode()) for text in texts] == found


def test_a_file_too_large_for_block_structure_is_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.sources.markdown._MAX_BLOCKS", 10)
    text = "填充\n\n\n文字\n\nhttps://a.com/1\n\n标题\n\n[二](https://a.com/2)\n"
    assert entries(text) == [("https://a.com/1", "标题"), ("https://a.com/2", "二")]
    assert lines(text) == [6, 10]
