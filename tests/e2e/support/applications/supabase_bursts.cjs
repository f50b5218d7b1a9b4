// The same bursts through supabase-js: once direct, once through fanin. Prints what the application got, as JSON.
// node supabase_bursts.cjs NODE_MODULES ANON_TOKEN IDS_JSON URL…
const { clientOf, seen } = require('./supabase_client.cjs')
const [modules, token, ids, ...urls] = process.argv.slice(2)

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

async function run(url) {
  const db = clientOf(modules, url, token)
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
