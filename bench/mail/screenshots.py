"""Pictures of the weekly mail of a driven month, as a browser shows it: both languages, light and dark, two widths.

    python -m bench.mail.screenshots FOLDER          # eight PNG files, to be looked at
    python -m bench.mail.screenshots --readme        # docs/mail.png

Needs chromium (apt-get install chromium fonts-noto-cjk) and the extras demo and picture.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import tempfile
from io import BytesIO
from itertools import product
from pathlib import Path

from PIL import Image, ImageChops

from bench.mail.month import live
from monitor.report.language import Language
from monitor.report.render import render

README = Path(__file__).parents[2] / "docs" / "mail.png"
README_HEIGHT = 2000
TALLEST = 6000  # CSS pixels; what is left over is cut off
SCHEMES = {"light": 1, "dark": 0}
LANGUAGES: tuple[Language, ...] = ("en", "zh")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str | None:
    """The program that shows the mail; None where there is none."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def photograph(program: str, page: str, *, width: int, scheme: str) -> Image.Image:
    """``page`` as a window of ``width`` CSS pixels shows it, two real pixels for each, down to its last line."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mail.html").write_text(page, encoding="utf-8")
        subprocess.run(
            [
                program,
                *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
                f"--user-data-dir={folder / 'profile'}",
                f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
                "--force-device-scale-factor=2",
                f"--window-size={width},{TALLEST}",
                f"--screenshot={folder / 'mail.png'}",
                (folder / "mail.html").as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        with Image.open(folder / "mail.png") as shot:
            return _cut(shot.convert("RGB"))


def _cut(shot: Image.Image) -> Image.Image:
    """Without the empty rows below the mail."""
    background = Image.new("RGB", shot.size, shot.getpixel((0, shot.height - 1)))
    box = ImageChops.difference(shot, background).getbbox()
    return shot.crop((0, 0, shot.width, min(shot.height, box[3] + 24))) if box else shot


def small(shot: Image.Image) -> bytes:
    """A PNG of few colours."""
    file = BytesIO()
    shot.quantize(64).save(file, "png", optimize=True)
    return file.getvalue()


def main() -> None:
    """Live the month, render its last report in every way, take the pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("screenshots"))
    parser.add_argument("--readme", action="store_true", help=f"only {README.name}, for the README")
    arguments = parser.parse_args()
    program = browser()
    if program is None:
        parser.exit(3, "No browser: apt-get install chromium fonts-noto-cjk\n")
    with tempfile.TemporaryDirectory() as folder:
        month = asyncio.run(live(Path(folder)))
    zone = month.settings.report.zone
    if arguments.readme:
        shot = photograph(program, render(month.report, "en", zone).page, width=360, scheme="light")
        README.write_bytes(small(shot.crop((0, 0, shot.width, min(shot.height, README_HEIGHT)))))
        return
    arguments.folder.mkdir(exist_ok=True)
    for language, scheme, width in product(LANGUAGES, SCHEMES, (360, 1000)):
        page = render(month.report, language, zone).page
        file = arguments.folder / f"mail-{language}-{scheme}-{width}.png"
        file.write_bytes(small(photograph(program, page, width=width, scheme=scheme)))
        print(f"{file}  {file.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
