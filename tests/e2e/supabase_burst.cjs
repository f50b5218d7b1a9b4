// The same bursts through supabase-js: once direct, once through fanin. Prints what the application got, as JSON.
// node supabase_burst.cjs NODE_MODULES ANON_TOKEN IDS_JSON URL…
const { createRequire } = require('node:module')
const [modules, token, ids, ...urls] = process.argv.slice(2)
const { createClient } = createRequire(modules + '/')('@supabase/supabase-js')

function bursts(db, keys) {
  const each = (query) => Promise.all(keys.map(query))
  return [
    ['maybeSingle', () => each((id) => db.from('creators').select('*').eq('id', id).maybeSingle())],
    ['array', () => each((id) => db.from('creators').select('id,handle,social_links').eq('id', id))],
    ['embed', () => each((id) => db.from('creators').select('handle,package_definitions(tier)').eq('id', id).maybeSingle())],
    ['single', () => each((id) => db.from('creators').select('handle').eq('id', id).single())],
    ['two filters', () => each((id) => db.from('monthly_tracking').select('id').eq('creator_id', id).eq('month', '2025-06').maybeSingle())],
    ['several rows', () => each((id) => db.from('monthly_tracking').select('month').eq('creator_id', id).order('month'))],
    ['count', () => each((id) => db.from('creators').select('id', { count: 'exact' }).eq('id', id))],
    ['head', () => each((id) => db.from('creators').select('id', { head: true, count: 'exact' }).eq('id', id))],
    ['limit', () => each((id) => db.from('creators').select('id').eq('id', id).limit(1).maybeSingle())],
    ['missing column', () => each((id) => db.from('creators').select('nope').eq('id', id).maybeSingle())],
    ['missing table', () => each((id) => db.from('nowhere').select('*').eq('id', id).maybeSingle())],
    ['bad value', () => each((id, n) => db.from('creators').select('id').eq('id', n % 2 ? id : n).maybeSingle())],
    ['text', () => each((id, n) => db.from('creators').select('id,handle').eq('handle', `creator_${n}`).maybeSingle())],
  ]
}

// What an application sees of an answer: an error's class does not survive JSON, its members do.
function seen({ data, error, count, status, statusText }) {
  return { data, error: error && { ...error, name: error.name, message: error.message }, count, status, statusText }
}

async function run(url) {
  const db = createClient(url, token, {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: class {} }, // Node 20 has no WebSocket, and none is opened
    // The client puts /rest/v1 before each path; here PostgREST is at the root.
    global: { fetch: (target, init) => fetch(String(target).replace('/rest/v1', ''), init) },
  })
  const results = {}
  for (const [name, burst] of bursts(db, JSON.parse(ids))) results[name] = (await burst()).map(seen)
  return results
}

async function main() {
  const results = []
  for (const url of urls) results.push(await run(url))
  process.stdout.write(JSON.stringify(results))
}

main()
