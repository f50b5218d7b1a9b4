// node overload.cjs MODULES URL TOKEN RATE SECONDS: supabase-js calls a slow function RATE times per second, with its own
// retries; RATE 0: 10 callers without a pause, RATE -1: one. Prints what became of them as JSON, with the seconds in which
// answers counted.
const { createRequire } = require('node:module')
const [modules, url, token, rate, seconds] = process.argv.slice(2)
const { createClient } = createRequire(`${modules}/`)('@supabase/supabase-js')

const told = { requests: 0, ok: 0, attempts: 0, served: [], seconds: 0 }
let open = true // while requests begin: what is answered later does not count as goodput

async function timed(input, init) {
  const began = performance.now()
  told.attempts += 1
  const answer = await fetch(input, init)
  const body = await answer.arrayBuffer()
  if (answer.status === 200 && open) told.served.push(performance.now() - began)
  return new Response(body.byteLength ? body : null, answer)
}

const client = createClient(url, token, {
  auth: { persistSession: false, autoRefreshToken: false },
  realtime: { transport: class {} }, // Node 20 has no WebSocket, and none is opened
  global: { fetch: timed },
})

async function one() {
  const n = told.requests++
  const { data, error } = await client.rpc('slow_answer', { n }, { get: true })
  if (!error && data !== n) throw new Error(`${n} got ${data}`)
  if (!error && open) told.ok += 1
}

async function main() {
  const start = performance.now()
  const end = start + 1000 * seconds
  const pending = []
  if (rate <= 0) {
    const loop = async () => { while (performance.now() < end) await one() }
    await Promise.all(Array.from({ length: rate < 0 ? 1 : 10 }, loop))
  } else {
    for (let now = start; now < end; now = performance.now()) {
      while (told.requests < (now - start) * rate / 1000) pending.push(one())
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  open = false
  told.seconds = (performance.now() - start) / 1000
  await Promise.all(pending)
  console.log(JSON.stringify(told))
}

main()
