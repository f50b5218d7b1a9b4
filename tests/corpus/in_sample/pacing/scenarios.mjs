// Loops by what paces them: pools of workers, chunks, starts one after another, work in each step.
const keys = async ({ db, rows }, n) => (await rows(db.from('creators').select('id').order('handle').limit(n))).map(({ id }) => id)
const profile = (db, id) => db.from('creator_payout_profiles').select('method').eq('creator_id', id).maybeSingle()
const pool = async (items, size, work) => {
  const left = [...items]
  await Promise.all(Array.from({ length: size }, async () => { while (left.length) await work(left.shift()) }))
}
export default {
  async 'pool of three'(s) { await pool(await keys(s, 18), 3, (id) => s.rows(profile(s.db, id))) },
  async 'pool of two'(s) { await pool(await keys(s, 12), 2, (id) => s.rows(profile(s.db, id))) },
  async 'chunks of five'(s) {
    const ids = await keys(s, 20)
    for (let at = 0; at < 20; at += 5) await Promise.all(ids.slice(at, at + 5).map((id) => s.rows(profile(s.db, id))))
  },
  async 'two tables in a step together'(s) {
    for (const id of await keys(s, 10)) await Promise.all([s.rows(profile(s.db, id)), s.rows(s.db.from('videos').select('id').eq('creator_id', id).limit(3))])
  },
  async 'two loops at once'(s) {
    const ids = await keys(s, 10)
    await Promise.all([0, 1].map(async () => { for (const id of ids) await s.rows(profile(s.db, id)) }))
  },
  async 'staggered starts'(s) {
    const ids = await keys(s, 15)
    await Promise.all(ids.map(async (id, n) => { await s.sleep(n * 2); await s.rows(profile(s.db, id)) }))
  },
  async 'staggered starts apart'(s) {
    const ids = await keys(s, 15)
    await Promise.all(ids.map(async (id, n) => { await s.sleep(n * 12); await s.rows(profile(s.db, id)) }))
  },
  async 'one slow then fifteen at once'(s) {
    const ids = await keys(s, 15)
    await s.rows(s.db.from('slow_report').select('handle').limit(1))
    await Promise.all(ids.map((id) => s.rows(profile(s.db, id))))
  },
  async 'fifteen beside a slow one'(s) {
    const ids = await keys(s, 15)
    await Promise.all([s.rows(s.db.from('slow_report').select('handle').limit(1)), ...ids.map((id) => s.rows(profile(s.db, id)))])
  },
  async 'in turn with work of 30 ms'(s) {
    for (const id of await keys(s, 12)) { await s.rows(profile(s.db, id)); await s.sleep(30) }
  },
  async 'in turn with work of 190 ms'(s) {
    for (const id of await keys(s, 8)) { await s.rows(profile(s.db, id)); await s.sleep(190) }
  },
  async 'five serial independent reads'(s) {
    for (const name of ['videos', 'creators', 'videos']) await s.rows(s.db.from(name).select('id').limit(2))
    await s.rows(s.db.from('videos').select('status').limit(7)); await s.rows(s.db.from('creators').select('handle').limit(3))
  },
  async 'equal reads from three parts in turn'(s) {
    for (const n of [1, 2, 3]) { await s.rows(s.db.from('creators').select('id,handle').limit(4)); await s.sleep(20) }
  },
  async 'loop whose reads find one row or none'(s) {
    for (const id of await keys(s, 11)) { await s.db.from('creator_payout_profiles').select('method').eq('creator_id', id).single() }
  },
}
