// An export that reads Supabase's URL from the environment, and one creator after another.
const { clientOf } = require('./supabase_client.cjs')

const [modules] = process.argv.slice(2)
const headers = { 'X-Fanin-Trace': 'export-1', 'X-Fanin-Route': 'GET /export' }
const supabase = clientOf(modules, process.env.SUPABASE_URL, process.env.TOKEN, { root: false, headers })

async function main() {
  const { data } = await supabase.from('creators').select('id').order('id').limit(12)
  const handles = []
  for (const { id } of data) {
    const { data: one } = await supabase.from('creators').select('handle').eq('id', id).single()
    handles.push(one.handle)
  }
  console.log(JSON.stringify(handles))
}

main()
