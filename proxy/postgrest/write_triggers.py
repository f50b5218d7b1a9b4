"""The triggers that notify of writes to a relation, so that those from elsewhere are seen: their SQL, and its undo.

A trigger runs once per statement, and changes no row, so that it does not count among those that may write to others.

https://www.postgresql.org/docs/current/sql-notify.html

Tests: tests/e2e/cache/test_notifications.py.
"""

from collections.abc import Sequence

from proxy.postgrest.names import quoted_identifier

BODY = """
begin
  perform pg_catalog.pg_notify(tg_argv[0], pg_catalog.format('%s.%s', tg_table_schema, tg_table_name));
  return null;
end
"""
"""The body of the trigger's function, byte for byte as in ``pg_proc.prosrc``."""

NOT_NOTIFYING = f"not exists (select from pg_proc p where p.oid = g.tgfoid and p.prosrc = $source${BODY}$source$)"
"""Condition on a row ``g`` of ``pg_trigger``: it is another trigger than one of these."""

FUNCTION = """\
begin;
create schema if not exists fanin;
create or replace function fanin.notify_write() returns trigger
language plpgsql set search_path = '' as $function${body}$function$;
"""
TRIGGER = """\

drop trigger if exists fanin_notify_write on {relation};
create trigger fanin_notify_write after insert or update or delete or truncate on {relation}
  for each statement execute function fanin.notify_write({channel});
alter table {relation} enable always trigger fanin_notify_write;  -- also where session_replication_role = replica
"""
UNDO = """\
drop trigger if exists fanin_notify_write on {relation};
"""
UNDO_FUNCTION = """\
do $undo$
begin
  if not exists (select from pg_trigger where tgfoid = to_regprocedure('fanin.notify_write()')) then
    drop function if exists fanin.notify_write();
    if not exists (select from pg_depend where refclassid = 'pg_namespace'::regclass
        and refobjid = (select oid from pg_namespace where nspname = 'fanin')) then
      drop schema if exists fanin;
    end if;
  end if;
end
$undo$;
"""


def trigger_sql(relations: Sequence[tuple[str, str]], channel: str) -> str:
    """SQL after which each write to the tables ``relations`` (schema and name) is notified on ``channel``."""
    literal = "'" + channel.replace("'", "''") + "'"
    triggers = [TRIGGER.format(relation=_quoted(each), channel=literal) for each in relations]
    return "".join([FUNCTION.format(body=BODY), *triggers, "commit;\n"])


def undo_sql(relations: Sequence[tuple[str, str]]) -> str:
    """SQL that takes the triggers of ``relations`` away, and the function once no table uses it."""
    return "".join(
        ["begin;\n", *[UNDO.format(relation=_quoted(each)) for each in relations], UNDO_FUNCTION, "commit;\n"]
    )


def _quoted(relation: tuple[str, str]) -> str:
    return ".".join(map(quoted_identifier, relation))
