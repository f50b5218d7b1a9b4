// What deploy/clients makes of stacks and of requests, as JSON.
// node places.mjs NODE_MODULES CLIENTS STACKS_JSON REQUESTS_JSON
const [, clients, stacks, requests] = process.argv.slice(2)
const { placeIn, tracedFetch } = await import(`${clients}/fanin.mjs`)
const { withFanin } = await import(`${clients}/fanin-next.mjs`)

const project = 'http://project.test'
const routes = []
const send = async (target, init) => {
  routes.push(new Headers(init.headers).get('x-fanin-route'))
  return new Response(target)
}
const fetch = tracedFetch({ project, fanin: 'http://fanin.test/', send })
const handler = withFanin(() => fetch(`${project}/rest/v1/t`, {}))

const places = JSON.parse(stacks).map((stack) => placeIn(stack, '/app') ?? null)
for (const [url, params] of JSON.parse(requests)) await handler(new Request(url), { params: Promise.resolve(params) })
await withFanin(() => fetch(`${project}/rest/v1/t`, {}), 'given')(new Request('http://app.test/'))
const sent = await (await fetch(`${project}/rest/v1/t?id=eq.1`, {})).text()
process.stdout.write(JSON.stringify({ places, routes: routes.slice(0, -1), sent }))
