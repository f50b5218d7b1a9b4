// Handlers over supabase-js whose calls deploy/clients names, several in flight at once. Prints what they got, as JSON.
// node traced.mjs NODE_MODULES CLIENTS PROJECT FANIN TOKEN
import { createRequire } from 'node:module'
const [modules, clients, project, fanin, token] = process.argv.slice(2)
const { trace, tracedFetch } = await import(`${clients}/fanin.mjs`)
const { withFanin, tracedAs } = await import(`${clients}/fanin-next.mjs`)
const { createClient } = createRequire(`${modules}/`)('@supabase/supabase-js')

const clientOf = (options) =>
  createClient(project, token, {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: class {} }, // Node 20 has no WebSocket, and none is opened
    global: { fetch: tracedFetch({ project, ...options }) },
  })
const db = clientOf({ fanin, callers: true })

const profileOf = (id) => db.from('creator_payout_profiles').select('creator_id').eq('creator_id', id).maybeSingle()

async function payoutExport(month) {
  const { data } = await db.from('monthly_tracking').select('creator_id').eq('month', month).order('creator_id').limit(8)
  const profiles = await Promise.all(data.map(({ creator_id }) => profileOf(creator_id))) // the fan-out
  return profiles.map(({ data }) => data?.creator_id ?? null)
}

// As a route's module exports it, with the arguments that the App Router gives it.
const GET = withFanin(async (request, { params }) => {
  const { month } = await params
  return Response.json(await payoutExport(month))
})
const asked = async (month) =>
  (await GET(new Request(`http://app.test/export/${month}`), { params: Promise.resolve({ month }) })).json()

const Page = tracedAs('page /übersicht', async ({ month }) => payoutExport(month))

async function main() {
  const months = ['2025-05', '2025-06']
  const jobs = await Promise.all(months.map((month) => trace('job: payout export', () => payoutExport(month))))
  const routes = await Promise.all(months.map(asked))
  const page = await Page({ month: months[0] })
  const { data: nested } = await trace('outer', () => trace('inner', () => db.from('creators').select('id').eq('id', page[0]).maybeSingle()))
  const unnamed = await clientOf({ fanin }).from('video_rates').select('video_type', { head: true })
  const direct = await clientOf({}).from('video_rates').select('video_type', { head: true })
  await db.auth.getUser(token) // for the project, whatever it says
  return { jobs, routes, page, nested: nested.id, unnamed: unnamed.status, direct: direct.status }
}

process.stdout.write(JSON.stringify(await main()))
