-- What the loops of tests/e2e/fixes read and write. PostgREST returns at most 1000 rows of it; an owner has 60 things.
drop schema if exists loops cascade;
drop schema if exists second cascade;
create schema loops;
create schema second;
create table loops.owner (id bigint primary key, uid uuid unique not null, email text unique not null, since date);
create table loops.thing (
  id bigint primary key,
  owner_id bigint not null references loops.owner,
  kind text not null,
  name text,
  tag uuid not null,
  score numeric,
  rank int,
  due timestamptz,
  flag boolean,
  data jsonb not null,
  labels text[] not null,
  span int4range not null,
  words tsvector not null
);
create index on loops.thing (owner_id);
create table loops.part (
  id bigint primary key, thing_id bigint not null references loops.thing, label text not null, at int
);
create index on loops.part (thing_id);
create table loops.entry (
  id bigint primary key, a text not null default 'x', b bigint, code text unique not null, val int default 7,
  status text not null default 'new', note text default 'none'
);
create function loops.doubled(n bigint) returns bigint language sql stable as 'select 2 * n';
create function loops.nasty(n bigint) returns text language sql immutable as $$
  select (array['plain', 'with, comma', 'quote "q"', 'back\slash', 'ünï ☃', 'paren (x)', '"', 'a.b:c', 'line
break', '*star_%', 'in.(1,2)', ' padded ', '\"', '{br,ace}', '', 'null'])[1 + n % 16]
$$;
insert into loops.owner
  select n, md5('owner:' || n)::uuid, loops.nasty(n) || case when n < 16 then '' else n::text end, date '2024-01-01' + n::int
  from generate_series(0, 59) n;
insert into loops.thing
  select n, n / 60, (array['a', 'b', 'c', 'd'])[1 + n % 4], loops.nasty(n) || case when n % 3 = 0 then n::text else '' end,
    md5('tag:' || n % 500)::uuid, case when n % 7 = 0 then null else n * 1.25 end,
    case when n % 5 = 0 then null else n % 9 end,
    case when n % 6 = 0 then null else timestamptz '2024-01-01' + n * interval '1 hour' end,
    (array[true, false, null])[1 + n % 3],
    jsonb_build_object('k', loops.nasty(n), 'n', n % 20, 'deep', jsonb_build_object('x', (n % 30)::text)),
    array['l' || n % 4, 'l' || n % 7], int4range((n % 50)::int, (n % 50 + 5)::int),
    to_tsvector('simple', 'word' || n % 10 || ' other' || n % 3)
  from generate_series(0, 2399) n;
insert into loops.part
  select n, n / 3, 'part ' || n % 5, case when n % 4 = 0 then null else n % 10 end from generate_series(0, 1799) n;
create table loops.entry_before (like loops.entry);
insert into loops.entry_before
  select n, (array['x', 'y', 'z'])[1 + n % 3], n % 10, loops.nasty(n) || n, n, (array['new', 'old'])[1 + n % 2], 'n' || n
  from generate_series(0, 59) n;
insert into loops.entry select * from loops.entry_before;
create table loops.reading (
  sensor int, seq int, value numeric, note text, "at which" timestamptz, primary key (sensor, seq)
);
insert into loops.reading
  select n % 30, n / 30, case when n % 4 = 0 then null else n % 7 end, loops.nasty(n),
    case when n % 5 = 0 then null else timestamptz '2024-01-01' + n % 11 * interval '1 day' end
  from generate_series(0, 2399) n;
create table loops.word (word text primary key, weight int, id int);
insert into loops.word select loops.nasty(n) || n, n % 3, n % 50 from generate_series(0, 2399) n;
create table loops.sighting (id int, what text);
insert into loops.sighting select n / 2, loops.nasty(n) from generate_series(0, 1999) n;
create table loops.tally (b int primary key, total int not null);
create table loops.settings (id int primary key, theme text, banner text);
insert into loops.settings values (1, 'dark', null);
create table second.thing as select id, owner_id, kind, name from loops.thing where id < 600;
alter table second.thing add primary key (id);
grant usage on schema loops, second to service_role;
grant all on all tables in schema loops, second to service_role;
notify pgrst, 'reload schema';
