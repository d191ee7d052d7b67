"""What the doctor says of Pushpin's configuration."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from leaderboardapp.doctor.findings import Finding, Level
from leaderboardapp.doctor.pushpin import examine_files

KEY = "base64:c2VjcmV0IG9mIGEgcHJveHk="


@pytest.fixture
def conf(tmp_path: Path) -> Iterator[Path]:
    """The project's configuration, with the key of the one proxy."""
    proxy = {"control_uri": "tcp://localhost:1", "key": b"secret of a proxy"}
    with override_settings(GRIP_PROXIES=[proxy]):
        yield write(tmp_path / "pushpin.conf", {"sig_key=changeme": f"sig_key={KEY}"})


def write(file: Path, changes: Mapping[str, str]) -> Path:
    """Write the file, or the project's configuration, with changes."""
    text = (file if file.exists() else settings.BASE_DIR / "pushpin.conf").read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    return file


def examine(file: Path) -> Finding:
    [finding] = examine_files([file])
    assert str(file) in finding.text
    return finding


def test_the_projects_own_settings_are_right(conf: Path) -> None:
    assert examine(conf).level == Level.OK


@pytest.mark.parametrize(
    "old, new, text, remedy",
    [
        ("message_rate=0", "message_rate=2500", "message_rate=2500", "message_rate=0"),
        ("message_rate=0", "", "message_rate is not set", "message_rate=0"),
        ("message_rate=0", "message_rate=fast", "message_rate=fast", "message_rate=0"),
        ("message_hwm=1000000", "message_hwm=25000", "crowds miss", "message_hwm=1000000"),
        ("max_open_requests=16", "max_open_requests=0", "overflow", "max_open_requests=16"),
        ("tcp://127.0.0.1:", "tcp://*:", "every network", "loopback"),
        ("tcp://127.0.0.1:", "tcp://[::]:", "every network", "loopback"),
    ],
)
def test_what_works_and_will_not_always_is_warned_of(
    conf: Path, old: str, new: str, text: str, remedy: str
) -> None:
    finding = examine(write(conf, {old: new}))
    assert finding.level == Level.WARNING
    assert text in finding.text and remedy in finding.remedy


@pytest.mark.parametrize(
    "old, new, text, remedy",
    [
        (KEY, "base64:YW5vdGhlcg==", "another key", "same key"),
        (KEY, KEY.removeprefix("base64:"), "another key", "base64: before it"),
        (KEY, "base64:%", "another key", "same key"),
        ("[handler]", "handler]", "cannot be read", "own file"),
        ("[global]", "", "cannot be read", "own file"),
    ],
)
def test_what_cannot_work_is_an_error(
    conf: Path, old: str, new: str, text: str, remedy: str
) -> None:
    finding = examine(write(conf, {old: new}))
    assert finding.level == Level.ERROR
    assert text in finding.text and remedy in finding.remedy
    assert "secret" not in finding.text


def test_a_file_that_is_not_there(conf: Path) -> None:
    assert "cannot be read" in examine(conf.with_name("other.conf")).text


def test_without_limit_for_websockets(conf: Path) -> None:
    unlimited = {"max_open_requests=16": "max_open_requests=-1"}
    assert examine(write(conf, unlimited)).level == Level.WARNING
    assert examine(write(conf, {"=routes\n": "=routes-websockets\n"})).level == Level.OK


def test_a_key_may_be_that_of_any_address(conf: Path) -> None:
    keys = [b"a new one", b"secret of a proxy"]
    with override_settings(GRIP_PROXIES=[{"control_uri": "tcp://a:1", "key": key} for key in keys]):
        assert examine(conf).level == Level.OK


def test_without_a_name_it_is_what_the_script_has_made(conf: Path) -> None:
    made = conf.parent / "websockets" / "pushpin.conf"
    made.parent.mkdir()
    conf.rename(made)
    with override_settings(PUSHPIN_RUN_DIR=made.parents[1]):
        [finding] = examine_files([])
    assert finding.text == f"{made} is as it should be"


def test_fanout_has_no_configuration(conf: Path) -> None:
    fanout = {"control_uri": "https://api.fastly.com/service/x", "key": "token"}
    with override_settings(GRIP_PROXIES=[fanout]):
        assert [*examine_files([])] == []


@pytest.mark.parametrize("url", ["localhost:7999", "ftp://host", "https://user:geheim@host"])
def test_the_doctor_asks_at_an_address_without_a_password(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("doctor", f"--url={url}")
    assert "address" in str(refused.value) and "geheim" not in str(refused.value)
    assert not capsys.readouterr().out
