import { profileOf, supabase } from '@/lib/db'
import { tracedAs } from '@/lib/fanin-next.mjs'

export const dynamic = 'force-dynamic'

const Profile = tracedAs(undefined, async ({ id }: { id: string }) => {
  const { data } = await profileOf(id) // the components' fan-out
  return <li>{data?.creator_id ?? 'none'}</li>
})

export default tracedAs('page /payouts', async () => {
  const { data: creators } = await supabase.from('creators').select('id').order('id').limit(8)
  return <ul>{creators?.map(({ id }) => <Profile key={id} id={id} />)}</ul>
})
