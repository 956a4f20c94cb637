from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitor.sources import SourceError, expand, read_file
from monitor.sources.files import MAX_BYTES


@pytest.fixture
def blog(tmp_path: Path) -> Path:
    for name in (
        "posts/b.md", "posts/a.markdown", "posts/2019/c.md", "posts/.hidden.md", ".git/d.md", "node_modules/e.md",
        "feeds/subs.opml", "notes.txt", "picture.png", "package.json",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}" if name.endswith("json") else "https://a.com/1\n")
    (tmp_path / "Bookmarks").write_text('{"checksum": "0", "roots": {}}')
    return tmp_path


def names(blog: Path, target: str) -> list[str]:
    return [str(Path(path).relative_to(blog)) for path in expand(target, base=blog)]


def test_a_url_is_itself(tmp_path: Path) -> None:
    assert expand("https://a.com/*.md", base=tmp_path) == ["https://a.com/*.md"]


def test_a_file_is_itself_whatever_its_name(blog: Path) -> None:
    assert names(blog, "picture.png") == ["picture.png"]
    assert names(blog, "./posts/../notes.txt") == ["notes.txt"]
    assert expand(str(blog / "notes.txt"), base=Path("/elsewhere")) == [str(blog / "notes.txt")]


def test_a_folder_is_all_lists_below_it_but_the_hidden_ones(blog: Path) -> None:
    assert names(blog, ".") == [
        "Bookmarks", "feeds/subs.opml", "notes.txt", "posts/2019/c.md", "posts/a.markdown", "posts/b.md",
    ]  # fmt: skip


def test_a_glob_crosses_folders_only_with_two_stars(blog: Path) -> None:
    assert names(blog, "posts/**/*.md") == ["posts/2019/c.md", "posts/b.md"]
    assert names(blog, "posts/*.md") == ["posts/b.md"]
    assert names(blog, "*/[ab].m*") == ["posts/a.markdown", "posts/b.md"]
    assert names(blog, "**/?.md") == ["posts/2019/c.md", "posts/b.md"]
    assert names(blog, ".git/*.md") == [".git/d.md"]


def test_a_name_with_a_bracket_is_a_file_before_it_is_a_glob(blog: Path) -> None:
    (blog / "[2019].md").write_text("x")
    assert names(blog, "[2019].md") == ["[2019].md"]


def test_links_that_lead_in_circles_are_followed_once(blog: Path) -> None:
    (blog / "posts" / "loop").symlink_to(blog, target_is_directory=True)
    (blog / "posts" / "broken.md").symlink_to(blog / "nothing")
    assert names(blog, "posts") == sorted(names(blog, "posts"))
    assert len(names(blog, ".")) == 6


def test_a_pipe_in_a_folder_is_left_out_and_by_name_is_refused(blog: Path) -> None:
    os.mkfifo(blog / "pipe.md")
    assert "pipe.md" not in names(blog, ".")
    with pytest.raises(SourceError, match="device or pipe"):
        read_file(str(blog / "pipe.md"))


@pytest.mark.parametrize(
    ("target", "mend"),
    [
        ("missing.md", "check the spelling"),
        ("posts/*.rst", "check the pattern"),
        ("nowhere/**/*.md", "check the pattern"),
        ("empty", "rotwatch reads Markdown"),
        ("", "give a URL"),
        ("a\x00b", "give a URL"),
        ("x" * 5000, "check"),
        ("[z-a].md", "check the pattern"),
    ],
)
def test_a_target_that_names_nothing_says_what_to_do(blog: Path, target: str, mend: str) -> None:
    (blog / "empty").mkdir()
    with pytest.raises(SourceError, match=mend) as caught:
        expand(target, base=blog)
    assert "\n" not in str(caught.value)


def test_a_file_is_read_with_its_path_as_source(blog: Path) -> None:
    path = str(blog / "notes.txt")
    [reference] = read_file(path)
    assert (reference.url, reference.source, reference.line) == ("https://a.com/1", path, 1)


def test_a_file_that_cannot_be_a_list_is_refused_in_one_sentence(blog: Path) -> None:
    large = blog / "large.md"
    with large.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    for path, mend in (
        (large, "split it"),
        (blog / "gone.md", "check that it exists"),
        (blog / "posts", "folder"),
    ):
        with pytest.raises(SourceError, match=mend):
            read_file(str(path))
    with pytest.raises(SourceError, match="NUL"):
        read_file("a\x00b")
