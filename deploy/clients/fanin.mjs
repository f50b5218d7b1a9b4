// Tells fanin which of the application's requests a data call belongs to, and in development which line made it.
// Copy it to where server code imports it from; deploy/clients/README.md says how.
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'

const traces = new AsyncLocalStorage()
const OWN = import.meta.url.replace('file://', '')
const FRAMES = 50 // the client's own come first, and async ones are among them

/** Runs `work`, all of whose data calls are one trace. Within another trace it is part of that one.
 *  @template T @param {string} route what is counted together, without values: 'GET /creators/[id]'
 *  @param {() => T | PromiseLike<T>} work @returns {Promise<T>} */
export async function trace(route, work) {
  const awaited = async () => await work() // a query is sent when it is awaited, which has to be within
  return traces.getStore() ? awaited() : traces.run({ id: randomUUID(), route }, awaited)
}

/** A `fetch` for createClient's `global.fetch`: data calls go to fanin and are named, all others go where they went.
 *  @param {object} options
 *  @param {string} options.project the URL that createClient is given
 *  @param {string} [options.fanin] where fanin is; without it nothing is changed
 *  @param {boolean} [options.callers] whether to name the line that made a call: a stack is read for each
 *  @param {typeof fetch} [options.send] what sends them
 *  @returns {typeof fetch} */
export function tracedFetch({ project, fanin, callers = process.env.NODE_ENV === 'development', send = fetch }) {
  const data = `${project.replace(/\/+$/, '')}/rest/`
  if (!fanin) return (target, init) => send(target, init)
  const instead = `${fanin.replace(/\/+$/, '')}/rest/`
  return (target, init) => {
    const url = String(target)
    if (!url.startsWith(data)) return send(target, init)
    return send(instead + url.slice(data.length), { ...init, headers: named(init?.headers, callers) })
  }
}

function named(given, callers) {
  const headers = new Headers(given)
  const current = traces.getStore()
  if (current) {
    headers.set('X-Fanin-Trace', current.id)
    headers.set('X-Fanin-Route', sendable(current.route))
  }
  const caller = callers && placeIn(stackOf(named))
  if (caller) headers.set('X-Fanin-Caller', sendable(caller))
  return headers
}

function stackOf(above) {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = FRAMES
  const at = {}
  Error.captureStackTrace(at, above)
  Error.stackTraceLimit = limit
  return String(at.stack)
}

/** The first line of a stack that is the application's own, as file:line; undefined where there is none.
 *  @param {string} stack @param {string} root the directory that files are told from */
export function placeIn(stack, root = process.cwd()) {
  for (const frame of stack.split('\n').slice(1)) {
    const [, file, line] = /(?:^\s*at (?:async )?|\()((?:[a-z-]+:\/\/|\/|[A-Z]:\\).*):(\d+):\d+\)?$/.exec(frame) ?? []
    if (!file || /node_modules|^node:/.test(file)) continue
    const path = file.replace(/^file:\/\/|^webpack-internal:\/{3}(\([\w-]+\)\/)?(\.\/)?/, '')
    if (path !== OWN) return `${path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path}:${line}`
  }
  return undefined
}

/** A header has bytes for characters: UTF-8, which fanin reads, and no line ends. */
function sendable(text) {
  return Buffer.from(text.replace(/[\x00-\x1f\x7f]+/g, ' ')).toString('latin1')
}
