// Adds headers to data calls: the trace of the application request that makes them and, in development, the source line.
// Copy this file to where server code imports it from; deploy/clients/README.md says how.
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import { findSourceMap } from 'node:module'
import { fileURLToPath } from 'node:url'

const traces = new AsyncLocalStorage()
const RUN = randomBytes(8).toString('hex') // once per process: Next.js forbids random values while it prerenders
let count = 0
const THIS_FILE = pathOf(import.meta.url)
const IN_DEVELOPMENT = process.env.NODE_ENV === 'development'
const FOREIGN = /[\\/]node_modules[\\/]|^node:/
const FRAMES = 50 // the innermost frames are those of supabase-js and of awaited functions

/** Runs `work`; all its data calls are one trace. Inside another trace they belong to that one.
 *  @template T @param {string} route the name of the trace, without values: 'GET /creators/[id]'
 *  @param {() => T | PromiseLike<T>} work @returns {Promise<T>} */
export function trace(route, work) {
  return within(started(route), work)
}

/** A new trace, for `within`. @param {string} [route] */
export function started(route) {
  const id = RUN + (++count).toString(16).padStart(16, '0')
  return { id, route }
}

/** Runs `work` as a part of a started trace. Inside another trace its data calls belong to that one.
 *  @template T @param {{ id: string, route?: string }} parent @param {() => T | PromiseLike<T>} work @returns {Promise<T>} */
export async function within(parent, work) {
  const awaited = async () => await work() // supabase-js sends a query when it is awaited, so it must be awaited inside the trace
  return traces.getStore() ? awaited() : traces.run(parent, awaited)
}

/** A `fetch` for createClient's `global.fetch`: sends data calls to fanin, with the headers, and all other calls unchanged.
 *  @param {object} options
 *  @param {string} options.project the URL that createClient gets
 *  @param {string} [options.fanin] the address of fanin; without it nothing is changed
 *  @param {boolean} [options.traceparent] whether the trace id is sent as W3C traceparent: Next.js's Data Cache compares
 *    all other headers. Leave it false if OpenTelemetry sets the header
 *  @param {boolean} [options.callers] whether to send the source line of each call; this reads the stack for each call
 *  @param {typeof fetch} [options.send] the function that sends requests
 *  @returns {typeof fetch} */
export function tracedFetch({ project, fanin, traceparent = false, callers = IN_DEVELOPMENT, send = fetch }) {
  const data = `${project.replace(/\/+$/, '')}/rest/`
  if (!fanin) return (target, init) => send(target, init)
  const proxied = `${fanin.replace(/\/+$/, '')}/rest/`
  return (target, init) => {
    const url = String(target)
    if (!url.startsWith(data)) return send(target, init)
    return send(proxied + url.slice(data.length), { ...init, headers: withTrace(init?.headers, traceparent, callers) })
  }
}

function withTrace(original, traceparent, callers) {
  const headers = new Headers(original)
  const { id, route } = traces.getStore() ?? {}
  if (id && traceparent) headers.set('traceparent', `00-${id}-${id.slice(16)}-01`)
  else if (id) headers.set('X-Fanin-Trace', id)
  if (route) headers.set('X-Fanin-Route', sendable(route))
  const caller = callers && sourceLine(callersOf(withTrace))
  if (caller) headers.set('X-Fanin-Caller', sendable(caller))
  return headers
}

/** The callers of `callee` as [file, line, column], innermost first. Read from V8's call sites, because other tools change
 *  the text of `stack`. */
function callersOf(callee) {
  const { prepareStackTrace, stackTraceLimit } = Error
  const holder = {}
  try {
    Error.stackTraceLimit = FRAMES
    Error.prepareStackTrace = (_, sites) => sites
    Error.captureStackTrace(holder, callee)
    return holder.stack.map((site) => [site.getScriptNameOrSourceURL(), site.getLineNumber(), site.getColumnNumber()])
  } finally {
    Object.assign(Error, { prepareStackTrace, stackTraceLimit })
  }
}

/** The first caller in the application's own code, as file:line; undefined if there is none. In a bundle, it is the position
 *  in the sources if Node reads source maps, as with `next dev` or `node --enable-source-maps`.
 *  @param {[file: string | null, line: number, column: number][]} callers @param {string} root paths are relative to it */
export function sourceLine(callers, root = process.cwd(), mapOf = findSourceMap) {
  for (const [script, row, column] of callers) {
    if (!script || FOREIGN.test(script)) continue
    const found = mapOf(script)?.findEntry(row - 1, column - 1)
    const path = pathOf(found?.originalSource ?? script)
    if (path === THIS_FILE || FOREIGN.test(path)) continue
    const line = found?.originalSource ? found.originalLine + 1 : row
    return `${path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path}:${line}`
  }
  return undefined
}

/** The path of a file URL, or of the name that webpack gives a module when it writes no source maps. */
function pathOf(script) {
  if (script.startsWith('file:')) return fileURLToPath(script)
  return script.replace(/^webpack(-internal)?:\/\/[\w-]*\/(\([\w-]+\)\/)?(\.\/)?/, '')
}

/** `text` as a header value: UTF-8 bytes, which fanin decodes, without control characters. */
function sendable(text) {
  return Buffer.from(text.replace(/[\x00-\x1f\x7f]+/g, ' ')).toString('latin1')
}
