-- Rows whose writes can be held, refused, and counted: each write of a row is a row of the log.
drop schema if exists faulted cascade;
create schema faulted;
create table faulted.row (id int primary key, name text not null, size int);
create table faulted.log (id int, name text);
create function faulted.before() returns trigger language plpgsql as $$
begin
  if new.name = 'held' and new.id = 4 then perform pg_advisory_xact_lock(4711); end if;
  if new.name = 'refused' and new.id = 7 then raise 'not row 7' using errcode = 'check_violation'; end if;
  if new.name = 'status' then perform set_config('response.status', '409', true); end if;
  if new.name = 'header' then perform set_config('response.headers', '[{"X-Row": "' || new.id || '"}]', true); end if;
  if new.name = 'broken' and new.id = 7 then raise 'broken' using errcode = 'internal_error'; end if;
  return new;
end $$;
create trigger before before update on faulted.row for each row execute function faulted.before();
create function faulted.log() returns trigger language plpgsql as
$$ begin insert into faulted.log values (new.id, new.name); return new; end $$;
create trigger log after update on faulted.row for each row execute function faulted.log();
insert into faulted.row select g, 'old', g from generate_series(1, 40) g;
grant usage on schema faulted to service_role;
grant all on all tables in schema faulted to service_role;
