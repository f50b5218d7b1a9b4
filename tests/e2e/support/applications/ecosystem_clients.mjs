// Everyday calls of the clients that applications use in front of PostgREST, as bursts of one call for each key.
// Prints, per client and call, what the application got, as JSON.
// node ecosystem_clients.mjs NODE_MODULES TOKEN CREATOR_IDS_JSON EXISTING_CREATORS URL
import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire } from 'node:module'

const { clientOf } = createRequire(import.meta.url)('./supabase_client.cjs')
const [modules, token, idsJson, existing, url] = process.argv.slice(2)
const ids = JSON.parse(idsJson)
// Calls that are made only for the creators that exist, which come first.
const ONLY_EXISTING = ['getList, more rows than the page']
const require = createRequire(`${modules}/`)
const authorization = { Authorization: `Bearer ${token}` }
const caller = new AsyncLocalStorage()

// Each request names the call that made it. fanin removes this header; PostgREST ignores it.
const send = globalThis.fetch
globalThis.fetch = (target, init = {}) => {
  const headers = new Headers(init.headers ?? (target instanceof Request ? target.headers : undefined))
  headers.set('X-Fanin-Caller', caller.getStore())
  return send(target, { ...init, headers })
}

/** What a call returns, or the error that it raises, without the parts that differ in each run. */
const settled = (call) => async (id, n) => {
  try {
    return await call(id, n)
  } catch (error) {
    return { error: error.message.replace(url, ''), status: error.status ?? error.statusCode ?? error.response?.status, body: error.body ?? error.response?.data }
  }
}

async function reactAdmin() {
  const { default: provider } = require('@raphiniert/ra-data-postgrest')
  const { fetchUtils } = require('ra-core')
  const httpClient = (target, options = {}) => {
    const headers = new Headers(options.headers)
    headers.set('Authorization', authorization.Authorization)
    return fetchUtils.fetchJson(target, { ...options, headers })
  }
  const primaryKeys = new Map([['creator_payout_profiles', ['creator_id']]])
  const data = provider({ apiUrl: url, httpClient, defaultListOp: 'eq', primaryKeys, schema: () => '' })
  const first = { page: 1, perPage: 25 }
  const firstThree = (creator_id) =>
    data.getList('monthly_tracking', { pagination: { page: 1, perPage: 3 }, sort: { field: 'month', order: 'ASC' }, filter: { creator_id } })
  return {
    'update': (id) => data.update('creator_payout_profiles', { id, data: { paypal_email: 'a@b.c' }, previousData: { paypal_email: null } }),
    'getOne': (id) => data.getOne('creators', { id }),
    'getOne by another key': (id) => data.getOne('creator_payout_profiles', { id }),
    'getMany of one': (id) => data.getMany('creators', { ids: [id] }),
    'getMany of two': (id, n) => data.getMany('creators', { ids: [id, ids[(n + 1) % ids.length]] }),
    'getManyReference': (id) =>
      data.getManyReference('monthly_tracking', { target: 'creator_id', id, pagination: first, sort: { field: 'month', order: 'DESC' }, filter: {} }),
    'getList by a filter': (creator_id) =>
      data.getList('monthly_tracking', { pagination: first, sort: { field: 'id', order: 'ASC' }, filter: { creator_id } }),
    'getList, more rows than the page': firstThree,
    'getList, more rows than the page or none': firstThree,
    'getList, second page': (creator_id) =>
      data.getList('monthly_tracking', { pagination: { page: 2, perPage: 3 }, sort: { field: 'month', order: 'ASC' }, filter: { creator_id } }),
  }
}

async function refine() {
  const { dataProvider } = require('@refinedev/supabase')
  const data = dataProvider(clientOf(modules, url, token))
  const pagination = { currentPage: 1, pageSize: 10, mode: 'server' }
  return {
    'getOne': (id) => data.getOne({ resource: 'creators', id }),
    'getOne with columns': (id) => data.getOne({ resource: 'creators', id, meta: { select: 'id,handle,package_definitions(tier)' } }),
    'getMany of one': (id) => data.getMany({ resource: 'creators', ids: [id] }),
    'getList by a filter': (id) =>
      data.getList({ resource: 'monthly_tracking', pagination, sorters: [{ field: 'month', order: 'desc' }], filters: [{ field: 'creator_id', operator: 'eq', value: id }] }),
    'getList without an order': (id) =>
      data.getList({ resource: 'creator_payout_profiles', pagination, filters: [{ field: 'creator_id', operator: 'eq', value: id }] }),
  }
}

async function cacheHelpers() {
  const { prefetchQuery, fetchQueryInitialData, fetchQuery, encode } = require('@supabase-cache-helpers/postgrest-react-query')
  const { QueryClient } = require('@tanstack/react-query')
  const db = clientOf(modules, url, token)
  const cached = async (query) => {
    const client = new QueryClient({ defaultOptions: { queries: { retry: false } } })
    await prefetchQuery(client, query)
    return client.getQueryData(encode(query, false)) ?? client.getQueryCache().getAll().map(({ state }) => state.data)
  }
  return {
    'prefetchQuery, single': (id) => cached(db.from('creators').select('id,handle').eq('id', id).single()),
    'prefetchQuery, maybeSingle': (id) => cached(db.from('creators').select('id,handle').eq('id', id).maybeSingle()),
    'prefetchQuery, count': (id) => cached(db.from('monthly_tracking').select('id,month', { count: 'exact' }).eq('creator_id', id).order('month')),
    'fetchQueryInitialData': (id) => fetchQueryInitialData(db.from('creators').select('handle').eq('id', id).single()),
    'fetchQuery, a range': (id) =>
      fetchQuery(new QueryClient(), db.from('monthly_tracking').select('id,month').eq('creator_id', id).order('month').range(0, 9)),
    'a child list': (id) => cached(db.from('monthly_tracking').select('id,month').eq('creator_id', id)),
  }
}

async function neon() {
  const { NeonPostgrestClient } = await import(`${modules}/@neondatabase/postgrest-js/dist/index.mjs`)
  const db = new NeonPostgrestClient({ dataApiUrl: url, options: { global: { headers: authorization } } })
  const seen = async (query) => {
    const { data, error, count, status, statusText } = await query
    return { data, error, count, status, statusText }
  }
  return {
    'single': (id) => seen(db.from('creators').select('*').eq('id', id).single()),
    'list': (id) => seen(db.from('monthly_tracking').select('month,quota_total').eq('creator_id', id).order('month')),
    'range': (id) => seen(db.from('monthly_tracking').select('month').eq('creator_id', id).order('month').range(0, 9)),
    'count alone': (id) => seen(db.from('videos').select('*', { count: 'exact', head: true }).eq('creator_id', id)),
    'in one': (id) => seen(db.from('creators').select('id,handle').in('id', [id])),
  }
}

async function axios() {
  const { default: create } = require('axios')
  const api = create.create({ baseURL: url, headers: authorization })
  api.interceptors.request.use((config) => {
    config.headers.set('X-Fanin-Caller', caller.getStore())
    return config
  })
  const seen = ({ data, status, headers }) => ({ data, status, range: headers['content-range'], type: headers['content-type'], location: headers['content-location'] })
  return {
    'get': async (id) => seen(await api.get(`/creators?id=eq.${id}`)),
    'get with params': async (id) => seen(await api.get('/creators', { params: { select: 'id,handle', id: `eq.${id}` } })),
    'an object': async (id) => seen(await api.get('/creators', { params: { id: `eq.${id}` }, headers: { Accept: 'application/vnd.pgrst.object+json' } })),
    'a list': async (id) => seen(await api.get('/monthly_tracking', { params: { creator_id: `eq.${id}`, order: 'month.desc', limit: 10, offset: 0 } })),
    'a range': async (id) => seen(await api.get('/monthly_tracking', { params: { creator_id: `eq.${id}`, order: 'month' }, headers: { Range: '0-24', 'Range-Unit': 'items' } })),
    'an unknown column': async (id) => seen(await api.get('/creators', { params: { select: 'nope', id: `eq.${id}` } })),
  }
}

async function ky() {
  const { default: create } = await import(`${modules}/ky/distribution/index.js`)
  const api = create.create({ prefixUrl: url, headers: authorization, retry: 0 })
  return {
    'json': (id) => api.get('creators', { searchParams: { id: `eq.${id}` } }).json(),
    'text': (id) => api.get('creators', { searchParams: { id: `eq.${id}`, select: 'id,social_links' } }).text(),
    'a list': (id) => api.get('monthly_tracking', { searchParams: { creator_id: `eq.${id}`, order: 'month' } }).json(),
    'a child list without an order': (id) => api.get('monthly_tracking', { searchParams: { creator_id: `eq.${id}`, select: 'month' } }).json(),
  }
}

const CLIENTS = { 'ra-data-postgrest': reactAdmin, 'refine': refine, 'cache-helpers': cacheHelpers, 'neon': neon, 'axios': axios, 'ky': ky }

async function main() {
  const results = {}
  for (const [name, client] of Object.entries(CLIENTS)) {
    results[name] = {}
    for (const [call, run] of Object.entries(await client())) {
      const keys = ONLY_EXISTING.includes(call) ? ids.slice(0, Number(existing)) : ids
      const burst = () => Promise.all(keys.map(settled(run)))
      results[name][call] = await caller.run(`${name}: ${call}`, burst)
    }
  }
  process.stdout.write(JSON.stringify(results), () => process.exit(0))
}

main()
