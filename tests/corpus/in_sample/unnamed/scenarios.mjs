// Without X-Fanin-Trace: what is one trace is told by timing. Played one by one.
const keys = async (db, rows, n) => (await rows(db.from('creators').select('id').order('handle').limit(n))).map(({ id }) => id)
const profile = (db, id) => db.from('creator_payout_profiles').select('method').eq('creator_id', id).maybeSingle()

export const pause = 300 // milliseconds after each, until its traces have closed

export default {
  async 'unnamed export in parallel'({ anonymous, rows }) {
    const db = anonymous()
    await Promise.all((await keys(db, rows, 20)).map((id) => rows(profile(db, id))))
  },
  async 'unnamed export in a loop'({ anonymous, rows }) {
    const db = anonymous()
    for (const id of await keys(db, rows, 12)) await rows(profile(db, id))
  },
  async 'unnamed export, batched'({ anonymous, rows }) {
    const db = anonymous()
    await rows(db.from('creator_payout_profiles').select('method').in('creator_id', await keys(db, rows, 20)))
  },
  async 'unnamed pages that overlap'({ anonymous, rows }) {
    const ids = await keys(anonymous('0'), rows, 8)
    await Promise.all(ids.map((id, n) => rows(profile(anonymous(String(n)), id))))
  },
  async 'unnamed page, then another'({ anonymous, rows, sleep }) {
    const db = anonymous()
    for (const id of await keys(db, rows, 6)) {
      await rows(profile(db, id))
      await sleep(150)
    }
  },
  async 'unnamed writes in a loop'({ anonymous, rows }) {
    const db = anonymous()
    for (const id of await keys(db, rows, 6)) await rows(db.from('creators').update({ notes: 'seen' }).eq('id', id))
  },
}
