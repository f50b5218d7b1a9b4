"""``fanin cache``: a running fanin forgets the answers that it keeps of a relation (``purge``), and SQL of triggers
with which it sees the writes of others (``triggers``).

Tests: tests/e2e/cache/test_purge.py, tests/e2e/cache/test_notifications.py.
"""

import os
from argparse import ArgumentParser, Namespace
from urllib.parse import quote

from proxy.commands.admin_api import read_api
from proxy.postgrest.write_triggers import trigger_sql, undo_sql
from proxy.settings.sources import ConfigError
from proxy.settings.tables import CatalogSettings

HELP = "purge: let a running fanin forget answers; triggers: SQL with which it sees the writes of others"


def add_cache(command: ArgumentParser) -> None:
    """The options of ``fanin cache``."""
    command.add_argument(
        "action",
        choices=("purge", "triggers"),
        metavar="purge|triggers",
        help="purge: forget the answers of the relations; triggers: print SQL that notifies fanin of writes to them",
    )
    command.add_argument("relations", nargs="+", metavar="RELATION", help="as name or schema.name")
    command.add_argument(
        "--admin", metavar="URL", default="http://127.0.0.1:9000", help="admin port of the fanin, or unix:/path"
    )
    command.add_argument("--token", help="admin_token of the fanin, if it requires one; default FANIN_ADMIN_TOKEN")
    command.add_argument(
        "--schema", default="public", metavar="NAME", help="triggers: schema of names without one; default public"
    )
    channel = CatalogSettings().writes_channel
    command.add_argument(
        "--channel", metavar="NAME", default=channel, help=f"triggers: catalog.writes_channel; default {channel}"
    )
    command.add_argument("--undo", action="store_true", help="triggers: print SQL that takes them away")


def purge(options: Namespace) -> int:
    """The number of answers that were forgotten; raises AdminPortError, ConfigError."""
    token = options.token or os.environ.get("FANIN_ADMIN_TOKEN")
    paths = [f"/api/cache/{quote(relation, safe='')}/purge" for relation in options.relations]
    return sum(int(read_api(options.admin, token, path, "purged", b"{}")) for path in paths)


def triggers(options: Namespace) -> str:
    """The SQL; raises ConfigError for a name that is none."""
    relations = []
    for text in options.relations:
        schema, _, name = text.partition(".") if "." in text else (options.schema, "", text)
        if not (schema and name):
            raise ConfigError(f"'{text}' is no relation: write name or schema.name")
        relations.append((schema, name))
    if options.undo:
        return undo_sql(relations)
    words = " ".join(".".join(each) for each in relations)
    title = (
        f"-- Each write to these tables is notified on the channel {options.channel}, where fanin listens (db_uri).\n"
        f"-- Run it as the owner of the tables. Undo: fanin cache triggers --undo {words}\n"
    )
    return title + trigger_sql(relations, options.channel)
