"""Every program that `make` brings is started once when it is installed, and a failure says what is missing."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.demo.postgres import Postgres
from proxy.demo.postgrest import find_postgrest
from proxy.demo.process import Child, StackError
from proxy.demo.server import free_port
from tests.programs import NODE, driver_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PATIENCE = 60.0  # seconds
SHOWN = 15  # lines of what a program printed
PAGE = "data:text/html,<title>%3F</title><script>document.title = 6 * 7</script>"
NGINX = """
worker_processes 1; daemon off; pid {directory}/pid; error_log {directory}/error.log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {directory}/b; proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f;
  uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200; }} }}
}}
"""


class TrialError(RuntimeError):
    """A program does not do what the tests need it for; the message says how it failed."""


def chromium(program: str) -> None:
    """It opens a page as Playwright's driver tells it, and runs the page's script."""
    from playwright.sync_api import sync_playwright  # which Node is tried without

    os.environ |= driver_environment()
    try:
        with sync_playwright() as driver:
            page = driver.chromium.launch(executable_path=program, args=["--no-sandbox"]).new_page()
            page.goto(PAGE)
            _expect(str(page.title()), "42")
    except TrialError:
        raise
    except Exception as error:  # Playwright raises no narrower one where its driver ends
        raise TrialError(str(error)) from error


def prometheus(program: str) -> None:
    """It answers on its port."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "prometheus.yml")
        config.write_text("{}", encoding="utf-8")
        port = free_port()
        flags = (f"--config.file={config}", f"--storage.tsdb.path={folder}", f"--web.listen-address=127.0.0.1:{port}")
        _answers([program, *flags], port, "/-/ready", Path(folder))


def nginx(program: str) -> None:
    """It answers on its port."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "nginx.conf")
        port = free_port()
        config.write_text(NGINX.format(directory=folder, port=port), encoding="utf-8")
        _answers([program, "-c", str(config), "-e", f"{folder}/error.log"], port, "/", Path(folder))


def postgres(program: str) -> None:
    """It makes a cluster and starts on it. ``program`` is in the folder that has initdb too."""
    os.environ["FANIN_PG_BIN"] = str(Path(program).parent)
    embedded_postgres()


def valgrind(program: str) -> None:
    """It counts the instructions of a program."""
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={folder}/out"]
        _expect(_said([*command, sys.executable, "-S", "-c", "print('counted')"]), "counted")


def embedded_postgres() -> None:
    """The Postgres of `make demo` starts."""
    with Postgres():
        pass


def postgrest() -> None:
    """The PostgREST of `make demo` says its version."""
    _expect(_said([find_postgrest(), "--version"]), "PostgREST ")


def node() -> None:
    """The Node and the npm of PyPI say their versions."""
    _expect(_said([str(NODE / "node"), "--version"]), "v")
    _expect(_said([str(NODE / "npm"), "--version"]), ".")


def says(word: str, *flags: str) -> Callable[[str], None]:
    """A trial of a program that only has to say ``word``."""
    return lambda program: _expect(_said([program, *flags]), word)


TRIALS: Mapping[str, Callable[[str], None]] = MappingProxyType(
    {
        "chromium": chromium,
        "prometheus": prometheus,
        "promtool": says("promtool, version", "--version"),
        "postgres": postgres,
        "nginx": nginx,
        "wrk": says("wrk ", "-v"),
        "curl": says("curl ", "--version"),
        "openssl": says("OpenSSL ", "version"),
        "valgrind": valgrind,
        "systemd-analyze": says("systemd ", "--version"),
    }
)
"""By the command's name; commands that are not named are tried with another one."""


def _said(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TrialError(f"it did not end within {PATIENCE:g} s") from error
    except OSError as error:
        raise TrialError(f"it cannot be started: {error.strerror}") from error
    return done.stdout


def _expect(said: str, word: str) -> None:
    if word not in said:
        last = "\n".join(said.splitlines()[-SHOWN:])
        raise TrialError(
            f"it did not print '{word.strip()}' but:\n{last}" if last else f"it printed no '{word.strip()}'"
        )


def _answers(command: Sequence[str], port: int, path: str, folder: Path) -> None:
    """Start a server, and wait until it answers a request with 200."""

    def ready() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    with Child(command, log=folder / "log", env=os.environ, stop=signal.SIGTERM) as child:
        try:
            child.wait_until(ready, timeout=PATIENCE)
        except StackError as error:
            raise TrialError(str(error)) from error
