from __future__ import annotations

import errno
import gzip
import io
import os
import subprocess
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.cli import main as warcio

from monitor.archives import local as local_module
from monitor.archives import warc
from monitor.archives.local import LocalArchive, LocalArchiveError
from monitor.model import Page

NOV = datetime(2026, 11, 24, 12, tzinfo=UTC)


def page(text: str = "<p>正文</p>", **changes: object) -> Page:
    values: dict[str, object] = {
        "url": "https://mp.weixin.qq.com/s/abc",
        "final_url": "https://mp.weixin.qq.com/s/abc",
        "http_status": 200,
        "headers": {
            "content-type": "text/html; charset=UTF-8",
            "content-encoding": "gzip",
            "set-cookie": "who=me",
            "x-note": "caf\udce9",
        },
        "body": text.encode(),
    }
    return Page(**(values | changes))  # type: ignore[arg-type]


def check(file: Path) -> str:
    """What ``warcio check`` says of problems; nothing when the file is clean."""
    said = io.StringIO()
    with redirect_stdout(said), pytest.raises(SystemExit) as done:
        warcio(["check", str(file)])
    assert done.value.code == 0, said.getvalue()
    return said.getvalue()


def targets(file: Path) -> list[str | None]:
    with file.open("rb") as stream:
        return [record.rec_headers.get_header("WARC-Target-URI") for record in ArchiveIterator(stream)]


def test_a_kept_page_reads_back_and_its_file_is_clean(tmp_path: Path) -> None:
    archive = LocalArchive(tmp_path / "archive")
    records = [archive.keep(page(f"<p>{n}</p>" * 500), now=NOV) for n in range(3)]
    assert [archive.read(record) for record in records] == [f"<p>{n}</p>".encode() * 500 for n in range(3)]
    file = tmp_path / "archive" / "rotwatch-2026-11.warc.gz"
    assert check(file) == ""
    assert targets(file) == [None, *["https://mp.weixin.qq.com/s/abc"] * 3]
    assert file.stat().st_mode & 0o077 == 0


def test_headers_that_no_longer_hold_and_cookies_are_left_out(tmp_path: Path) -> None:
    archive = LocalArchive(tmp_path)
    record = archive.keep(page(), now=NOV)
    raw = gzip.decompress((tmp_path / record.file).read_bytes()[record.offset :])
    assert b"content-encoding" not in raw
    assert b"who=me" not in raw
    assert b"x-note: caf%C3%A9" in raw
    assert f"content-length: {len(page().body)}".encode() in raw


def test_each_month_has_a_file_and_a_full_one_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_module, "MAX_FILE", 1)
    archive = LocalArchive(tmp_path)
    names = [archive.keep(page(), now=when).file for when in (NOV, NOV, NOV + timedelta(days=30))]
    assert names == [
        "rotwatch-2026-11.warc.gz",
        "rotwatch-2026-11-2.warc.gz",
        "rotwatch-2026-12.warc.gz",
    ]


@pytest.mark.parametrize("keeps", [1, 2, 10, 40, 200, -30, -1])
def test_a_torn_last_record_is_cut_off_and_the_others_stay(tmp_path: Path, keeps: int) -> None:
    first, second = (
        LocalArchive(tmp_path).keep(page("one"), now=NOV),
        LocalArchive(tmp_path).keep(page("two"), now=NOV),
    )
    file = tmp_path / first.file
    with file.open("r+b") as stream:
        stream.truncate(second.offset + (keeps if keeps > 0 else second.length + keeps))
    third = LocalArchive(tmp_path).keep(page("three"), now=NOV)
    assert third.offset == second.offset
    assert check(file) == ""
    assert LocalArchive(tmp_path).read(first) == b"one"
    assert LocalArchive(tmp_path).read(third) == b"three"


def test_a_tail_of_zeros_after_a_power_cut_is_cut_off(tmp_path: Path) -> None:
    record = LocalArchive(tmp_path).keep(page("one"), now=NOV)
    file = tmp_path / record.file
    with file.open("ab") as stream:
        stream.write(b"\0" * 5000)
    after = LocalArchive(tmp_path).keep(page("two"), now=NOV)
    assert after.offset == record.offset + record.length
    assert check(file) == ""


def test_a_file_that_never_had_a_whole_record_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "rotwatch-2026-11.warc.gz"
    file.write_bytes(warc.opening(file.name, NOV)[:-9])
    record = LocalArchive(tmp_path).keep(page("one"), now=NOV)
    assert check(file) == ""
    assert LocalArchive(tmp_path).read(record) == b"one"


def test_what_another_process_left_torn_is_mended_while_we_run(tmp_path: Path) -> None:
    archive = LocalArchive(tmp_path)
    record = archive.keep(page("one"), now=NOV)
    file = tmp_path / record.file
    with file.open("ab") as stream:
        stream.write(warc.response("https://example.com/", 200, {}, b"x" * 9999, NOV)[:-20])
    after = archive.keep(page("two"), now=NOV)
    assert after.offset == record.offset + record.length
    assert check(file) == ""


def test_bytes_that_look_like_a_record_inside_a_body_mislead_nobody(tmp_path: Path) -> None:
    noise = (
        os.urandom(3000) + warc.response("https://example.com/", 200, {}, b"inner", NOV) + os.urandom(3000)
    )
    first = LocalArchive(tmp_path).keep(page("one"), now=NOV)
    second = LocalArchive(tmp_path).keep(page(body=noise), now=NOV)
    third = LocalArchive(tmp_path).keep(page("three"), now=NOV)
    archive = LocalArchive(tmp_path)
    assert [archive.read(record) for record in (first, second, third)] == [b"one", noise, b"three"]
    assert check(tmp_path / first.file) == ""


def test_a_full_disk_is_one_sentence_and_leaves_the_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = LocalArchive(tmp_path)
    record = archive.keep(page("one"), now=NOV)
    before = (tmp_path / record.file).read_bytes()

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(
            LocalArchiveError, match=r"^There is no room for local copies in .*: make room on the disk\.$"
        ):
            archive.keep(page("two"), now=NOV)
    assert (tmp_path / record.file).read_bytes() == before
    assert archive.read(archive.keep(page("three"), now=NOV)) == b"three"


def test_a_write_that_is_cut_short_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    class Half(FileIO):
        def write(self, data: object, /) -> int:
            if self.tell() > len(b"before"):
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(memoryview(data)[:2])  # type: ignore[arg-type]

    path = tmp_path / "file"
    path.write_bytes(b"before")
    with Half(path, "r+") as file, pytest.raises(OSError, match="No space"):
        warc.append(file, b"afterwards")
    assert path.read_bytes() == b"before"


def test_a_directory_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file where the folder should be")
    with pytest.raises(
        LocalArchiveError, match=r"^Local copies cannot be written to .*: let this user write there\.$"
    ):
        LocalArchive(tmp_path / "archive").keep(page(), now=NOV)


def test_a_missing_or_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    archive = LocalArchive(tmp_path)
    record = archive.keep(page("one" * 1000), now=NOV)
    file = tmp_path / record.file
    damaged = bytearray(file.read_bytes())
    damaged[record.offset + 200] ^= 0xFF
    file.write_bytes(damaged)
    with pytest.raises(LocalArchiveError, match="restore the file"):
        archive.read(record)
    file.unlink()
    with pytest.raises(LocalArchiveError, match="restore it from a backup"):
        archive.read(record)


def test_a_record_never_leads_out_of_the_directory(tmp_path: Path) -> None:
    archive = LocalArchive(tmp_path / "archive")
    record = archive.keep(page(), now=NOV)
    outside = local_module.LocalRecord("../secret", record.offset, record.length, "")
    with pytest.raises(LocalArchiveError, match="no file of the local archive"):
        archive.read(outside)


_WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from monitor.archives.local import LocalArchive
from monitor.model import Page

archive, n = LocalArchive(Path(sys.argv[1])), 0
while True:
    n += 1
    page = Page(url="https://example.com/", final_url="https://example.com/", http_status=200, body=b"%d;" % n * 60_000)
    record = archive.keep(page, now=datetime(2026, 11, 24, tzinfo=UTC))
    print(record.file, record.offset, record.length, n, flush=True)
"""


def test_a_writer_killed_at_any_moment_loses_nothing_it_had_said_was_kept(tmp_path: Path) -> None:
    kept: list[list[str]] = []
    for lines in (1, 3, 7):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            kept += [writer.stdout.readline().split() for _ in range(lines)]
            writer.kill()
            kept += [line.split() for line in writer.stdout if line.endswith("\n")]
    archive = LocalArchive(tmp_path)
    archive.keep(page("the last"), now=NOV)
    assert check(tmp_path / kept[0][0]) == ""
    for file, offset, length, number in kept:
        record = local_module.LocalRecord(file, int(offset), int(length), "")
        assert archive.read(record) == f"{number};".encode() * 60_000
