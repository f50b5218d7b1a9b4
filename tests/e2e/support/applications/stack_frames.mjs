// What deploy/clients makes of places in a stack, as JSON.
// node stack_frames.mjs NODE_MODULES CLIENTS PLACES_JSON MAPPED_JSON
const [, clients, places, mapped] = process.argv.slice(2)
const { sourceLine, tracedFetch } = await import(`${clients}/fanin.mjs`)

const sources = new Map(Object.entries(JSON.parse(mapped)))
function mapOf(script) {
  const entries = sources.get(script)
  return entries && { findEntry: (line, column) => entries[`${line}:${column}`] ?? {} }
}

const project = 'http://project.test'
const send = async (target) => new Response(target)
const fetch = tracedFetch({ project, fanin: 'http://fanin.test/', send })
process.stdout.write(
  JSON.stringify({
    places: JSON.parse(places).map((each) => sourceLine(each, '/app', mapOf) ?? null),
    own: sourceLine([[`${clients}/fanin.mjs`, 1, 1]]) ?? null,
    sent: await (await fetch(`${project}/rest/v1/t?id=eq.1`, {})).text(),
  }),
)
