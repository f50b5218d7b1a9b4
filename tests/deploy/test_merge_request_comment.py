"""The template for GitLab keeps one comment of a merge request up to date, tried with a stub of GitLab's API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from tests.deploy.test_ci import TEMPLATE

if TYPE_CHECKING:
    from pathlib import Path

COMMENT = "<!-- fanin check fanin.toml -->\n### A check fails\n\n- FAN001 `20 reads`\n"


class GitLab:
    """What the API of GitLab is for the notes of one merge request, a page of them at a time."""

    def __init__(self, *bodies: str) -> None:
        self.notes: list[dict[str, Any]] = [
            {"id": n, "body": body, "system": n == 1} for n, body in enumerate(bodies, 1)
        ]
        self.calls: list[str] = []
        self.tokens: set[str | None] = set()
        self.status = 200
        handler = type("Handler", (_Notes,), {"host": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.variables = {
            "CI_API_V4_URL": f"http://127.0.0.1:{self.server.server_port}/api/v4",
            "CI_PROJECT_ID": "12",
            "CI_MERGE_REQUEST_IID": "7",
            "COMMENT_TOKEN": "a-token-of-the-project",
        }

    def __enter__(self) -> GitLab:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Notes(BaseHTTPRequestHandler):
    host: GitLab

    def do_GET(self) -> None:
        page = int(parse_qs(urlsplit(self.path).query)["page"][0])
        self._answer(self.host.notes[2 * page - 2 : 2 * page], str(page + 1) if len(self.host.notes) > 2 * page else "")

    def do_POST(self) -> None:
        self.host.notes.append({"id": len(self.host.notes) + 1, "body": self._body(), "system": False})
        self._answer(self.host.notes[-1])

    def do_PUT(self) -> None:
        note = next(one for one in self.host.notes if str(one["id"]) == self.path.rpartition("/")[2])
        note["body"] = self._body()
        self._answer(note)

    def _body(self) -> str:
        return str(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"])

    def _answer(self, value: object, following: str = "") -> None:
        self.host.calls.append(f"{self.command} {urlsplit(self.path).path}")
        self.host.tokens.add(self.headers["PRIVATE-TOKEN"])
        body = json.dumps(value).encode()
        self.send_response(self.host.status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Next-Page", following)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the test says what went wrong."""


NOTES = "/api/v4/projects/12/merge_requests/7/notes"


def commented(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The step of the template that writes the comment, alone."""
    job = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))[".fanin"]
    (step,) = [step for step in job["script"] if "COMMENT_TOKEN" in step]
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **job["variables"], **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    scripts = tmp_path / ".fanin-environment" / "bin"
    scripts.mkdir(parents=True)
    (scripts / "python").symlink_to(sys.executable)
    (tmp_path / "fanin-comment").write_text(COMMENT, encoding="utf-8")
    return tmp_path


def test_there_is_one_comment_and_it_changes_only_with_the_result(checkout: Path) -> None:
    with GitLab("changed the title", "looks good", "and this") as host:
        for _ in range(2):
            assert commented(checkout, **host.variables).returncode == 0
        assert host.notes[-1]["body"] == COMMENT.strip()
        assert host.calls == [f"GET {NOTES}", f"GET {NOTES}", f"POST {NOTES}", f"GET {NOTES}", f"GET {NOTES}"]
        (checkout / "fanin-comment").write_text(COMMENT.replace("20", "30"), encoding="utf-8")
        commented(checkout, **host.variables)
        assert len(host.notes) == 4
        assert host.calls[-1] == f"PUT {NOTES}/4"
        assert "30 reads" in host.notes[-1]["body"]
        assert host.tokens == {"a-token-of-the-project"}


def test_a_comment_of_another_file_of_settings_is_another_comment(checkout: Path) -> None:
    with GitLab("a title", COMMENT.replace("fanin.toml", "other.toml")) as host:
        commented(checkout, **host.variables)
        assert len(host.notes) == 3


def test_a_comment_that_gitlab_refuses_fails_nothing_and_shows_no_token(checkout: Path) -> None:
    with GitLab("a title") as host:
        host.status = 401
        ran = commented(checkout, **host.variables)
    assert ran.returncode == 0
    assert "HTTP Error 401: Unauthorized; COMMENT_TOKEN needs the scope api" in ran.stderr
    assert "a-token" not in ran.stdout + ran.stderr


def test_an_api_that_cannot_be_reached_fails_nothing(checkout: Path) -> None:
    with GitLab() as host:
        variables = {**host.variables, "CI_API_V4_URL": "http://127.0.0.1:1/api/v4"}
    ran = commented(checkout, **variables)
    assert (ran.returncode, "the comment could not be written" in ran.stderr) == (0, True)


@pytest.mark.parametrize("missing", ["COMMENT_TOKEN", "CI_MERGE_REQUEST_IID"])
def test_outside_a_merge_request_or_without_a_token_gitlab_is_not_asked(checkout: Path, missing: str) -> None:
    with GitLab("a title") as host:
        ran = commented(checkout, **{**host.variables, missing: ""})
    assert (ran.returncode, host.calls) == (0, [])


def test_without_a_comment_to_write_gitlab_is_not_asked(checkout: Path) -> None:
    (checkout / "fanin-comment").unlink()
    with GitLab("a title") as host:
        assert commented(checkout, **host.variables).returncode == 0
        assert host.calls == []
