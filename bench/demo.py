"""Makes the text capture of ``rotwatch demo`` that the README opens with: ``python bench/demo.py`` writes it there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
README = REPOSITORY / "README.md"
BLOCK = re.compile(r"(<!-- demo -->\n).*?(<!-- /demo -->)", re.DOTALL)
SHOWN = (1, 6, 14, 18, 26)  # weeks: each of the others looks like one of these


def capture() -> str:
    """What a run that goes to a file says: a line of some weeks, then all of the end."""
    command = [str(Path(sys.executable).with_name("rotwatch")), "demo"]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=os.environ | {"COLUMNS": "110"}
    )
    weeks = [line for line in done.stderr.splitlines() if int(line.split()[1]) in SHOWN]
    lines = ["$ make demo", "\n…\n".join(weeks), *done.stdout.splitlines()]
    return "\n".join(f"    {line}".rstrip() for line in "\n".join(lines).splitlines())


def main() -> None:
    text = README.read_text(encoding="utf-8")
    changed, found = BLOCK.subn(lambda match: f"{match[1]}\n{capture()}\n\n{match[2]}", text)
    if not found:
        sys.exit(
            "README.md has no place for it: write <!-- demo --> and <!-- /demo --> on lines of their own."
        )
    README.write_text(changed, encoding="utf-8")


if __name__ == "__main__":
    main()
