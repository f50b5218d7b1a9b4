"""``fanin cache purge``: a running fanin forgets the answers that it keeps of a relation (FAN006).

Tests: tests/e2e/cache/test_purge.py.
"""

import os
from argparse import ArgumentParser, Namespace
from urllib.parse import quote

from proxy.commands.admin_api import read_api

HELP = "let a running fanin forget the answers that it keeps of a relation"


def add_cache(command: ArgumentParser) -> None:
    """The options of ``fanin cache``."""
    command.add_argument("action", choices=("purge",), metavar="purge", help="forget answers")
    command.add_argument("relation", metavar="RELATION", help="table or view, as name or schema.name")
    command.add_argument(
        "--admin", metavar="URL", default="http://127.0.0.1:9000", help="admin port of the fanin, or unix:/path"
    )
    command.add_argument("--token", help="admin_token of the fanin, if it requires one; default FANIN_ADMIN_TOKEN")


def purge(options: Namespace) -> int:
    """The number of answers that were forgotten; raises AdminPortError, ConfigError."""
    token = options.token or os.environ.get("FANIN_ADMIN_TOKEN")
    path = f"/api/cache/{quote(options.relation, safe='')}/purge"
    return int(read_api(options.admin, token, path, "purged", b"{}"))
