-- RetroMuscle as it runs on Supabase: a back office for creators of short videos.
-- It intentionally has faults for fanin to find: no index besides primary keys and one unique
-- constraint, no write policies, and policies that call auth.uid() once per row.

create schema extensions;
create extension pg_stat_statements with schema extensions;

-- The roles of Supabase. The loader sets the password of `authenticator`.
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit;
grant anon, authenticated, service_role to authenticator;

create schema auth;
create function auth.uid() returns uuid language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
  )::uuid
$$;

-- Reference tables.
create table public.video_rates (
  video_type text primary key,
  rate_per_video numeric(10, 2) not null,
  is_placeholder boolean not null default false
);

create table public.package_definitions (
  tier integer primary key,
  quota_videos integer not null,
  monthly_credits integer not null
);

create table public.mix_definitions (
  name text primary key,
  positioning text not null,
  distribution jsonb not null
);

-- People and their months.
create table public.creators (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  handle text not null,
  email text not null,
  package_tier integer not null references public.package_definitions (tier),
  default_mix text not null references public.mix_definitions (name),
  status text not null default 'active' check (status in ('active', 'paused', 'left')),
  contract_signed_at timestamptz,
  social_links jsonb not null default '{}',
  notes text,
  address text,
  created_at timestamptz not null default now()
);

create table public.monthly_tracking (
  id uuid primary key default gen_random_uuid(),
  month text not null check (month ~ '^\d{4}-\d{2}$'),
  creator_id uuid not null references public.creators (id),
  package_tier integer not null references public.package_definitions (tier),
  quota_total integer not null,
  mix_name text not null references public.mix_definitions (name),
  quotas jsonb not null,
  delivered jsonb not null,
  deadline date not null,
  payment_status text not null default 'pending'
    check (payment_status in ('pending', 'due', 'paid')),
  paid_at timestamptz,
  unique (month, creator_id)
);

create table public.videos (
  id uuid primary key default gen_random_uuid(),
  monthly_tracking_id uuid not null references public.monthly_tracking (id),
  creator_id uuid not null references public.creators (id),
  video_type text not null references public.video_rates (video_type),
  file_url text not null,
  status text not null default 'uploaded'
    check (status in ('uploaded', 'pending_review', 'approved', 'rejected')),
  created_at timestamptz not null default now(),
  reviewed_at timestamptz,
  reviewed_by text
);

create table public.rushes (
  id uuid primary key default gen_random_uuid(),
  monthly_tracking_id uuid not null references public.monthly_tracking (id),
  creator_id uuid not null references public.creators (id),
  file_name text not null,
  file_size_mb numeric(8, 1) not null,
  file_url text not null,
  created_at timestamptz not null default now()
);

create table public.creator_payout_profiles (
  creator_id uuid primary key references public.creators (id),
  method text not null check (method in ('iban', 'paypal', 'stripe')),
  iban text,
  paypal_email text,
  stripe_account text
);

create table public.creator_contract_signatures (
  id uuid primary key default gen_random_uuid(),
  creator_id uuid not null references public.creators (id),
  user_id uuid not null,
  contract_version text not null,
  signed_at timestamptz not null default now(),
  acceptance jsonb not null
);

create table public.creator_applications (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  status text not null default 'draft'
    check (status in ('draft', 'pending_review', 'approved', 'rejected')),
  handle text not null,
  email text not null,
  package_tier integer not null references public.package_definitions (tier),
  mix_name text not null references public.mix_definitions (name),
  submitted_at timestamptz
);

-- Row level security: creators can read their own rows; there is no write policy.
alter table public.video_rates enable row level security;
alter table public.package_definitions enable row level security;
alter table public.mix_definitions enable row level security;
alter table public.creators enable row level security;
alter table public.monthly_tracking enable row level security;
alter table public.videos enable row level security;
alter table public.rushes enable row level security;
alter table public.creator_payout_profiles enable row level security;
alter table public.creator_contract_signatures enable row level security;
alter table public.creator_applications enable row level security;

create policy "rates are public" on public.video_rates for select using (true);
create policy "packages are public" on public.package_definitions for select using (true);
create policy "mixes are public" on public.mix_definitions for select using (true);
create policy "own creator" on public.creators for select to authenticated
  using (auth.uid() = user_id);
create policy "own trackings" on public.monthly_tracking for select to authenticated
  using (creator_id in (select c.id from public.creators c where c.user_id = auth.uid()));
create policy "own videos" on public.videos for select to authenticated
  using (creator_id in (select c.id from public.creators c where c.user_id = auth.uid()));
create policy "own rushes" on public.rushes for select to authenticated
  using (creator_id in (select c.id from public.creators c where c.user_id = auth.uid()));
create policy "own payout profile" on public.creator_payout_profiles for select to authenticated
  using (creator_id in (select c.id from public.creators c where c.user_id = auth.uid()));
create policy "own signatures" on public.creator_contract_signatures for select to authenticated
  using (auth.uid() = user_id);
create policy "own applications" on public.creator_applications for select to authenticated
  using (auth.uid() = user_id);

-- Supabase's default grants: all privileges for all roles; only RLS restricts access.
grant usage on schema public, auth to anon, authenticated, service_role;
grant all on all tables in schema public to anon, authenticated, service_role;
grant execute on all functions in schema auth to anon, authenticated, service_role;
