// Tells fanin which of the application's requests a data call belongs to, and in development which line made it.
// Copy it to where server code imports it from; deploy/clients/README.md says how.
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import { findSourceMap } from 'node:module'
import { fileURLToPath } from 'node:url'

const traces = new AsyncLocalStorage()
const RUN = randomBytes(8).toString('hex') // once: what Next.js prerenders may not draw
let count = 0
const OWN = pathOf(import.meta.url)
const IN_DEVELOPMENT = process.env.NODE_ENV === 'development'
const FOREIGN = /[\\/]node_modules[\\/]|^node:/
const FRAMES = 50 // the client's own come first, and async ones are among them

/** Runs `work`, all of whose data calls are one trace. Within another trace it is part of that one.
 *  @template T @param {string} route what is counted together, without values: 'GET /creators/[id]'
 *  @param {() => T | PromiseLike<T>} work @returns {Promise<T>} */
export function trace(route, work) {
  return within(started(route), work)
}

/** A trace that `within` adds to. @param {string} [route] */
export function started(route) {
  const id = RUN + (++count).toString(16).padStart(16, '0')
  return { id, route }
}

/** Runs `work` as a part of a trace that was started, unless it is within another.
 *  @template T @param {{ id: string, route?: string }} begun @param {() => T | PromiseLike<T>} work @returns {Promise<T>} */
export async function within(begun, work) {
  const awaited = async () => await work() // a query is sent when it is awaited, which has to be within
  return traces.getStore() ? awaited() : traces.run(begun, awaited)
}

/** A `fetch` for createClient's `global.fetch`: data calls go to fanin and are named, all others go where they went.
 *  @param {object} options
 *  @param {string} options.project the URL that createClient is given
 *  @param {string} [options.fanin] where fanin is; without it nothing is changed
 *  @param {boolean} [options.traceparent] whether the trace is told as a W3C traceparent: Next.js's Data Cache tells calls
 *    apart by all other headers. Not where OpenTelemetry sets one
 *  @param {boolean} [options.callers] whether to name the line that made a call: a stack is read for each
 *  @param {typeof fetch} [options.send] what sends them
 *  @returns {typeof fetch} */
export function tracedFetch({ project, fanin, traceparent = false, callers = IN_DEVELOPMENT, send = fetch }) {
  const data = `${project.replace(/\/+$/, '')}/rest/`
  if (!fanin) return (target, init) => send(target, init)
  const instead = `${fanin.replace(/\/+$/, '')}/rest/`
  return (target, init) => {
    const url = String(target)
    if (!url.startsWith(data)) return send(target, init)
    return send(instead + url.slice(data.length), { ...init, headers: named(init?.headers, traceparent, callers) })
  }
}

function named(given, traceparent, callers) {
  const headers = new Headers(given)
  const { id, route } = traces.getStore() ?? {}
  if (id && traceparent) headers.set('traceparent', `00-${id}-${id.slice(16)}-01`)
  else if (id) headers.set('X-Fanin-Trace', id)
  if (route) headers.set('X-Fanin-Route', sendable(route))
  const caller = callers && placeIn(callersOf(named))
  if (caller) headers.set('X-Fanin-Caller', sendable(caller))
  return headers
}

/** The places of those who called `above`, innermost first, as the engine has them: others change how stacks read. */
function callersOf(above) {
  const { prepareStackTrace, stackTraceLimit } = Error
  const at = {}
  try {
    Error.stackTraceLimit = FRAMES
    Error.prepareStackTrace = (_, sites) => sites
    Error.captureStackTrace(at, above)
    return at.stack.map((site) => [site.getScriptNameOrSourceURL(), site.getLineNumber(), site.getColumnNumber()])
  } finally {
    Object.assign(Error, { prepareStackTrace, stackTraceLimit })
  }
}

/** The first place that is the application's own, as file:line; undefined where there is none. Of a bundle it is the place
 *  in its sources, where Node was told to read source maps: `next dev` does so, as `node --enable-source-maps` does.
 *  @param {[file: string | null, line: number, column: number][]} places @param {string} root files are told from there */
export function placeIn(places, root = process.cwd(), mapOf = findSourceMap) {
  for (const [script, row, column] of places) {
    if (!script || FOREIGN.test(script)) continue
    const found = mapOf(script)?.findEntry(row - 1, column - 1)
    const path = pathOf(found?.originalSource ?? script)
    if (path === OWN || FOREIGN.test(path)) continue
    const line = found?.originalSource ? found.originalLine + 1 : row
    return `${path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path}:${line}`
  }
  return undefined
}

/** The file that a URL is, or that webpack has as one where it writes no source maps. */
function pathOf(script) {
  if (script.startsWith('file:')) return fileURLToPath(script)
  return script.replace(/^webpack(-internal)?:\/\/[\w-]*\/(\([\w-]+\)\/)?(\.\/)?/, '')
}

/** A header has bytes for characters: UTF-8, which fanin reads, and no line ends. */
function sendable(text) {
  return Buffer.from(text.replace(/[\x00-\x1f\x7f]+/g, ' ')).toString('latin1')
}
