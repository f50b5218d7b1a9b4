-- A booking system: guests book rooms of venues, whose staff see the bookings.
create schema private;
create table public.venues (id bigint generated always as identity primary key, name text not null, owner_id uuid
  not null, open boolean not null default true);
create index on public.venues (owner_id);
create table public.staff (venue_id bigint not null references public.venues on delete cascade, user_id uuid not
  null, role text not null check (role in ('admin','desk')), primary key (venue_id, user_id));
create index on public.staff (user_id);
create table public.rooms (id bigint generated always as identity primary key, venue_id bigint not null references
  public.venues on delete cascade, name text not null, seats int not null);
create index on public.rooms (venue_id);
create table public.bookings (id uuid primary key default gen_random_uuid(), room_id bigint not null references
  public.rooms, guest_id uuid not null, starts timestamptz not null, ends timestamptz not null, note text, meta
  jsonb not null default '{}', check (ends > starts));
create index on public.bookings (room_id, starts);
create index on public.bookings (guest_id, starts desc);
create table public.reviews (id bigint generated always as identity primary key, booking_id uuid not null references
  public.bookings on delete cascade, author_id uuid not null, stars int not null, body text);
create unique index on public.reviews (booking_id);
create index on public.reviews (author_id);
alter table public.venues enable row level security;
alter table public.staff enable row level security;
alter table public.rooms enable row level security;
alter table public.bookings enable row level security;
alter table public.reviews enable row level security;
create function private.is_staff(v bigint) returns boolean language sql stable security definer set search_path = ''
  as $$ select exists (select from public.staff s where s.venue_id = v and s.user_id = auth.uid()) $$;
revoke all on function private.is_staff(bigint) from public;
create function private.my_venues() returns setof bigint language sql stable security definer set search_path = ''
  as $$ select venue_id from public.staff where user_id = auth.uid() $$;
revoke all on function private.my_venues() from public;
grant usage on schema private to authenticated;
grant execute on function private.my_venues() to authenticated;
create policy venues_open on public.venues for select to anon, authenticated using (open or owner_id = (select
  auth.uid()));
create policy venues_owner_w on public.venues for update to authenticated using (owner_id = (select auth.uid()))
  with check (owner_id = (select auth.uid()));
create policy venues_owner_i on public.venues for insert to authenticated with check (owner_id = (select
  auth.uid()));
create policy staff_own on public.staff for select to authenticated using (user_id = (select auth.uid()));
create policy rooms_read on public.rooms for select to anon, authenticated using (true);
create policy rooms_staff on public.rooms for insert to authenticated with check (venue_id in (select
  private.my_venues()));
create policy bookings_read on public.bookings for select to authenticated using (guest_id = (select auth.uid()) or
  room_id in (select r.id from public.rooms r where r.venue_id in (select private.my_venues())));
create policy bookings_i on public.bookings for insert to authenticated with check (guest_id = (select auth.uid()));
create policy bookings_u on public.bookings for update to authenticated using (guest_id = (select auth.uid()));
create policy reviews_read on public.reviews for select to anon, authenticated using (true);
create policy reviews_i on public.reviews for insert to authenticated with check (author_id = (select auth.uid()));
create view public.calendar with (security_invoker = true) as select room_id, starts, ends from public.bookings;
grant select on public.venues, public.rooms, public.reviews to anon, authenticated;
grant select on public.staff, public.bookings, public.calendar to authenticated;
grant insert, update on public.bookings to authenticated;
grant insert on public.rooms, public.reviews to authenticated;
grant insert, update on public.venues to authenticated;
create function public.book(r bigint, s timestamptz, e timestamptz) returns uuid language sql security invoker set
  search_path = '' as $$ insert into public.bookings (room_id, guest_id, starts, ends) values (r, auth.uid(), s, e)
  returning id $$;
insert into public.venues (name, owner_id) select 'v' || n, gen_random_uuid() from generate_series(1, 300) n;
insert into public.rooms (venue_id, name, seats) select 1 + n % 300, 'r' || n, 10 from generate_series(1, 3000) n;
insert into public.bookings (room_id, guest_id, starts, ends) select 1 + n % 3000, gen_random_uuid(), now() + n *
  interval '1 hour', now() + n * interval '1 hour' + interval '50 min' from generate_series(1, 20000) n;
analyze;
