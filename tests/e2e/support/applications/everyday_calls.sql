-- What an everyday application has: tables to read, tables to write to, functions, rows behind a policy.
-- `call app.refill()` makes all rows afresh, so that two runs find the same.
drop schema if exists app cascade;
create schema app;

create table app.author (id uuid primary key, name text not null, born date, note text);
create table app.book (
  id int primary key,
  author_id uuid not null references app.author,
  title text not null,
  price numeric(8, 2),
  tags text[] not null,
  extra jsonb not null,
  at timestamptz not null
);
-- Each write of a run has a row of its own here.
create table app.item (
  id int primary key,
  slug text not null unique,
  name text not null default 'unnamed',
  qty int not null default 0 check (qty >= 0),
  author_id uuid references app.author
);
-- Numbers are given in the order of arrival: nobody reads them back.
create table app.log (id int generated always as identity primary key, what text not null);
create table app.secret (id int primary key, owner text not null, words text not null);
alter table app.secret enable row level security;
create policy own on app.secret using (owner = current_setting('request.jwt.claims', true)::json ->> 'sub');
create table app.closed (id int primary key);

create procedure app.refill() language sql as $$
truncate app.author, app.book, app.item, app.log, app.secret restart identity;
insert into app.author
select md5('author:' || n)::uuid, 'author ' || n, date '1950-01-01' + n * 400,
  case when n % 3 = 0 then E'says "hé", \\ and {}' end
from generate_series(1, 40) n;
insert into app.book
select n, md5('author:' || 1 + n % 40)::uuid, 'book ' || n || ' of the sea',
  case when n % 7 > 0 then n * 1.25 end, array['t' || n % 5, 't' || n % 3],
  jsonb_build_object('kind', 'k' || n % 4, 'pages', n), timestamptz '2025-01-01 00:00:00+00' + n * interval '7 hours 0.5 s'
from generate_series(1, 120) n;
insert into app.item select n, 'slug-' || n, 'item ' || n, n from generate_series(1, 300) n;
insert into app.secret select n, (array['ann', 'bob'])[1 + n % 2], 'secret ' || n from generate_series(1, 40) n;
analyze app.author, app.book, app.item, app.secret;
$$;

create function app.plus(a int, b int) returns int language sql immutable return a + b;
create function app.books_of(author uuid) returns setof app.book language sql stable
begin atomic select * from app.book where author_id = author order by id; end;
create function app.rename(item int, name text) returns app.item language sql volatile
begin atomic update app.item set name = rename.name where id = rename.item returning *; end;
create function app.fail(what text) returns int language plpgsql stable as $$
begin raise exception 'it failed: %', what using detail = 'as asked', hint = 'do not ask'; end $$;

grant usage on schema app to anon, authenticated, service_role;
grant all on all tables in schema app to anon, authenticated, service_role;
revoke all on app.closed from anon;
revoke all on procedure app.refill from public;
