import { createClient } from '@supabase/supabase-js'
import { tracedFetch } from './fanin.mjs'

const project = process.env.NEXT_PUBLIC_SUPABASE_URL!
const fanin = process.env.SUPABASE_DATA_URL

function clientOf(send: typeof fetch) {
  return createClient(project, process.env.SUPABASE_SERVICE_ROLE_KEY!, {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: class {} as any }, // Node 20 has no WebSocket, and none is opened
    global: { fetch: tracedFetch({ project, fanin, traceparent: true, send }) },
  })
}

export const supabase = clientOf(fetch)
export const cached = clientOf((target, init) => fetch(target, { ...init, next: { revalidate: 3600 } }))

export function profileOf(id: string) {
  return supabase.from('creator_payout_profiles').select('creator_id').eq('creator_id', id).maybeSingle()
}
