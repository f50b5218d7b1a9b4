"""Settings as they are shown: complete, readable again, and without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from proxy.settings.declared import declared
from proxy.settings.listing import MASK, as_toml, listed
from proxy.settings.loading import load

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = {"db_uri": "postgres://user:hidden-password@host/db", "admin_token": "hidden-token-of-some-length"}
FILE = """
trace.headers = ["x-a", 'x-"b"']
merge.max_rows = 1000
[[override]]
relation = "public.videos"
rules.fan001 = "report"
merge.ties = "any"
[[override]]
route = "GET /export"
merge.max_keys = 10
[[ignore]]
rule = "FAN001"
relation = "videos"
reason = 'said "no"'
owner = "me"
until = 2031-02-03
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fanin.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_a_secret_is_nowhere_in_what_is_shown(file: Path) -> None:
    loaded = load(SECRETS, file)
    values = {one.name: one.value for one in listed(loaded)}
    assert values["db_uri"] == values["admin_token"] == MASK
    for text in (msgspec.json.encode(list(listed(loaded))).decode(), "\n".join(as_toml(loaded)), repr(loaded)):
        assert "hidden" not in text
    assert "# db_uri is set, and secret  # flag: " in "\n".join(as_toml(loaded))


def test_every_setting_is_shown_with_its_source_and_help(file: Path) -> None:
    loaded = load({"mode": "observe"}, file)
    rows = {one.name: one for one in listed(loaded)}
    assert list(rows) == list(declared())
    assert all(row.help == declared()[name].help for name, row in rows.items())
    assert (rows["mode"].value, rows["mode"].source) == ("observe", "flag")
    assert (rows["merge.max_rows"].value, rows["merge.max_rows"].source) == (1000, str(file))
    assert (rows["merge.max_keys"].source, rows["db_uri"].value) == ("default", None)


def test_what_is_shown_as_toml_says_the_same_when_it_is_read(file: Path, tmp_path: Path) -> None:
    loaded = load({"mode": "observe", "merge.max_wait": 0.5}, file)
    copy = tmp_path / "copy.toml"
    copy.write_text("\n".join(as_toml(loaded)), encoding="utf-8")
    assert load({}, copy).settings == loaded.settings
