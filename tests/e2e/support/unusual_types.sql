-- Tables with every kind of key that reads are merged by, or must not be. Filled the same each time.
drop schema if exists unusual cascade;
create schema unusual;

create table unusual.num (id int primary key, title text, owner uuid, j json, b jsonb);
insert into unusual.num
select n, 'film ' || n || case n % 5 when 0 then E' "é" \\ \n' else '' end, md5('owner:' || n)::uuid,
  case n % 4 when 0 then E'[{"a":1}, \n {"id":"2"}]'::json when 1 then '{"a" : 1,"a":2}' end,
  jsonb_build_object('n', n)
from generate_series(1, 1000) n;

create table unusual.doc (id uuid primary key, n int not null, price numeric(8, 2), at timestamptz);
insert into unusual.doc
select md5('doc:' || n)::uuid, n, n / 7.0, timestamptz '2025-01-01 00:00:00+00' + n * interval '61 minutes 0.25 s'
from generate_series(1, 600) n;

-- Several rows a key, stored against their order.
create table unusual.many (id int primary key, k int not null, u uuid not null, note text);
insert into unusual.many
select 400 - n, n % 40, md5('many:' || n % 40)::uuid, 'note ' || n % 7 from generate_series(1, 100) n;

-- Read in another order for many keys than for one, as a table is whose plan changes.
create view unusual.msg as
select id, k as room, note as body from unusual.many order by case when current_query() like '%ANY%' then id else -id end;

create table unusual.kid (id int primary key, num_id int not null references unusual.num, note text);
insert into unusual.kid select n, 1 + n % 50, 'kid ' || n from generate_series(1, 200) n;

create table unusual.pair (a int, b int, v text, primary key (a, b));
insert into unusual.pair select a, b, a || '/' || b from generate_series(1, 12) a, generate_series(1, 12) b;

-- Keys whose texts and values are not one to one.
create table unusual.words (id int primary key, k text);
insert into unusual.words values (1, '1'), (2, '12'), (3, '-1'), (4, '01'), (5, ''), (6, 'a b'), (7, '+1'), (8, ' 1'),
  (9, upper(md5('doc:1')::uuid::text)), (10, md5('doc:1')::uuid::text);
create table unusual.dec (id int primary key, k numeric);
insert into unusual.dec values (1, 1), (2, 1.0), (3, 2.50), (4, 12), (5, -1), (6, 0);
create table unusual.flo (id int primary key, k float8);
insert into unusual.flo values (1, 1), (2, -1), (3, 2.5), (4, 12), (5, 1e17), (6, '-0');
create table unusual.cit (id int primary key, k extensions.citext);
insert into unusual.cit values (1, 'Abc'), (2, 'ABC'), (3, '1'), (4, '12'), (5, upper(md5('doc:1')::uuid::text));
create table unusual.chr (id int primary key, k "char");
insert into unusual.chr values (1, '1'), (2, '2'), (3, '-'), (4, '0'), (5, 'a');
create domain unusual.one_byte as "char";
create table unusual.chd (id int primary key, k unusual.one_byte);
insert into unusual.chd select id, k from unusual.chr;
create table unusual.flag (id int primary key, k boolean);
insert into unusual.flag values (1, true), (2, false), (3, null);
create table unusual.small (id int primary key, k smallint, w int);
insert into unusual.small select n, n - 20, n * 100000 from generate_series(1, 60) n;

-- A type under which a number equals its opposite, as it does under a collation that ignores punctuation.
create type unusual.unsigned;
create function unusual.unsigned_in(cstring) returns unusual.unsigned as 'textin' language internal immutable strict;
create function unusual.unsigned_out(unusual.unsigned) returns cstring as 'textout' language internal immutable strict;
create type unusual.unsigned (input = unusual.unsigned_in, output = unusual.unsigned_out, like = text);
create cast (unusual.unsigned as text) without function;
create function unusual.same(unusual.unsigned, unusual.unsigned) returns boolean immutable strict
return ltrim($1::text, '-') = ltrim($2::text, '-');
create operator unusual.= (leftarg = unusual.unsigned, rightarg = unusual.unsigned, function = unusual.same);
create table unusual.sign (id int primary key, k unusual.unsigned);
insert into unusual.sign values (1, '1'), (2, '-2'), (3, '3'), (4, '12');

-- A column of every type that Postgres has for a filter (docs/explanation/merging.md#types); the rows repeat a few
-- values of each.
create type unusual.mood as enum ('sad', 'glad', 'so so', 'Sad', '1');
create domain unusual.short_text as text;
create domain unusual.small_number as int;
create domain unusual.feeling as unusual.mood;
create domain unusual.folded as extensions.citext;
create type unusual.pairing as (a int, b int);
-- A data representation: JSON shows another value than the column holds, and a filter reads that other one.
create domain unusual.color as int;
create function unusual.json(unusual.color) returns json immutable
return to_json('#' || lpad(to_hex($1), 6, '0'));
create function unusual.color(text) returns unusual.color immutable
return ('x' || lpad(ltrim(btrim($1, '"'), '#'), 8, '0'))::bit(32)::int;
create cast (unusual.color as json) with function unusual.json(unusual.color) as implicit;
create cast (text as unusual.color) with function unusual.color(text) as implicit;
create table unusual.kinds (
  id int primary key, si smallint, bi bigint, oi oid, u uuid, t text, vc varchar(20), nm name, en unusual.mood, bo boolean,
  da date, ch char(5), ba bytea, nu numeric, n2 numeric(6, 2), re real, dp float8, mo money, iv interval, ti time,
  tz timetz, ts timestamp, tt timestamptz, ip inet, ma macaddr, ci extensions.citext, qc "char", ar int[], js json,
  jb jsonb, rg int4range, bt bit(3), tv tsvector, dt unusual.short_text, di unusual.small_number, df unusual.feeling, dc unusual.folded,
  cd cidr, m8 macaddr8, vb bit varying, ls pg_lsn, po point, co unusual.pairing, rp unusual.color
);
insert into unusual.kinds
select n, 1 + n % 7, 1 + n % 9, 1 + n % 5, md5('doc:' || n % 9)::uuid, texts[1 + n % 20], texts[1 + n % 19],
  texts[1 + n % 17], moods[1 + n % 5], n % 3 = 0, date '2024-02-27' + n % 9, texts[1 + n % 11],
  (array[e'\\x61', e'\\x31', e'\\x00'])[1 + n % 3]::bytea, (array[1, 1.0, 1.00, 2, -1, 12, 0.5])[1 + n % 7],
  (array[1, 2.5, 12])[1 + n % 3], (array[1, 0.1, -0.0, 12])[1 + n % 4]::real, (array[1, 1e17, 0.1, -1])[1 + n % 4],
  (array['1', '2.50', '12'])[1 + n % 3]::money, (array['1 day', '24:00:00', '1 mon', '30 days'])[1 + n % 4]::interval,
  (array['10:00', '10:00:00.5', '24:00'])[1 + n % 3]::time, (array['10:00+00', '12:00+02'])[1 + n % 2]::timetz,
  timestamp '2024-02-27' + n % 5 * interval '1 hour', timestamptz '2024-02-27 00:00+00' + n % 5 * interval '1 hour',
  (array['10.0.0.1', '10.0.0.1/32', '10.0.0.0/8', '::1'])[1 + n % 4]::inet, ('08:00:2b:01:02:0' || n % 5)::macaddr,
  texts[1 + n % 20]::extensions.citext, (array['1', '2', '-', 'a'])[1 + n % 4]::"char", array[n % 3], '{"a": 1}', jsonb_build_object(
    't', texts[1 + n % 20], 'n', n % 5, 'o', jsonb_build_object('k', texts[1 + n % 13])),
  int4range(n % 3, 9), (n % 4)::bit(3), to_tsvector('simple', 'a b'), texts[1 + n % 20], n % 5, moods[1 + n % 5],
  texts[1 + n % 20], (array['10.0.0.1', '10.0.0.0/8', '10.0.0.0'])[1 + n % 3]::cidr,
  ('08:00:2b:ff:fe:01:02:0' || n % 5)::macaddr8, (n % 4)::bit(2)::bit varying, ('0/' || n % 5)::pg_lsn, point(1, n % 3),
  (1, n % 3)::unusual.pairing, n % 4
from generate_series(1, 120) n, (select array['a', 'A', 'a b', ' a', 'a ', 'a,b', '(x)', '"q"', '', 'null', 'é', 'É',
  '01', '1', '-1', 'a)', e'\\', 'b', 'ab', e'x\ny']::text[] as texts, enum_range(null::unusual.mood) as moods) of;

-- Several rows a key, with orders of every kind: total, tied, by texts, by times, with nulls.
create table unusual.event (id uuid primary key, k int not null, room text not null, at timestamptz not null, seen date,
  name text, mood unusual.mood, price numeric);
insert into unusual.event
select md5('event:' || n)::uuid, n % 30, 'room ' || n % 12, timestamptz '2024-01-01 00:00+00' + n % 97 * interval '1 h',
  case when n % 4 > 0 then date '2024-01-01' + n % 50 end, 'name ' || n % 61, (enum_range(null::unusual.mood))[1 + n % 5],
  n % 40 / 8.0
from generate_series(1, 300) n order by md5('stored:' || n);

-- Read in another order with company than alone, as a table is whose plan changes; the prices of a key are all equal.
create view unusual.turned as
select id, k, (array[1, 1.0, 1.00])[1 + id % 3] as price from unusual.many
order by case when current_query() ~ 'AS "f[0-9a-f]{24}"' then id else -id end;

create view unusual.moods as select id, en as mood, t as word, jb from unusual.kinds;
create view unusual.kids as
select kid.id, kid.num_id, num.title, kid.note from unusual.kid join unusual.num on num.id = kid.num_id;

create table unusual."Größe" (id int primary key, "the key" int not null, "größe" text, "a,b" text);
insert into unusual."Größe" select n, n % 9, 'größe ' || n, 'a,b ' || n % 3 from generate_series(1, 40) n;

-- Names that need quotes somewhere: blanks, dashes, accents, other scripts, digits, and PostgREST's own characters.
create table unusual."order lines" (id int primary key, "Order Id" int not null, "unit-price" int, "prénom" text, "2fa" int,
  "имя" text, "名前" text, "हिन्दी" int, "UPPER" int, "a$b" int, "naïve-key" int, "a.b" text, "a,b" text, "a(b" text, "a:b" text,
  "a""b" text, "a\b" int, " lead" int, "select" int, "a&b=c;d+e" int, "%41" int, "-dash" int, "or" int, "data col" jsonb,
  count int);
insert into unusual."order lines"
select n, n % 10, n % 9, n % 7, n % 5, n % 4, n % 4, n % 6, n % 6, n % 6, n % 6, n % 5, n % 5, n % 5, n % 5, n % 5, n % 6, n % 6,
  n % 6, n % 6, n % 6, n % 6, n % 6, jsonb_build_object('my key', n % 6, 'k-1', n % 5, 'ключ', n % 4), n % 8
from generate_series(1, 60) n;
create table unusual."2nd-table" (id int primary key, t text);
create table unusual."日本" (id int primary key, t text);
create table unusual."dot.ted" (id int primary key, t text);
create table unusual."qu""ote" (id int primary key, t text);
insert into unusual."2nd-table" select n, 't' || n from generate_series(1, 30) n;
insert into unusual."日本" table unusual."2nd-table";
insert into unusual."dot.ted" table unusual."2nd-table";
insert into unusual."qu""ote" table unusual."2nd-table";

-- Integers up to the bounds of their types.
create table unusual.huge (id int primary key, big bigint, exact numeric, words text);
insert into unusual.huge
select row_number() over (), case when n between -9223372036854775808 and 9223372036854775807 then n::bigint end, n, n::text
from unnest(array[1, 9223372036854775807, -9223372036854775808, 1234567890123456789, 175928847299117063, 18446744073709551615,
  340282366920938463463374607431768211455]::numeric[]) n;

-- Rows that make answers large.
create table unusual.large (id int primary key, body text not null);
insert into unusual.large select n, repeat(md5('large:' || n), 640) from generate_series(1, 20) n;

create table unusual."we?ird" (id int primary key, t text);
insert into unusual."we?ird" select n, 't' || n from generate_series(1, 20) n;

-- Rows that a caller owns by its token, its cookie, or a header.
create table unusual.mine (id int primary key, owner text not null, secret text not null);
insert into unusual.mine select n, (array['ann', 'bob', 'cid'])[1 + n % 3], md5('secret:' || n) from generate_series(1, 60) n;
alter table unusual.mine enable row level security;
create policy own on unusual.mine for select using (
  owner = coalesce(
    current_setting('request.jwt.claims', true)::json ->> 'sub',
    current_setting('request.cookies', true)::json ->> 'owner',
    current_setting('request.headers', true)::json ->> 'x-owner'
  )
);

create table unusual.acc (id int primary key, note text not null);
insert into unusual.acc select n, 'before' from generate_series(1, 9) n;

-- Rows of which one write changes the texts of all, the keys of some, and which are there: `high`, or not.
create table unusual.moved (id int primary key, k int not null references unusual.num, u uuid not null, note text not null);
create function unusual.turn(high boolean) returns void language sql as $$
delete from unusual.moved;
insert into unusual.moved
select n, 1 + (n + (high and n % 5 = 0)::int) % 12, md5('moved:' || n / 2)::uuid, case when high then 'high ' else 'low ' end || n
from generate_series(1, 60) n where n % 7 <> case when high then 3 else 4 end;
$$;
create function unusual.nap(unusual.moved) returns text language plpgsql volatile as $$
begin perform pg_sleep(0.003); return ''; end $$;

-- Computed columns: slow, raising, and one that speaks in the answer's head.
create function unusual.nap(unusual.acc) returns text language plpgsql volatile as $$
begin perform pg_sleep(0.3); return ''; end $$;
create function unusual.doze(unusual.num) returns int language plpgsql volatile as $$
begin if current_query() like '%ANY%' then perform pg_sleep(0.2); end if; return 1; end $$;
create function unusual.loud(unusual.num) returns text stable return upper($1.title);
create function unusual.add_up(a int, b int) returns int immutable return a + b;
create function unusual.boom(unusual.num) returns int language plpgsql stable as $$
begin if $1.id = 3 then raise 'boom'; end if; return 1; end $$;
create function unusual.heard(unusual.num) returns text stable return (
  select json_agg(current_setting('request.headers', true)::json ->> name order by name)
  from unnest(array['host', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'x-request-id', 'user-agent']) name
);
create function unusual.asked(unusual.num) returns text stable return
  current_setting('request.method', true) || ' ' || current_setting('request.path', true);
-- Rows of the tenant that `Host` names.
create view unusual.hosted as
select n.id, n.title, current_setting('request.headers', true)::json ->> 'host' as tenant from unusual.num n
where n.id % 2 = (current_setting('request.headers', true)::json ->> 'host' = 'a.example')::int;
create function unusual.noisy(unusual.num) returns text language plpgsql volatile as $$
begin perform set_config('response.headers', json_build_array(json_build_object('X-Film', $1.id::text))::text, true);
return ''; end $$;

create function unusual.session(unusual.num) returns int language plpgsql volatile as $$
begin perform set_config('response.headers', json_build_array(
  json_build_object('Set-Cookie', 'session=' || gen_random_uuid()))::text, true);
return 1; end $$;

-- What a call is, as its rows see it: when it began, and how often its db-pre-request ran.
create function unusual.clock(unusual.doc) returns timestamptz language sql volatile as 'select now()';
create function unusual.calls(unusual.doc) returns text language sql volatile as $$ select current_setting('unusual.calls', true) $$;
create function unusual.count_call() returns void language sql as $$
select set_config('unusual.calls', (coalesce(nullif(current_setting('unusual.calls', true), ''), '0')::int + 1)::text, true) $$;

-- Functions that are called by GET: one makes a secret for its caller, the other only computes.
create function unusual.token() returns uuid language sql volatile as 'select gen_random_uuid()';
create function unusual.titles(upto int) returns setof text language sql stable as
'select title from unusual.num where id <= upto order by id';

-- For the traps (docs/explanation/merging.md#traps) that nothing above sets.
create table unusual.phrase (id int primary key, k text not null);
insert into unusual.phrase select row_number() over (), k from unnest(array['', ' lead', 'trail ', 'a,b', 'a', 'b', 'a)', '(a',
  '(a,b)', '"q"', '"', 'a"b', e'back\\slash', e'\\', 'null', 'NULL', '*', '{a,b}', e'\ttab', e'x\ny', 'é', 'a.b', 'a:b']) k;

create view unusual.num_kid as select num.id, num.title, kid.note from unusual.num join unusual.kid on kid.num_id = num.id;

create table unusual.tag (id int primary key, num_id int not null references unusual.num, name text not null);
insert into unusual.tag select n, 1 + n % 20, 'tag ' || n from generate_series(1, 60) n;

create table unusual.span (id int primary key, iv interval not null, tz timestamptz not null);
insert into unusual.span values (1, '1 day', '2025-01-01 00:00+00'), (2, '24:00:00', '2025-01-01 00:00+00'),
  (3, '1 mon', '2025-06-01 12:30:00.5+00'), (4, '30 days', '2025-06-01 12:30:00.5+00');
create table unusual.padded (id int primary key, k char(5) not null);
insert into unusual.padded values (1, 'ab'), (2, 'abc'), (3, '1'), (4, '12'), (5, 'ab c');

-- Written to; filled by the tests that write.
create table unusual.grp (id int primary key, grp int not null, note text not null);
create table unusual.quiet (id int primary key, visible boolean not null default true);
alter table unusual.quiet enable row level security;
create policy all_come_in on unusual.quiet for insert with check (true);
create policy some_are_seen on unusual.quiet for select using (visible);

create function unusual.stall(unusual.num) returns int language plpgsql volatile as $$
begin if current_query() like '%ANY%' then perform pg_sleep(2); end if; return 1; end $$;
create function unusual.hurried() returns void language sql as $$ select set_config('statement_timeout', '1s', true) $$;
create function unusual.crumbs(unusual.num) returns text language plpgsql volatile as $$
begin perform set_config('response.headers', json_build_array(json_build_object('Set-Cookie', 'film=' || $1.id))::text, true);
return ''; end $$;

-- Collations under which texts of other letters are equal; a Postgres without ICU has none of them.
do $$ declare name text; locale text; begin
  for name, locale in
    select * from (values ('letters', 'und-u-ks-level1'), ('shifted', 'und-u-ka-shifted'), ('numbered', 'und-u-kn-true'),
      ('lithuanian', 'lt-u-ks-level1'), ('swedish', 'sv-u-co-trad-ks-level1')) of
  loop
    execute format('create collation unusual.%I (provider = icu, locale = %L, deterministic = false)', name, locale);
    execute format('create table unusual.%I (id int primary key, k text collate unusual.%1$I not null)', name);
    execute format('insert into unusual.%I select row_number() over (), k from unnest(%L::text[]) k', name, array['elan', 'Elan',
      'élan', 'ss', 'ß', 'ae', 'æ', 'o', 'ø', 'fi', 'ﬁ', 'ab', 'a-b', 'a b', '1', '-1', '01', '١', '１', 'あ', 'ア',
      'yes', 'ies', 'vet', 'wet']);
  end loop;
exception when feature_not_supported then null;
end $$;

-- Texts that are equal though their bytes are not, as under a collation that ignores case, blanks and punctuation. The
-- builds of Postgres without ICU have no such collation; to who has this schema before pg_catalog, all texts are so.
drop schema if exists shifted cascade;
create schema shifted;
create function shifted.same(text, text) returns boolean immutable strict
return lower(translate($1, '- ', '')) operator(pg_catalog.=) lower(translate($2, '- ', ''));
create operator shifted.= (leftarg = text, rightarg = text, function = shifted.same);

grant usage on schema shifted to anon, service_role;
grant usage on schema unusual, extensions to anon, service_role;
grant all on all tables in schema unusual to anon, service_role;
analyze;  -- what `count=planned` says shall not change when autovacuum comes
notify pgrst, 'reload schema';
