import { supabase } from '@/lib/db'
import { withFanin } from '@/lib/fanin-next.mjs'

export const GET = withFanin(async (request: Request, { params }: { params: Promise<{ id: string }> }) => {
  const { id } = await params
  const { data } = await supabase.from('creators').select('id').eq('id', id).maybeSingle() // one creator
  return Response.json(data)
})
