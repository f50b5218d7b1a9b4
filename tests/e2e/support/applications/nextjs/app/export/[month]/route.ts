import { supabase } from '@/lib/db'
import { withFanin } from '@/lib/fanin-next.mjs'

type Context = { params: Promise<{ month: string }> }

async function monthOf(id: string, month: string) {
  const query = supabase.from('monthly_tracking').select('creator_id').eq('month', month).eq('creator_id', id)
  const { data } = await query.maybeSingle() // one after another
  return data
}

export const GET = withFanin(async (_: Request, { params }: Context) => {
  const { month } = await params
  const { data: creators } = await supabase.from('creators').select('id').order('id').limit(8)
  const rows = []
  for (const { id } of creators ?? []) rows.push(await monthOf(id, month))
  return Response.json(rows)
})
