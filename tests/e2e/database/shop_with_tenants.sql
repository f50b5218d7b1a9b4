-- A shop with tenants, as a careful developer keeps it: each table has its indexes, and policies by membership.
create table public.tenants (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  plan text not null default 'free',
  created_at timestamptz not null default now()
);
create table public.members (
  tenant_id uuid not null references public.tenants on delete cascade,
  user_id uuid not null,
  role text not null default 'clerk' check (role in ('owner', 'clerk')),
  primary key (tenant_id, user_id)
);
create index members_user_id_idx on public.members (user_id);
create table public.products (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants on delete cascade,
  sku text not null,
  title text not null,
  price numeric(10, 2) not null,
  stock integer not null default 0,
  archived_at timestamptz,
  unique (tenant_id, sku)
);
create table public.customers (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants on delete cascade,
  name text not null,
  city text not null
);
create index customers_tenant_id_name_idx on public.customers (tenant_id, name);
create table public.orders (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants on delete cascade,
  customer_id uuid not null references public.customers,
  status text not null default 'open' check (status in ('open', 'paid', 'shipped', 'cancelled')),
  placed_at timestamptz not null default now()
);
create index orders_tenant_id_placed_at_idx on public.orders (tenant_id, placed_at desc);
create index orders_customer_id_idx on public.orders (customer_id);
create table public.order_lines (
  order_id uuid not null references public.orders on delete cascade,
  line integer not null,
  product_id uuid not null references public.products,
  quantity integer not null check (quantity > 0),
  primary key (order_id, line)
);
create index order_lines_product_id_idx on public.order_lines (product_id);

create schema private;
create function private.my_tenants() returns setof uuid language sql stable security definer set search_path = ''
  as $$ select tenant_id from public.members where user_id = auth.uid() $$;
revoke execute on function private.my_tenants() from public;
grant usage on schema private to authenticated;
grant execute on function private.my_tenants() to authenticated;

alter table public.tenants enable row level security;
alter table public.members enable row level security;
alter table public.products enable row level security;
alter table public.customers enable row level security;
alter table public.orders enable row level security;
alter table public.order_lines enable row level security;
create policy mine on public.tenants for select to authenticated using (id in (select private.my_tenants()));
create policy mine on public.members for select to authenticated using (user_id = (select auth.uid()));
create policy mine on public.products for all to authenticated
  using (tenant_id in (select private.my_tenants())) with check (tenant_id in (select private.my_tenants()));
create policy mine on public.customers for all to authenticated
  using (tenant_id in (select private.my_tenants())) with check (tenant_id in (select private.my_tenants()));
create policy mine on public.orders for all to authenticated
  using (tenant_id in (select private.my_tenants())) with check (tenant_id in (select private.my_tenants()));
create policy mine on public.order_lines for all to authenticated
  using (order_id in (select id from public.orders)) with check (order_id in (select id from public.orders));
revoke all on all tables in schema public from anon;
grant select on public.tenants, public.members to authenticated;
grant select, insert, update, delete on public.products, public.customers, public.orders, public.order_lines
  to authenticated;
grant all on all tables in schema public to service_role;

insert into public.tenants select md5('t' || n)::uuid, 'tenant ' || n from generate_series(1, 50) n;
insert into public.members select md5('t' || n)::uuid, md5('u' || n)::uuid, 'owner' from generate_series(1, 50) n;
insert into public.products select md5('p' || n)::uuid, md5('t' || 1 + n % 50)::uuid, 'sku-' || n, 'product ' || n, n
  from generate_series(1, 5000) n;
insert into public.customers select md5('c' || n)::uuid, md5('t' || 1 + n % 50)::uuid, 'customer ' || n, 'city ' || n % 9
  from generate_series(1, 5000) n;
insert into public.orders select md5('o' || n)::uuid, md5('t' || 1 + n % 50)::uuid, md5('c' || 1 + n % 5000)::uuid,
  (array['paid', 'shipped', 'open', 'cancelled'])[1 + n % 4], timestamptz '2025-01-01' + n * interval '1 minute'
  from generate_series(1, 40000) n;
insert into public.order_lines select md5('o' || n)::uuid, k, md5('p' || 1 + (n + k) % 5000)::uuid, k
  from generate_series(1, 40000) n, generate_series(1, 2) k;
analyze;
