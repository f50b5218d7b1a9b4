"""A real nginx before PostgREST whose buffers for heads are small."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from proxy.demo.process import Child
from proxy.demo.server import START_TIMEOUT, free_port
from tests.e2e.support.nginx_gateway import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """
worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_requests 100000;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  proxy_http_version 1.1; proxy_set_header Connection "";
  upstream api {{ server 127.0.0.1:{api}; keepalive 32; }}
  server {{
    listen 127.0.0.1:{port};
    {lines}
    location / {{ proxy_pass http://api/; }}
  }}
}}
"""


class SmallGateway:
    """``url`` is its URL, ``pid`` its process, which reads its configuration again on SIGHUP."""

    def __init__(self, api: str, directory: Path) -> None:
        self.port = free_port()
        self.pid = 0
        self._api = api.rpartition(":")[2]
        self._directory = directory
        self.url = f"http://127.0.0.1:{self.port}"

    def write(self, lines: str) -> Path:
        """Write the configuration."""
        config = self._directory / "nginx.conf"
        text = CONFIG.format(dir=self._directory, api=self._api, port=self.port, lines=lines)
        config.write_text(text, encoding="ascii")
        return config


@contextmanager
def small_gateway(api: str, directory: Path, lines: str) -> Iterator[SmallGateway]:
    """nginx before ``api`` (a PostgREST's URL), with ``lines`` in its server block."""
    assert PROGRAM is not None
    made = SmallGateway(api, directory)
    arguments = [PROGRAM, "-p", str(directory), "-c", str(made.write(lines)), "-e", str(directory / "error.log")]
    with Child(arguments, log=directory / "out.log", env=dict(os.environ), stop=signal.SIGTERM) as child:
        child.wait_until((directory / "nginx.pid").exists, timeout=START_TIMEOUT)
        made.pid = child.pid
        yield made
