// Jobs over supabase-js whose calls deploy/clients names, several in flight at once. Prints what they got, as JSON.
// node traced_jobs.mjs NODE_MODULES CLIENTS PROJECT FANIN TOKEN
import { createRequire } from 'node:module'
const [modules, clients, project, fanin, token] = process.argv.slice(2)
const { trace, tracedFetch } = await import(`${clients}/fanin.mjs`)
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

async function main() {
  const months = ['2025-05', '2025-06']
  const jobs = await Promise.all(months.map((month) => trace('job: payout export', () => payoutExport(month))))
  const creatorOf = (client, id) => client.from('creators').select('id').eq('id', id).maybeSingle()
  const { data: nested } = await trace('outer', () => trace('inner', () => creatorOf(db, jobs[0][0])))
  const standard = clientOf({ fanin, traceparent: true })
  await trace('größe', () => Promise.all(jobs[0].map((id) => creatorOf(standard, id))))
  const unnamed = await clientOf({ fanin }).from('video_rates').select('video_type', { head: true })
  const direct = await clientOf({}).from('video_rates').select('video_type', { head: true })
  await db.auth.getUser(token) // for the project, whatever it says
  return { jobs, nested: nested.id, unnamed: unnamed.status, direct: direct.status }
}

process.stdout.write(JSON.stringify(await main()))
