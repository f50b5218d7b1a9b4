"""``fanin snippet``: prints code to put elsewhere, such as a function for PostgREST's db-pre-request."""

from collections.abc import Mapping

from proxy.postgrest.names import quoted_identifier
from proxy.settings.sources import ConfigError
from proxy.text.terminal import safe

PRE_REQUEST = """\
-- Shows the route and the trace of a request in Postgres, as the application_name of its transaction:
-- pg_stat_activity, the log (%a in log_line_prefix) and auto_explain then tell which page a statement is of.
--   GET /export trace=0af7651916cd43dd            a request
--   GET /export trace=0af7651916cd43dd merged=12  a call that answers twelve requests
--   merged=12                                     twelve requests of several routes and traces
-- fanin sends both only with its setting trace.forward = true (off by default). Run this as the owner of the database.
create schema if not exists {schema};
grant usage on schema {schema} to public;
create or replace function {schema}.show_request() returns void
language plpgsql set search_path = '' as $function$
declare
  headers jsonb := nullif(current_setting('request.headers', true), '')::jsonb;
  route text := headers ->> 'x-fanin-route';
  trace text := headers ->> 'x-fanin-trace';
  merged text := headers ->> 'x-fanin-merged';
  rest text := concat_ws(' ', 'trace=' || regexp_replace(left(trace, 16), '[^ -~]', '?', 'g'), 'merged=' || merged);
begin
  if route is null and rest = '' then
    return;  -- keep the name that PostgREST gave the connection
  end if;
  -- A name has at most 63 characters, all of them ASCII: the route is shortened, and the rest is kept.
  route := left(regexp_replace(route, '[^ -~]', '?', 'g'), 62 - length(rest));
  perform set_config('application_name', concat_ws(' ', route, nullif(rest, '')), true);
end
$function$;

-- Let PostgREST call it before each request: in its configuration
--   db-pre-request = "{name}.show_request"
-- or, as on Supabase, in the database (the role is that with which PostgREST connects):
--   alter role authenticator set pgrst.db_pre_request = '{literal}.show_request';
--   notify pgrst, 'reload config';
-- If there is such a function already, let it `perform {schema}.show_request();`.
-- Undo: remove that setting, reload PostgREST, then `drop schema {schema} cascade;`
"""


MAX_NAME = 63
"""Bytes of a name; Postgres cuts longer ones."""
UNUSABLE = frozenset('."\\')
"""PostgREST reads no quoted names in its settings: the first dot ends the schema, and it quotes the parts itself."""


def pre_request(schema: str) -> str:
    """SQL that makes the function ``show_request`` in ``schema``. ConfigError if PostgREST could not call it there."""
    if not schema or len(schema.encode()) > MAX_NAME or not schema.isprintable() or not UNUSABLE.isdisjoint(schema):
        raise ConfigError(
            f"--schema: '{safe(schema)}' cannot be named in db-pre-request: give 1 to {MAX_NAME} printable characters"
            " without dots, quotes and backslashes"
        )
    names = {"schema": quoted_identifier(schema), "name": schema, "literal": schema.replace("'", "''")}
    return PRE_REQUEST.format(**names)


SNIPPETS: Mapping[str, str] = {"pre-request": "a function for db-pre-request: route and trace as application_name"}
"""What can be printed, and what it is."""
