// What the scripts around supabase-js share: a client, what an application sees of an answer, and how they print.
const { createRequire } = require('node:module')

// `root` is for a PostgREST at the root: the client puts /rest/v1 before each path, and it is taken off again.
function clientOf(modules, url, token, { schema = 'public', root = true, headers = {} } = {}) {
  const { createClient } = createRequire(modules + '/')('@supabase/supabase-js')
  const stripped = (target, init) => fetch(String(target).replace('/rest/v1', ''), init)
  return createClient(url, token, {
    db: { schema },
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: class {} }, // Node 20 has no WebSocket, and none is opened
    global: root ? { headers, fetch: stripped } : { headers },
  })
}

// An error's class does not survive JSON, its members do.
function seen({ data, error, count, status, statusText }) {
  return { data, error: error && { ...error, name: error.name, message: error.message }, count, status, statusText }
}

// All calls are made before the first is awaited. One that throws has its error for a result.
async function together(calls) {
  const results = await Promise.all(
    calls.map(([, call]) => Promise.resolve(call()).then(seen, (error) => seen({ error, status: 'thrown' })))
  )
  return Object.fromEntries(calls.map(([name], at) => [name, results[at]]))
}

module.exports = { clientOf, seen, together }
