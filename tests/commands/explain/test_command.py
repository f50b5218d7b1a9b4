"""``fanin explain REQUEST`` prints text or JSON under the effective settings; an invalid request exits with 2."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from proxy.commands.main import USAGE, main
from tests.test_imports import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_the_command_takes_mount_and_profile_from_settings(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["explain", "GET /api/t?id=eq.1", "--mount", "/api", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["asks"]["relation"] == "t"
    file = tmp_path / "fanin.toml"
    file.write_text('profile = "supabase"\n')
    assert main(["explain", "GET /t?id=eq.1", "--config", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["merging"]["bypass"]["code"] == "outside-mount"


def test_the_parts_of_the_explanation_are_printed_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "GET", "/t?id=eq.1", "-H", "Authorization: Bearer x", "--type", "id=int"]) == 0
    shown = capsys.readouterr().out
    marks = ("GET /t", "merges     yes", "relation", "\nSQL", "Fingerprint", "Identity", "Merging", "    call")
    places = [shown.index(mark) for mark in marks]
    assert places == sorted(places)
    assert "GET /t?select=f…:id::text,*&id=in.(1,2)" in shown


def test_json_contains_the_same_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "GET /t?id=eq.1&r.a=eq.%C3%A9&select=id,r(a)", "--json"]) == 0
    printed = capsys.readouterr().out
    assert printed.isascii()
    document = json.loads(printed)
    names = {
        "method",
        "target",
        "mount",
        "asks",
        "relation",
        "sql",
        "fingerprint",
        "identity",
        "merging",
        "prefetch",
        "cache",
        "write",
    }
    assert (set(document), document["relation"]) == (names, "public.t")
    assert document["asks"]["levels"]["r"]["where"][0]["value"] == "é"
    assert document["sql"]["statement"].startswith("SELECT\n")
    assert document["merging"]["ways"][0]["call"] == "/t?id=in.(1,2)&r.a=eq.%C3%A9&select=f…:id::text,id,r(a)"


@pytest.mark.parametrize("words", ["GET nowhere", "GET /t?a=b c", "http//x/"])
def test_an_invalid_request_exits_with_2(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", words]) == USAGE
    assert "fanin: explain: " in capsys.readouterr().err


def test_no_control_character_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "%1B]0;x%07%0A%E2%80%AE"
    words = f"GET /t{evil}?{evil}=eq.{evil}&select={evil}&order={evil}&or=({evil})&limit={evil}&id=eq.1&x=eq.{evil}"
    assert main(["explain", words, "-H", "Range: \x80\x9b", "-H", f"Accept-Profile: {evil}"]) == 0
    assert main(["explain", "GET /t\x1b"]) == USAGE
    printed = capsys.readouterr()
    assert all(line.isprintable() for line in (printed.out + printed.err).splitlines())


def test_the_readme_shows_the_printed_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    shown = (ROOT / "README.md").read_text(encoding="utf-8").partition("<!-- explain:begin -->")[2]
    command, printed = shown.partition("<!-- explain:end -->")[0].split("```text\n")
    words = shlex.split(next(line for line in command.splitlines() if line.startswith("$ ")))
    assert main(words[2:]) == 0
    assert printed.partition("```")[0] == capsys.readouterr().out
