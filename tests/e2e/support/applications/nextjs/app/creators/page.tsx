import { profileOf, supabase } from '@/lib/db'
import { tracedAs } from '@/lib/fanin-next.mjs'

export const dynamic = 'force-dynamic'

export default tracedAs('page /creators', async () => {
  const { data: creators } = await supabase.from('creators').select('id').order('id').limit(8)
  const profiles = await Promise.all((creators ?? []).map(({ id }) => profileOf(id))) // the page's fan-out
  return <p>{profiles.length} profiles</p>
})
