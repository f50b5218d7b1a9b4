-- Example schema of deploy/compose.yaml: creators, and one payout profile per creator. Replace it with your own.
-- The password is the one in PGRST_DB_URI. The port of the database is not published.
create role web_anon nologin;
create role web login noinherit password 'only-for-trying';
grant web_anon to web;

create table public.creators (
  id integer primary key,
  handle text not null
);
create table public.payout_profiles (
  creator_id integer primary key references public.creators (id),
  iban_last4 text not null
);
insert into public.creators select n, 'creator_' || n from generate_series(1, 200) n;
insert into public.payout_profiles select n, lpad((n * 37 % 10000)::text, 4, '0') from generate_series(1, 200) n;

grant usage on schema public to web_anon;
grant select on public.creators, public.payout_profiles to web_anon;
