// Next.js, App Router: each request that a route handler answers, or that server components are rendered for, is one trace
// of fanin's. Copy it beside fanin.mjs; deploy/clients/README.md says how.
import { cache } from 'react'
import { started, trace, within } from './fanin.mjs'

/** A route handler whose data calls are one trace. Without `route` it is told from the request, with parameters' names
 *  for their values: 'GET /creators/[id]'.
 *  @template {(request: Request, context?: any) => any} H @param {H} handler @param {string} [route] @returns {H} */
export function withFanin(handler, route) {
  return /** @type {H} */ (
    async (request, context) => {
      const name = route ?? routeOf(request, (await context?.params) ?? {})
      return trace(name, () => handler(request, context))
    }
  )
}

/** A server component (page, layout), whose data calls are one trace with those of all others that are rendered for the same
 *  request and wrapped, or a server action. Components that it renders run after it: wrap those that read data too.
 *  @template {(...args: any[]) => any} C
 *  @param {string | undefined} route 'page /creators/[id]'; none for what several pages render: the page's it is then
 *  @param {C} component @returns {C} */
export function tracedAs(route, component) {
  return /** @type {C} */ (
    (...args) => {
      const begun = rendering()
      begun.route ??= route
      return within(begun, () => component(...args))
    }
  )
}

/** The trace of a request whose components are being rendered; outside of rendering a new one. */
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
