// Next.js, App Router: each request to a route handler, and each rendering of server components, is one trace.
// Copy this file next to fanin.mjs; deploy/clients/README.md says how.
import { cache } from 'react'
import { started, trace, within } from './fanin.mjs'

/** A route handler whose data calls are one trace. Without `route`, the name is made from the request, with the names of
 *  parameters in place of their values: 'GET /creators/[id]'.
 *  @template {(request: Request, context?: any) => any} H @param {H} handler @param {string} [route] @returns {H} */
export function withFanin(handler, route) {
  return /** @type {H} */ (
    async (request, context) => {
      const name = route ?? routeOf(request, (await context?.params) ?? {})
      return trace(name, () => handler(request, context))
    }
  )
}

/** A server action, or a server component (page, layout). All wrapped components that are rendered for one request are one
 *  trace. The components that it renders run later: wrap those that read data too.
 *  @template {(...args: any[]) => any} C
 *  @param {string | undefined} route 'page /creators/[id]'; undefined for a component of several pages: the page names the trace
 *  @param {C} component @returns {C} */
export function tracedAs(route, component) {
  return /** @type {C} */ (
    (...args) => {
      const current = rendering()
      current.route ??= route
      return within(current, () => component(...args))
    }
  )
}

/** The trace of the request whose components are being rendered; outside rendering, a new trace. */
const rendering = cache(() => started())

function routeOf(request, params) {
  let parts = new URL(request.url).pathname.split('/').map(decoded)
  for (const [name, value] of Object.entries(params)) {
    const values = [value ?? []].flat()
    const at = values.length ? parts.findLastIndex((_, start) => values.every((one, n) => parts[start + n] === decoded(one))) : -1
    if (at >= 0) parts.splice(at, values.length, Array.isArray(value) ? `[...${name}]` : `[${name}]`)
  }
  return `${request.method} ${parts.join('/')}`
}

function decoded(part) {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
