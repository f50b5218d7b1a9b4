// Jobs, imports and events: mostly writes.
const ids = async ({ db, rows }, table, n) => (await rows(db.from(table).select('id').order('id').limit(n))).map(({ id }) => id)
const application = (n) => ({ user_id: crypto.randomUUID(), status: 'draft', handle: `new_${n}`, email: `new_${n}@example.com`, package_tier: 10, mix_name: 'VOLUME' })
const numbers = (n) => Array.from({ length: n }, (_, at) => at)
const madeUp = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

export default {
  async 'applications inserted in a loop'({ db, rows }) {
    for (const n of numbers(6)) await rows(db.from('creator_applications').insert(application(n)))
  },
  async 'applications inserted in parallel, and read back'({ db, rows }) {
    await Promise.all(numbers(6).map((n) => rows(db.from('creator_applications').insert(application(n)).select('id').single())))
  },
  async 'applications inserted as an array'({ db, rows }) {
    await rows(db.from('creator_applications').insert(numbers(6).map(application)))
  },
  async 'an import in chunks'({ db, rows }) {
    for (const chunk of numbers(6)) {
      await rows(db.from('creator_applications').insert(numbers(20).map((n) => application(20 * chunk + n))))
    }
  },
  async 'applications deleted one by one'({ db, rows }) {
    const made = await rows(db.from('creator_applications').insert(numbers(6).map(application)).select('id'))
    for (const { id } of made) await rows(db.from('creator_applications').delete().eq('id', id))
  },
  async 'applications deleted at once'({ db, rows }) {
    const made = await rows(db.from('creator_applications').insert(numbers(6).map(application)).select('id'))
    await rows(db.from('creator_applications').delete().in('id', made.map(({ id }) => id)))
  },
  async 'an application in four tables'({ db, rows }) {
    const [creator] = await ids({ db, rows }, 'creators', 1)
    await rows(db.from('creator_applications').insert(application(1)))
    await rows(db.from('creators').update({ notes: 'welcome' }).eq('id', creator))
    await rows(db.from('creator_payout_profiles').upsert({ creator_id: creator, method: 'iban', iban: 'FR76' }))
    await rows(db.from('rushes').update({ file_name: 'first' }).eq('creator_id', creator))
  },
  async 'progress of one upload'(stage) {
    const [video] = await ids(stage, 'videos', 1)
    for (const n of numbers(8)) await stage.rows(stage.db.from('videos').update({ file_url: `part ${n}` }).eq('id', video))
  },
  async 'each update followed by a count'({ db, rows }) {
    const [{ id: tracking }] = await rows(db.from('monthly_tracking').select('id').eq('month', '2025-03').order('id').limit(1))
    const videos = await rows(db.from('videos').select('id').eq('monthly_tracking_id', tracking))
    for (const { id } of videos.slice(0, 4)) {
      await rows(db.from('videos').update({ status: 'rejected' }).eq('id', id))
      await rows(db.from('videos').select('*', { count: 'exact', head: true }).eq('monthly_tracking_id', tracking))
    }
  },
  async 'one after another: read, change, write'(stage) {
    const { db, rows } = stage
    for (const id of await ids(stage, 'rushes', 6)) {
      const { file_name } = await rows(db.from('rushes').select('file_name').eq('id', id).single())
      await rows(db.from('rushes').update({ file_name: `${file_name}!` }).eq('id', id))
    }
  },
  async 'a list of fifteen hundred ids in the URL'({ db }) {
    await db.from('videos').select('id').in('id', numbers(1500).map(madeUp)) // refused
  },
  async 'a list of a hundred and fifty ids'({ db, rows }) {
    await rows(db.from('videos').select('id').in('id', numbers(150).map(madeUp)))
  },
  async 'fifteen hundred ids in chunks'({ db, rows }) {
    for (let at = 0; at < 1500; at += 150) {
      await rows(db.from('videos').select('id').in('id', numbers(150).map((n) => madeUp(at + n))))
    }
  },
}
