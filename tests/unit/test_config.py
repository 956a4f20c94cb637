from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from monitor.config import Settings
from monitor.config_file import ConfigError, keys, load

SHIPPED = Path(__file__).parents[2] / "config.toml"


@pytest.fixture(autouse=True)
def _nothing_set_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ROTWATCH_CONFIG", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


def write(folder: Path, text: str) -> str:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_the_shipped_file_holds_every_default() -> None:
    settings = load(str(SHIPPED))
    assert settings == Settings(file=settings.file)


def test_the_shipped_file_names_every_key() -> None:
    values = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    for key in keys():
        part = values
        for name in key:
            if name in ("sources", "shutdowns"):  # an example in a comment
                break
            assert name in part, f"{'.'.join(key)} is missing in config.toml"
            part = part[name]


def test_an_unknown_key_is_an_error_that_suggests_the_right_one(tmp_path: Path) -> None:
    file = write(tmp_path, "[network]\ntimout_s = 5\n")
    with pytest.raises(ConfigError, match=r"unknown key network\.timout_s: did you mean timeout_s\?"):
        load(file)


def test_an_unknown_section_is_an_error_that_suggests_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown key netwrok: did you mean network\?"):
        load(write(tmp_path, "[netwrok]\n"))


def test_an_unknown_key_of_a_source_is_named_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sources\.0\.pth: did you mean path\?"):
        load(write(tmp_path, '[[sources]]\npath = "a.md"\npth = "b.md"\n'))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[report]\nschedule = "sometimes"\n', "write a weekday and a time"),
        ('[report]\nschedule = "mon 25:00"\n', "write a weekday and a time"),
        ('[report]\ntimezone = "Mars/Olympus"\n', "no such time zone"),
        ('[report]\nlanguage = "fr"\n', "report.language"),
        ('[network.hosts]\n"a.example" = "nowhere"\n', "address:port"),
        ("[network]\ntimeout_s = -1\n", "network.timeout_s"),
        ("[policy]\nremoved_looks = 1\n", "policy.removed_looks"),
        ('[archives.wayback]\nbase_url = "ftp://x"\n', "http://"),
        ("[network\n", "not valid TOML"),
    ],
)
def test_an_impossible_value_is_one_sentence_that_names_it(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace(".", r"\.")) as error:
        load(write(tmp_path, text))
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_text_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="readable UTF-8"):
        load(str(tmp_path / "config.toml"))


def test_a_missing_file_is_an_error_only_when_it_was_named() -> None:
    assert load().file is None
    with pytest.raises(ConfigError, match="no configuration file"):
        load("missing.toml")


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROTWATCH_NETWORK__TIMEOUT_S", "7")
    monkeypatch.setenv("ROTWATCH_REPORT__EMAIL__RECIPIENTS", '["a@example.org"]')
    settings = load(write(tmp_path, "[network]\ntimeout_s = 5\nconcurrency = 3\n"))
    assert (settings.network.timeout_s, settings.network.concurrency) == (7, 3)
    assert settings.report.email.recipients == ("a@example.org",)


def test_a_misspelt_variable_is_an_error_that_suggests_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROTWATCH_NETWORK__TIMOUT_S", "7")
    with pytest.raises(ConfigError, match="did you mean ROTWATCH_NETWORK__TIMEOUT_S"):
        load()


def test_a_secret_may_be_a_systemd_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report.email.password").write_text("open sesame\n", encoding="utf-8")
    (tmp_path / "something.else").write_text("of another service", encoding="utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert load().report.email.password.get_secret_value() == "open sesame"


def test_a_secret_is_never_printed(tmp_path: Path) -> None:
    text = '[report.email]\npassword = "hunter2"\n[archives.wayback]\nsecret_key = "hunter3"\n'
    shown = repr(load(write(tmp_path, text)))
    assert "hunter" not in shown


def test_a_wrong_secret_is_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load(write(tmp_path, "[report.email]\npassword = 31337\n"))
    assert "31337" not in str(error.value)


def test_the_command_line_wins_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROTWATCH_DATABASE__URL", "sqlite:///a.db")
    assert load(database="sqlite:///b.db").database.url == "sqlite:///b.db"


def test_state_lives_beside_the_configuration_unless_systemd_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(write(tmp_path, ""))
    assert settings.state_directory == tmp_path
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/elsewhere")
    assert settings.state_directory == Path("/var/lib/elsewhere")
