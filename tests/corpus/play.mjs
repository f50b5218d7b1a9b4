// Plays the corpus's scenarios with supabase-js, each under its name as the route, in traces of its own.
// node play.mjs NODE_MODULES URL TOKEN named|unnamed|harder|heldout
import { createRequire } from 'node:module'
import harder, { together } from './played/harder.mjs'
import jobs from './played/jobs.mjs'
import pages from './played/pages.mjs'
import retromuscle from './played/retromuscle.mjs'
import waiting from './played/waiting.mjs'
import unnamed from './played/unnamed.mjs'
import office from './heldout/played/office.mjs'
import people from './heldout/played/people.mjs'
import shop from './heldout/played/shop.mjs'
import { withServer } from './played/server.mjs'

const [modules, url, token, wanted] = process.argv.slice(2)
const { createClient } = createRequire(`${modules}/`)('@supabase/supabase-js')

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

function clientOf(headers, send = fetch) {
  return createClient(url, token, {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: class {} }, // Node 20 has no WebSocket, and none is opened
    global: { headers, fetch: send },
  })
}

async function rows(query) {
  const { data, error } = await query
  if (error) throw new Error(JSON.stringify(error))
  return data
}

// What a scenario is given. `db` is the client of its one trace, `page(n)` that of another of its traces.
function stage(name) {
  const page = (n, send) => clientOf({ 'X-Fanin-Route': name, 'X-Fanin-Trace': `${name} ${n}` }, send)
  const anonymous = (route = '') => clientOf({ 'X-Fanin-Route': `${name}${route && `#${route}`}` })
  return { name, db: page(1), page, anonymous, rows, sleep, url, token, createClient, withServer }
}

async function play(name, scenario) {
  try {
    await scenario(stage(name))
  } catch (error) {
    throw new Error(name, { cause: error })
  }
}

async function playAll(atOnce, oneByOne, pause = 0) {
  await Promise.all(Object.entries(atOnce).map(([name, scenario]) => play(name, scenario)))
  for (const [name, scenario] of Object.entries(oneByOne)) {
    await play(name, scenario)
    await sleep(pause)
  }
}

const groups = {
  named: () => playAll(waiting, { ...retromuscle, ...pages, ...jobs }),
  unnamed: () => playAll({}, unnamed, 300), // until its traces have closed
  harder: () => playAll(together, harder),
  heldout: () => playAll(people, { ...shop, ...office }),
}
await groups[wanted]()
