-- Registers: a version per key, which writers count up, and what each reader gets of it.
drop schema if exists registers cascade;
create schema registers;
create table registers.register (id integer primary key, version bigint not null);
insert into registers.register select n, 0 from generate_series(1, 40) n;
create table registers.other (id integer primary key, version bigint not null);
insert into registers.other select n, 0 from generate_series(1, 40) n;
create view registers.reading as
  select id, version, current_setting('request.headers', true)::json ->> 'x-reader' as reader from registers.register;
create function registers.set_version(id integer, version bigint) returns void language sql as
  $$ update registers.register r set version = $2 where r.id = $1 $$;
grant usage on schema registers to service_role;
grant all on all tables in schema registers to service_role;
grant execute on all functions in schema registers to service_role;
