"""The options of the commands: one name for one thing, and old names that still work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.commands.main import UNABLE, command_line, main

if TYPE_CHECKING:
    import pytest

NOBODY = "http://127.0.0.1:1"


def test_every_command_that_reads_a_running_fanin_calls_its_address_admin(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["top"], ["check"], ["audit"], ["explain", "GET /t?id=eq.1"]):
        assert main([*arguments, "--admin", NOBODY]) == UNABLE
        assert NOBODY in capsys.readouterr().err


def test_the_old_name_of_admin_works_and_says_the_new_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--running", NOBODY, "GET /t?id=eq.1"]) == UNABLE
    first, second = capsys.readouterr().err.splitlines()
    assert first == "fanin: warning: --running is now called --admin"
    assert second.startswith(f"fanin: {NOBODY} cannot be read")


def test_each_command_has_a_help_text(capsys: pytest.CaptureFixture[str]) -> None:
    command_line().print_help()
    printed = capsys.readouterr().out
    for name in ("serve", "config", "demo", "top", "explain", "check", "audit"):
        assert f"\n    {name} " in printed
