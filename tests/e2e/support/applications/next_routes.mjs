// The routes that deploy/clients tells from requests, as JSON. CLIENTS is a copy of it beside React.
// node next_routes.mjs NODE_MODULES CLIENTS REQUESTS_JSON
const [, clients, requests] = process.argv.slice(2)
const { tracedFetch } = await import(`${clients}/fanin.mjs`)
const { withFanin } = await import(`${clients}/fanin-next.mjs`)

const project = 'http://project.test'
const routes = []
const send = async (target, init) => {
  routes.push(new Headers(init.headers).get('x-fanin-route'))
  return new Response(target)
}
const fetch = tracedFetch({ project, fanin: 'http://fanin.test/', send })
const handler = withFanin(() => fetch(`${project}/rest/v1/t`, {}))

for (const [url, params] of JSON.parse(requests)) await handler(new Request(url), { params: Promise.resolve(params) })
await withFanin(() => fetch(`${project}/rest/v1/t`, {}), 'given')(new Request('http://app.test/'))
process.stdout.write(JSON.stringify(routes))
