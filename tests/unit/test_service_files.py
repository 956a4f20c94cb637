from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from monitor import service_files
from monitor.service_files import Place, ServiceError

PROGRAM = Path("/srv/rot watch/100%/$HOME/bin/rotwatch")


def test_the_unit_starts_this_installation() -> None:
    text = service_files.unit_text(Path("/srv/rotwatch/bin/rotwatch"), user=False, systemd=252)
    assert "ExecStart=/srv/rotwatch/bin/rotwatch --config /etc/rotwatch/config.toml run\n" in text
    assert service_files.SHIPPED_PROGRAM not in text


def test_a_path_with_special_signs_is_one_word_of_the_unit() -> None:
    text = service_files.unit_text(PROGRAM, user=False, systemd=252)
    assert 'ExecStart="/srv/rot watch/100%%/$$HOME/bin/rotwatch" --config' in text
    with pytest.raises(ServiceError, match="line break"):
        service_files.unit_text(Path("/srv/\n/rotwatch"), user=False, systemd=252)


@pytest.mark.parametrize(("systemd", "grows"), [(0, False), (252, False), (254, True), (257, True)])
def test_a_systemd_that_can_waits_longer_from_restart_to_restart(systemd: int, *, grows: bool) -> None:
    text = service_files.unit_text(PROGRAM, user=False, systemd=systemd)
    assert ("RestartSteps=6\nRestartMaxDelaySec=600\n" in text) is grows


@pytest.mark.parametrize("user", [False, True])
def test_installing_twice_changes_nothing_and_a_configuration_is_kept(tmp_path: Path, *, user: bool) -> None:
    place = Place.of_user(Path("/home/reader/.config"), tmp_path) if user else Place.of_system(tmp_path)
    first = service_files.install(place, PROGRAM, systemd=252)
    assert first == {place.unit: "written", place.config: "written"}
    place.config.write_text("# mine", encoding="utf-8")
    assert service_files.install(place, PROGRAM, systemd=252) == {
        place.unit: "as it was",
        place.config: "kept",
    }
    assert place.config.read_text(encoding="utf-8") == "# mine"
    place.unit.write_text("# of an older rotwatch", encoding="utf-8")
    assert service_files.install(place, PROGRAM, systemd=252)[place.unit] == "written"
    assert sorted(file.name for file in tmp_path.rglob("*") if file.is_file()) == [
        "config.toml",
        "rotwatch.service",
    ]


def test_files_are_where_systemd_and_rotwatch_look_for_them_and_have_the_right_modes(tmp_path: Path) -> None:
    for place in (Place.of_system(tmp_path), Place.of_user(Path("/home/reader/.config"), tmp_path)):
        service_files.install(place, PROGRAM, systemd=252)
    found = {
        str(file.relative_to(tmp_path)): f"{file.stat().st_mode & 0o777:o}"
        for file in tmp_path.rglob("*")
        if file.is_file()
    }
    assert found == {
        "etc/systemd/system/rotwatch.service": "644",
        "etc/rotwatch/config.toml": "644",  # the service's user is nobody in particular
        "home/reader/.config/systemd/user/rotwatch.service": "644",
        "home/reader/.config/rotwatch/config.toml": "600",
    }


def test_uninstalling_removes_the_unit_alone(tmp_path: Path) -> None:
    place = Place.of_system(tmp_path)
    service_files.install(place, PROGRAM, systemd=252)
    assert service_files.uninstall(place) == {place.unit: "removed"}
    assert service_files.uninstall(place) == {place.unit: "not there"}
    assert place.config.exists()


def test_a_program_in_a_folder_that_the_unit_hides_is_refused_with_the_mend() -> None:
    assert "PrivateTmp=yes" in service_files.unit_text(PROGRAM, user=False, systemd=252)
    for hidden in ("/tmp", "/var/tmp"):
        with pytest.raises(ServiceError, match=rf"below {hidden}, .*elsewhere, like /opt/rotwatch"):
            service_files.check_reachable(Path(hidden, "venv/bin/rotwatch"))


def test_a_program_that_the_services_user_cannot_reach_is_refused_with_the_mend(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(service_files, "OF_ITS_OWN", ())  # where the tests' own folder is
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program = closed / "rotwatch"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    with pytest.raises(ServiceError, match=r"closed to other users.*/opt/rotwatch"):
        service_files.check_reachable(program)


def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("no folder", encoding="utf-8")
    with pytest.raises(ServiceError, match="cannot be changed"):
        service_files.install(Place.of_system(tmp_path), PROGRAM, systemd=252)


def test_the_users_unit_has_nothing_that_only_root_may_ask_for() -> None:
    text = service_files.unit_text(PROGRAM, user=True, systemd=252)
    # each of these needs a capability, and the unit would not start (systemd.exec(5))
    assert not re.search(
        r"^(DynamicUser|CapabilityBoundingSet|AmbientCapabilities|Protect\w+|Private\w+)=", text, re.MULTILINE
    )
    assert "NoNewPrivileges=yes" in text


needs_analyze = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="there is no systemd-analyze here"
)


def analyze(*words: str, **variables: str) -> tuple[int, str]:
    done = subprocess.run(
        ["systemd-analyze", "--no-pager", *words],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"PATH": "/usr/bin:/bin", **variables},
    )
    return done.returncode, done.stdout


@needs_analyze
@pytest.mark.parametrize("user", [False, True])
def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path, *, user: bool) -> None:
    unit = tmp_path / "rotwatch.service"
    program = Path(sys.executable).with_name("rotwatch")
    unit.write_text(service_files.unit_text(program, user=user, systemd=0), encoding="utf-8")
    scope = ["--user"] if user else []
    assert analyze("verify", *scope, str(unit), XDG_RUNTIME_DIR=str(tmp_path), HOME=str(tmp_path)) == (0, "")


@needs_analyze
def test_the_sandbox_leaves_little_open_and_the_readmes_tell_the_truth() -> None:
    repository = service_files.PACKAGE.parent
    _, said = analyze("security", "--offline=true", str(repository / "systemd/rotwatch.service"))
    found = re.search(r"Overall exposure level for rotwatch\.service: (\d+\.\d+)", said)
    assert found, said
    assert float(found[1]) <= 1.5
    if analyze("--version")[1].startswith("systemd 252"):  # each version counts a little differently
        for readme in ("README.md", "systemd/README.md"):
            assert f"exposure {found[1]}" in (repository / readme).read_text(encoding="utf-8"), readme
