"""A real nginx before PostgREST that adds to answers what Supabase's gateways add."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from proxy.demo.process import Child
from proxy.demo.server import START_TIMEOUT, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Debian keeps it where only root's PATH leads.
PROGRAM = shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
NEEDS_NGINX = pytest.mark.skipif(PROGRAM is None, reason="needs nginx on PATH (Debian: apt-get install nginx-light)")

# Two servers, as with Supabase: the edge (Cloudflare), and behind it the gateway with its key check (Kong).
CONFIG = """
worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; server_tokens off; large_client_header_buffers 4 64k; keepalive_requests 100000;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  proxy_http_version 1.1; proxy_set_header Connection "";
  proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;
  upstream api {{ server 127.0.0.1:{api}; keepalive 32; }}
  upstream gateway {{ server 127.0.0.1:{inner}; keepalive 32; }}
  server {{
    listen 127.0.0.1:{inner};
    gzip on; gzip_types application/json; gzip_min_length 1; gzip_proxied any; gzip_vary on;
    location /rest/v1/ {{
      if ($http_apikey = "") {{ return 401; }}
      proxy_pass http://api/;
      add_header X-Kong-Upstream-Latency $upstream_response_time always;
      add_header X-Kong-Proxy-Latency 0 always;
      add_header X-Kong-Request-Id $request_id always;
      add_header Via kong/2.8.1 always;
      add_header Access-Control-Allow-Origin * always;
    }}
    location / {{ return 404; }}
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://gateway;
      proxy_set_header Accept-Encoding {encoding};
      add_header CF-RAY $request_id-CDG always;
      add_header CF-Cache-Status DYNAMIC always;
      add_header Strict-Transport-Security "max-age=31536000; includeSubDomains; preload" always;
      add_header sb-gateway-version 1 always;
      add_header sb-project-ref abcdefghijklmnopqrst always;
      add_header sb-request-id $request_id always;
      add_header x-envoy-attempt-count 1 always;
      add_header x-envoy-upstream-service-time $upstream_response_time always;
      add_header X-Content-Type-Options nosniff always;
      add_header Set-Cookie "__cf_bm=$request_id-1.0.1.1; path=/; domain=.supabase.co; HttpOnly; Secure" always;
      add_header Set-Cookie "_cfuvid=$request_id; path=/; HttpOnly; Secure; SameSite=None" always;
      add_header alt-svc 'h3=":443"; ma=86400' always;
      {more}
    }}
  }}
}}
"""


@contextmanager
def gateway(api: str, directory: Path, encoding: str = "$http_accept_encoding", more: str = "") -> Iterator[str]:
    """Its URL, with ``api`` (a PostgREST's URL) under ``/rest/v1/``. It keeps all it writes in ``directory``.

    ``encoding`` is what the edge asks the gateway for; ``more`` are further lines of the edge's location.
    """
    assert PROGRAM is not None
    port, inner = free_port(), free_port()
    config = directory / "nginx.conf"
    values = {"dir": directory, "api": api.rpartition(":")[2], "encoding": encoding, "more": more}
    config.write_text(CONFIG.format(**values, port=port, inner=inner), encoding="ascii")
    arguments = [PROGRAM, "-p", str(directory), "-c", str(config), "-e", str(directory / "error.log")]
    with Child(arguments, log=directory / "out.log", env=dict(os.environ), stop=signal.SIGTERM) as child:
        child.wait_until((directory / "nginx.pid").exists, timeout=START_TIMEOUT)
        yield f"http://127.0.0.1:{port}"
