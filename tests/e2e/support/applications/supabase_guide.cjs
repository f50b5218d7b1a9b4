// The client of docs/how-to/supabase.md as it stands there, and one that is given fanin's URL for everything.
// node supabase_guide.cjs NODE_MODULES TOKEN IDS_JSON SNIPPET PROJECT FANIN
const { createRequire } = require('node:module')
const [modules, token, ids, snippet, project, fanin] = process.argv.slice(2)
const real = createRequire(modules + '/')('@supabase/supabase-js').createClient

function createClient(url, key, options = {}) {
  const auth = { persistSession: false, autoRefreshToken: false }
  return real(url, key, { ...options, auth, realtime: { transport: class {} } }) // Node 20 has no WebSocket
}

async function seen(supabase) {
  const reads = JSON.parse(ids).map((id) => supabase.from('creators').select('id').eq('id', id).single())
  const rows = (await Promise.all(reads)).map(({ data, error }) => data?.id ?? error)
  await supabase.auth.getUser(token) // what it says matters not, only who is asked
  const asset = supabase.storage.from('avatars').getPublicUrl('1.png').data.publicUrl
  const login = await supabase.auth.signInWithOAuth({ provider: 'github', options: { skipBrowserRedirect: true } })
  return { rows, asset, session: supabase.auth.storageKey, login: login.data.url }
}

async function main() {
  process.env.NEXT_PUBLIC_SUPABASE_URL = project
  const guided = new Function('createClient', 'key', 'process', 'fetch', `${snippet}; return supabase`)
  const made = () => guided(createClient, token, process, fetch)
  const before = await seen(made())
  process.env.SUPABASE_DATA_URL = fanin
  const results = { before, guided: await seen(made()), whole: await seen(createClient(fanin, token)) }
  process.stdout.write(JSON.stringify(results))
}

main()
