// Plays the scenarios of a folder with supabase-js, each under its name as the route, in traces of its own.
// node play.mjs NODE_MODULES URL TOKEN FOLDER
//
// A file of scenarios exports, by their names, those that are played one after another (default) and those that are
// played at the same time (together); and the pause after each of the former (pause).
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { withServer } from './server.mjs'

const [modules, url, token, folder] = process.argv.slice(2)
const { createClient } = createRequire(`${modules}/`)('@supabase/supabase-js')

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

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

const names = readdirSync(folder).filter((name) => name.endsWith('.mjs')).sort()
const files = await Promise.all(names.map((name) => import(pathToFileURL(resolve(folder, name)))))
await Promise.all(files.flatMap(({ together = {} }) => Object.entries(together).map(([name, scenario]) => play(name, scenario))))
for (const { default: scenarios = {}, pause = 0 } of files) {
  for (const [name, scenario] of Object.entries(scenarios)) {
    await play(name, scenario)
    await sleep(pause)
  }
}
