from __future__ import annotations

import json
import socket
import subprocess
import sys
import time as clock
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.demo import State
from monitor.store import parts
from tests.integration.archives.commands import rotwatch
from tests.integration.archives.local_rig import LocalRig
from tests.integration.archives.rig import START
from tests.ports import free_port

pytest.importorskip("wacz", reason="the wacz package judges our file: install the group dev")
pytest.importorskip("pywb", reason="pywb plays our file: install the group dev")

LONG = "https://mp.weixin.qq.com/s/AbCdEfGhIjKlMnOpQrStUv"
OLD, NEW = "https://blog.example.com/old.html", "https://blog.example.com/new.html"
BIN = Path(sys.executable).parent


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def get(url: str) -> tuple[int, bytes, str]:
    """Status, body and Location of an answer, redirects not followed."""
    try:
        with OPENER.open(url, timeout=20) as answer:
            return answer.status, answer.read(), ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers.get("Location", "")


@contextmanager
def pywb(folder: Path, file: Path) -> Iterator[str]:
    """pywb playing a WACZ; the address that its collection begins with."""
    for part in ("archive", "indexes"):
        (folder / "collections" / "c" / part).mkdir(parents=True)
    words = ["add", "--unpack-wacz", "c", str(file)]
    subprocess.run([BIN / "wb-manager", *words], cwd=folder, check=True, capture_output=True)
    port = free_port()
    said = folder / "pywb.log"
    with said.open("wb") as log:
        player = subprocess.Popen(
            [BIN / "wayback", "-b", "127.0.0.1", "-p", str(port)], cwd=folder, stdout=log, stderr=log
        )
    try:
        end = clock.monotonic() + 110
        while not listens(port):
            if player.poll() is not None or clock.monotonic() > end:
                pytest.fail(f"pywb does not start: {said.read_text()[-500:]}")
            clock.sleep(0.05)
        yield f"http://127.0.0.1:{port}/c"
    finally:
        player.terminate()
        player.wait()


def listens(port: int) -> bool:
    with socket.socket() as knock:
        return knock.connect_ex(("127.0.0.1", port)) == 0


async def export(local: LocalRig, *words: str) -> Path:
    file = local.local.directory.parent / "copies.wacz"
    done = await rotwatch(local, "export", "--wacz", str(file), *words)
    assert done.exception is None, done.output
    assert done.return_value == 0, done.output
    return file


async def test_an_export_is_valid_and_plays_byte_for_byte(local: LocalRig, tmp_path: Path) -> None:
    for url in (LONG, OLD, NEW):
        local.world.article(url)
    local.world.set(OLD, State.MOVED, target=NEW)
    wechat, blog = await local.kept(LONG), await local.kept(OLD)
    local.time.pass_(days=40)
    local.world.set(LONG, State.LIVE, edited=0.4)
    again = await local.look(1, LONG)
    assert again
    await local.settle()
    assert len(await local.parts(again, parts.REVISIT)) == 3

    file = await export(local)
    judged = subprocess.run(
        [BIN / "wacz", "validate", "-f", file], capture_output=True, text=True, check=False
    )
    assert "the passed WACZ is valid" in judged.stdout, judged.stdout + judged.stderr

    kept = {one.id: one for one in await local.copies()}
    with pywb(tmp_path, file) as player:
        for copy in (wechat, blog, again):
            row = kept[copy]
            body = local.local.record(row.file, row.offset, row.length).body
            at = f"{row.captured_at:%Y%m%d%H%M%S}"
            assert get(f"{player}/{at}id_/{row.original_url}") == (200, body, "")
            pictures = await local.parts(copy, parts.PICTURE)
            assert len(pictures) >= 3
            for one in pictures:
                picture = local.local.record(one.file, one.offset, one.length).body
                assert get(f"{player}/{at}id_/{one.url}") == (200, picture, "")
        status, _, location = get(f"{player}/{START:%Y%m%d%H%M%S}id_/{OLD}")
        assert status == 301
        assert location.endswith(NEW)
    assert kept[wechat].original_url == kept[again].original_url
    assert kept[wechat].digest != kept[again].digest


async def test_chosen_links_and_new_copies_only(local: LocalRig) -> None:
    for url in (LONG, NEW):
        local.world.article(url)
        await local.kept(url)
    file = await export(local, LONG)
    with zipfile.ZipFile(file) as whole:
        pages = [json.loads(line) for line in whole.read("pages/pages.jsonl").splitlines()[1:]]
        assert whole.getinfo("archive/rotwatch.warc.gz").compress_type == zipfile.ZIP_STORED
    assert [page["url"] for page in pages] == [LONG]
    assert pages[0]["ts"] == f"{START:%Y-%m-%dT%H:%M:%SZ}"
    # the rig's clock stands in the past, so nothing is as new as an hour
    none = await rotwatch(local, "export", "--wacz", str(file), "--since", "1h")
    assert none.stderr.startswith("There is no local copy to export: ")
    assert none.return_value == 1


async def test_a_damaged_record_is_named_and_the_others_are_exported(local: LocalRig) -> None:
    for url in (LONG, NEW):
        local.world.article(url)
        await local.kept(url)
    first = (await local.copies())[0]
    path = local.local.directory / first.file
    whole = path.read_bytes()
    path.write_bytes(whole[: first.offset + 300] + b"\xff" + whole[first.offset + 301 :])
    file = local.local.directory.parent / "copies.wacz"
    done = await rotwatch(local, "export", "--wacz", str(file))
    assert done.return_value == 1
    assert f"{LONG}: The copy in {path} cannot be read" in done.stderr
    with zipfile.ZipFile(file) as made:
        pages = made.read("pages/pages.jsonl").decode()
    assert NEW in pages
    assert LONG not in pages
    path.write_bytes(whole)


async def test_a_file_that_cannot_be_written_is_one_sentence_and_the_old_one_stays(local: LocalRig) -> None:
    local.world.article(LONG)
    await local.kept(LONG)
    missing = local.local.directory / "no" / "such" / "folder.wacz"
    done = await rotwatch(local, "export", "--wacz", str(missing))
    assert str(done.exception) == (
        f"{missing} cannot be written (No such file or directory): choose another file or make room."
    )
    unknown = await rotwatch(local, "export", "--wacz", "x.wacz", "https://example.com/never")
    assert (
        str(unknown.exception) == "https://example.com/never is not watched: add it first (rotwatch add URL)."
    )
