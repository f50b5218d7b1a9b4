import { cached } from '@/lib/db'
import { tracedAs } from '@/lib/fanin-next.mjs'

export const dynamic = 'force-dynamic'

export default tracedAs('page /rates', async () => {
  const { data } = await cached.from('video_rates').select('video_type').order('video_type').limit(1) // kept by Next.js
  return <p>{data?.length} rate</p>
})
