"""How much of a page may be parsed: what was made to be slow is cut, what is honest stays whole."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.platforms import limits
from monitor.platforms.limits import parsable_length


@pytest.mark.parametrize(
    ("bomb", "most"),
    [
        ("<div>" * 100_000, 6_000),
        ("<a " + " ".join(f"a{number}" for number in range(50_000)) + ">", 10),
        ('<a x=">" ' + " ".join(f"a{number}" for number in range(50_000)) + ">", 10),
        ("<p>" + "".join(f"<font c={number}>" for number in range(300)) + "<p>x" * 50_000, 10_000),
        ("<select>" + "<option>" * 50_000, 30_000),
        ("".join(f"<body a{number}=1>" for number in range(20_000)), 1_000),
        ("<div></x>" * 50_000, 10_000),
        ("<ul><li>" * 50_000, 6_000),
        ("<" * 500_000, 400_000),
        # a script that is none hides nothing
        ("<!--<script>-->" + "<div>" * 20_000, 6_000),
        ("<!--><script>--></script>" + "<div>" * 20_000, 6_000),
        ("<!-- a --!>" + "<div>" * 20_000, 6_000),
        ("<!doctype <script>" + "<div>" * 20_000, 6_000),
        ("</ <script>" + "<div>" * 20_000, 6_000),
        ("<noframes><script></noframes>" + "<div>" * 20_000, 6_000),
        ("<script\x0b>" + "<div>" * 20_000, 6_000),
        ("<script></scripts><a b='</script>" + "<div>" * 20_000, 6_000),
        ("<script><!--<script></script><a b='--></script>" + "<div>" * 20_000, 6_000),
        ("<lin\u212a>" * 20_000, 6_000),
        # nor does a title, a style or a section that is none in a drawing
        ("<svg><title>" + "<div>" * 20_000, 24_000),
        ("<math><title>" + "<div>" * 20_000, 24_000),
        ("<svg><style>" + "<div>" * 20_000, 24_000),
        ("<svg><desc><q></desc><script><a b='</script>" + "<div>" * 20_000, 24_000),
        ("<svg><![CDATA[ > <script> ]]>" + "<div>" * 20_000, 24_000),
        ("<svg><![CDATA[ > <a b=' ]]>" + "<div>" * 20_000, 24_000),
        ("<p><b></p><svg><title>x</title></svg></b></title><style>" + "<div>" * 20_000, 24_000),
        ("<p><b></p><svg><title>x</title></svg></b><![CDATA[ > <a b=' ]]>" + "<div>" * 20_000, 24_000),
        # and what is no drawing any more closes nothing
        ("<svg><p/>" + "<div/>" * 20_000, 28_000),
        ("<svg><desc>" + "<section/>" * 20_000, 60_000),
        ("<svg></math>" * 8_000 + "<p>x</p>" * 8_000, 30_000),
        ("<g><svg></g>" + "<path/>" * 20_000 + "</svg>", 40_000),
        ("<p><b></p>" + "<svg><title>x</title><path/></svg>" * 10_000, 90_000),
    ],
)
def test_markup_made_to_be_slow_is_cut_before_it_is(bomb: str, most: int) -> None:
    assert parsable_length(bomb) <= most


ICON = '<svg viewBox="0 0 24 24"><g><path d="M0 0h24v24H0z" fill="none"/><path d="M12 2z"/></g></svg>'
FORMULA = (
    '<math><semantics><mrow><mi>x</mi><mo>=</mo><mn>2</mn><mspace width="1em"/></mrow>'
    '<annotation encoding="application/x-tex">x=2</annotation></semantics></math>'
)


@pytest.mark.parametrize(
    "fine",
    [
        "<p>word</p>" * 5_000,
        "<ul>" + "<li>item" * 5_000 + "</ul>",
        "<table>" + "<tr><td>cell" * 3_000 + "</table>",
        "<script>" + "'<div>' + " * 20_000 + "</script><p>text</p>",
        '<img alt="a > b" src="data:image/png;base64,' + "A" * 300_000 + '">',
        "<font color=red><font size=2>" * 20 + "<p>x" * 2_000,
        "<!--" + "<div>" * 20_000 + "--><p>text</p>",
        "<p>" + "<a " + " ".join(f"a{number}" for number in range(300)) + ">a short page may be odd",
        f"<p><a href=x>{ICON}</a> text" * 300,
        f"<p><a href=x>{ICON.replace('<g>', '<title>Share</title><g>')}</a> text</p>" * 300,
        ("<div>" * 20 + f"<p>{ICON}<b>text</b>") * 25 + ICON * 300,
        f"<svg><style>.a {{ fill: red }}</style><!-- drawn by hand -->{'<path/>' * 6_000}</svg>"
        + "<p>text</p>" * 100,
        f"<p>{FORMULA}<p>text" * 500,
        # a drawing with HTML in it leaves it open what "/>" closes
        "<svg><foreignObject><div>x</div></foreignObject><g/></svg><script>a < b</script>"
        + f"<p>{ICON}text" * 300,
        "<script><!-- document.write('<script src=a></script>') --></script>" + "<p>text</p>" * 1_000,
    ],
)
def test_honest_markup_is_parsed_whole(fine: str) -> None:
    assert parsable_length(fine) == len(fine)


PIECES = [
    "<div>",
    "<DIV a=1 b='x>y'>",
    "</div>",
    "</DIV x=1>",
    "<p>",
    "<script>",
    "<SCRIPT src=x>",
    "</script>",
    "</ScripT >",
    "<script/x>",
    "<title>",
    "</title",
    "<b>",
    "</b>",
    "<font a>",
    " text <",
    "<",
    "/",
    ">",
    "'",
    '"',
    "<body>",
    "<a =x>",
    "<option>",
    "<br/>",
    "<a\x0bb>",
    "<x",
    " y=z",
    "<scriptx>",
    "<style>a<b</style>",
    "<!--",
    "-->",
    "--!>",
    "<!-->",
    "<!d ",
    "</ ",
    "<noframes>",
    "</noframes>",
    "<textarea>\n",
    "</textarea>",
    "<svg>",
    "</svg>",
    "<math a=1>",
    "<path/>",
    "<g>",
    "</g>",
    "<svg><path/><path d='<div>'/></svg>",
    "<SVG><title>x</title><g></g></svg>",
    "<desc>",
    "<title>x</title>",
    "<style>x</style>",
    "<![CDATA[",
    "]]>",
    "<script><!--<script></script>",
    "<ſcript>",
    "</ſcript>",
    "<tıtle>",
]


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from(PIECES), max_size=40),
    st.sampled_from((2, 5, 20)),
    st.sampled_from((5, 50, 500)),
    st.sampled_from((3, 30)),
    st.sampled_from((2, 4, 9)),
)
def test_the_quick_count_of_tags_lets_nothing_pass_that_the_slow_one_cuts(
    pieces: list[str], depth: int, steps: int, reopened: int, names: int
) -> None:
    """With limits so low that a short page meets them."""
    markup = "".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        for name, most in (("DEPTH", depth), ("STEPS", steps), ("REOPENED", reopened), ("NAMES", names)):
            patch.setattr(limits, f"_MAX_{name}", most)
        patch.setattr(limits, "_MAX_OF", dict.fromkeys(limits._MAX_OF, 2))
        patch.setattr(limits, "_TINY", 0)
        quick = parsable_length(markup)
        patch.setattr(limits, "_is_small", lambda _: False)
        patch.setattr(limits, "_is_modest", lambda _: False)
        assert quick == parsable_length(markup)
