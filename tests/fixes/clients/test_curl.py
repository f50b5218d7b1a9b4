"""A query as a curl command: the shell passes exactly one URL to curl, for all names."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from proxy.fixes.clients.curl import curl, curl_of_request
from tests.hostile_inputs import HOSTILE_NAMES

if TYPE_CHECKING:
    from pathlib import Path

BASE = "http://127.0.0.1:8000/rest/v1"


def arguments(command: str, folder: Path, **variables: str) -> list[str]:
    """What a shell would give to curl; nothing else may have happened."""
    script = f"curl() {{ printf '%s\\0' \"$@\"; }}\n{command}"
    environment = {"PATH": "/usr/bin:/bin", "TOKEN": "t", "BODY": "[]"} | variables
    run = subprocess.run(
        ["bash", "-u", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    assert run.stderr == ""
    assert not list(folder.iterdir())
    return run.stdout.split("\0")[:-1]


def test_values_are_shell_variables(tmp_path: Path) -> None:
    command = curl("GET creators?select=*&id=eq.?&at=gte.?&at=lt.?&order=at.desc", "creators", BASE)
    assert command == (
        f"curl -g '{BASE}/creators?select=*&id=eq.'\"$id\"'&at=gte.'\"$at\"'&at=lt.'\"$at_2\"'&order=at.desc' \\\n"
        '  -H "Authorization: Bearer $TOKEN"'
    )
    assert arguments(command, tmp_path, id="7", at="1", at_2="2") == [
        "-g",
        f"{BASE}/creators?select=*&id=eq.7&at=gte.1&at=lt.2&order=at.desc",
        "-H",
        "Authorization: Bearer t",
    ]


def test_a_list_is_in_parentheses_and_a_logic_tree_has_a_variable_per_value(tmp_path: Path) -> None:
    command = curl("GET t?id=in.?&or=(a.eq.?,b.not.in.?)", "t", BASE)
    argv = arguments(command, tmp_path, id="1,2", **{"or": "x", "or_2": "(3)"})
    assert argv[1] == f"{BASE}/t?id=in.(1,2)&or=(a.eq.x,b.not.in.(3))"


def test_another_schema_is_in_the_profile_header_of_the_method(tmp_path: Path) -> None:
    assert "Accept-Profile: private" in arguments(curl("GET private.t", "private.t", BASE), tmp_path)
    assert "Content-Profile: private" in arguments(curl("PATCH private.t?id=eq.?", "private.t", BASE), tmp_path, id="1")


def test_a_write_has_its_method_and_its_body(tmp_path: Path) -> None:
    argv = arguments(curl("POST t", "t", BASE), tmp_path)
    assert argv[:4] == ["-g", "-X", "POST", f"{BASE}/t"]
    assert argv[-4:] == ["-H", "Content-Type: application/json", "-d", "[]"]
    assert arguments(curl("HEAD t", "t", BASE), tmp_path)[:2] == ["-g", "-I"]


@pytest.mark.parametrize("text", HOSTILE_NAMES)
@pytest.mark.parametrize("form", ["GET {}", "GET t?{}=eq.?", "GET t?select={}", "GET t?order={}&a=eq.?", "GET t?a={}"])
def test_no_name_escapes_from_the_url(text: str, form: str, tmp_path: Path) -> None:
    command = curl(form.format(text), form.format(text).split(" ", 1)[1].partition("?")[0], BASE)
    values = {word.partition('"')[0]: "1" for word in command.split('"$')[1:]}
    argv = arguments(command, tmp_path, **values)
    assert argv[0] == "-g"
    assert argv[1].startswith(BASE)
    assert argv[1].isascii()
    assert argv[1].isprintable()
    assert argv[2:4] == ["-H", "Authorization: Bearer t"]


@pytest.mark.parametrize("text", HOSTILE_NAMES)
def test_a_received_target_is_one_shell_word(text: str, tmp_path: Path) -> None:
    target = "/t?a=eq." + text.encode().decode("latin-1")
    argv = arguments(curl_of_request("GET", target, "t", "GET t?a=eq.?", "http://127.0.0.1:1"), tmp_path)
    assert unquote(argv[1], encoding="latin-1") == unquote("http://127.0.0.1:1" + target, encoding="latin-1")
    assert len(argv) == 4


def test_there_is_no_command_without_a_relation_or_with_an_unknown_method() -> None:
    assert curl("GET /auth", "", BASE) == ""
    assert curl("';x t", "t", BASE) == ""
    assert curl_of_request("';x", "/t", "t", "';x t", BASE) == ""
