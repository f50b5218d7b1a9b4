// A burst of a supabase-js whose fetch adds headers to each call, with other values each time, as tracing libraries do.
// node traced_fetch.cjs NODE_MODULES TOKEN IDS_JSON HEADER_NAMES_JSON URL…
const { randomBytes } = require('node:crypto')
const { clientOf, seen } = require('./supabase_client.cjs')
const [modules, token, ids, names, ...urls] = process.argv.slice(2)

const untraced = globalThis.fetch
globalThis.fetch = (url, init) => {
  const headers = new Headers(init.headers)
  for (const name of JSON.parse(names)) headers.set(name, randomBytes(16).toString('hex'))
  return untraced(url, { ...init, headers })
}

async function run(url) {
  const db = clientOf(modules, url, token)
  const rows = JSON.parse(ids).map((id) => db.from('creators').select('*').eq('id', id).maybeSingle())
  return (await Promise.all(rows)).map(seen)
}

async function main() {
  const results = []
  for (const url of urls) results.push(await run(url))
  process.stdout.write(JSON.stringify(results))
}

main()
