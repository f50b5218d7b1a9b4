// Next.js, App Router: each request that a route handler answers, and each server component, is one trace of fanin's.
// Copy it beside fanin.mjs; deploy/clients/README.md says how.
import { trace } from './fanin.mjs'

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

/** A server component (page, layout) or server action whose own data calls are one trace. Components that it renders
 *  run later: wrap those that read data too.
 *  @template {(...args: any[]) => any} C @param {string} route 'page /creators/[id]' @param {C} component @returns {C} */
export function tracedAs(route, component) {
  return /** @type {C} */ ((...args) => trace(route, () => component(...args)))
}

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
