// What is easily taken for something else, by a rule or by a reader.
const keys = async ({ db, rows }, n, from = 0) =>
  (await rows(db.from('creators').select('id').order('created_at').range(from, from + n - 1))).map(({ id }) => id)
const handle = (db, id) => db.from('creators').select('handle').eq('id', id).maybeSingle()
const application = (n) => ({ user_id: crypto.randomUUID(), status: 'draft', handle: `hard_${n}`, email: `hard_${n}@example.com`, package_tier: 10, mix_name: 'VOLUME' })
const numbers = (n) => Array.from({ length: n }, (_, at) => at)

// At most `most` of `works` at once, in their order.
async function limited(most, works) {
  const left = [...works]
  await Promise.all(numbers(most).map(async () => { while (left.length) await left.shift()() }))
}

export const together = {
  async 'polled with growing waits'(stage) {
    const [id] = await keys(stage, 1)
    for (const wait of [200, 400, 800, 1600]) {
      await stage.rows(handle(stage.db, id))
      await stage.sleep(wait)
    }
    await stage.rows(handle(stage.db, id))
  },
  async 'polled with jitter'(stage) {
    const [id] = await keys(stage, 1)
    for (const wait of [600, 900, 550, 800, 650]) {
      await stage.rows(handle(stage.db, id))
      await stage.sleep(wait)
    }
  },
  async 'a worker whose jobs read in parallel'(stage) {
    for (const id of await keys(stage, 6, 20)) {
      await Promise.all(['monthly_tracking', 'videos', 'rushes'].map((table) => stage.rows(stage.db.from(table).select('id').eq('creator_id', id))))
      await stage.sleep(700)
    }
  },
  async 'a person who writes and looks'({ db, rows, sleep }) {
    for (const n of numbers(5)) {
      await rows(db.from('creator_applications').insert(application(n)))
      await rows(db.from('creator_applications').select('id,status').order('handle').limit(20))
      await sleep(700)
    }
  },
  async 'a check of health in the page'({ db, rows, sleep }) {
    for (let n = 0; n < 5; n++) {
      await db.from('creators').select('id', { head: true }).limit(1)
      await sleep(300)
    }
  },
  async 'a row that is not there yet'({ db, sleep }) {
    for (let n = 0; n < 4; n++) {
      await db.from('creator_applications').select('id').eq('handle', 'not yet').single()
      await sleep(300)
    }
  },
}

export default {
  async 'fan-out, five at a time'(stage) {
    await limited(5, (await keys(stage, 20)).map((id) => () => stage.rows(handle(stage.db, id))))
  },
  async 'fan-out, three at a time'(stage) {
    await limited(3, (await keys(stage, 12)).map((id) => () => stage.rows(handle(stage.db, id))))
  },
  async 'fan-out after a first one alone'(stage) {
    const [one, ...others] = await keys(stage, 8)
    await stage.rows(handle(stage.db, one))
    await Promise.all(others.map((id) => stage.rows(handle(stage.db, id))))
  },
  async 'fan-out, half of which finds nothing'(stage) {
    const ids = (await keys(stage, 8)).map((id, n) => (n % 2 ? crypto.randomUUID() : id))
    await Promise.all(ids.map((id) => stage.db.from('creators').select('handle').eq('id', id).single()))
  },
  async 'fan-out in three levels'(stage) {
    const { db, rows } = stage
    await Promise.all((await keys(stage, 3)).map(async (id) => {
      const trackings = await rows(db.from('monthly_tracking').select('id').eq('creator_id', id))
      await Promise.all(trackings.map((one) => rows(db.from('videos').select('id,status').eq('monthly_tracking_id', one.id))))
    }))
  },
  async 'fan-out over months'({ db, rows }) {
    await Promise.all([1, 2, 3, 4, 5, 6].map((month) =>
      rows(db.from('monthly_tracking').select('id,payment_status').eq('month', `2025-0${month}`).order('id').limit(20))))
  },
  async 'fan-out over a path in JSON'({ db, rows }) {
    await Promise.all(numbers(6).map((n) => rows(db.from('creators').select('id').eq('social_links->>tiktok', `@creator_${n + 1}`))))
  },
  async 'fan-out of lists of one'(stage) {
    await Promise.all((await keys(stage, 10)).map((id) => stage.rows(stage.db.from('creators').select('handle').in('id', [id]))))
  },
  async 'a grid of three creators and three months'(stage) {
    const ids = await keys(stage, 3)
    await Promise.all(ids.flatMap((id) => ['2025-01', '2025-02', '2025-03'].map((month) =>
      stage.rows(stage.db.from('monthly_tracking').select('id').eq('creator_id', id).eq('month', month).maybeSingle()))))
  },
  async 'lists that a loader has gathered'(stage) {
    const ids = await keys(stage, 60)
    for (let at = 0; at < 60; at += 10) await stage.rows(stage.db.from('creators').select('handle').in('id', ids.slice(at, at + 10)))
  },
  async 'six ranges of time'({ db, rows }) {
    await Promise.all([1, 2, 3, 4, 5, 6].map((month) => rows(db.from('videos').select('id')
      .gte('created_at', `2025-0${month}-01`).lt('created_at', `2025-0${month}-02`).limit(20))))
  },
  async 'each thing twice'(stage) {
    const [id] = await keys(stage, 1)
    const reads = ['monthly_tracking', 'videos', 'rushes', 'creator_payout_profiles'].flatMap((table) => [table, table])
    await Promise.all(reads.map((table) => stage.rows(stage.db.from(table).select('creator_id').eq('creator_id', id))))
  },
  async 'three creators, and three of their profiles'(stage) {
    const ids = await keys(stage, 3)
    await Promise.all(ids.map((id) => stage.rows(handle(stage.db, id))))
    await Promise.all(ids.map((id) => stage.rows(stage.db.from('creator_payout_profiles').select('method').eq('creator_id', id))))
  },
  async 'counts of four statuses'({ db }) {
    await Promise.all(['uploaded', 'pending_review', 'approved', 'rejected'].map((status) =>
      db.from('videos').select('*', { count: 'exact', head: true }).eq('status', status)))
  },
  async 'a function called six times'({ db, rows }) {
    await Promise.all(numbers(6).map((n) => rows(db.rpc('twice', { n }))))
  },
  async 'a function called in a loop'({ db, rows }) {
    for (const n of numbers(6)) await rows(db.rpc('twice', { n }))
  },
  async 'arrays of one inserted in a loop'({ db, rows }) {
    for (const n of numbers(6)) await rows(db.from('creator_applications').insert([application(n)]))
  },
  async 'arrays of one inserted in a loop, and read back'({ db, rows }) {
    for (const n of numbers(6)) await rows(db.from('creator_applications').insert([application(n)]).select('id'))
  },
  async 'arrays of five inserted in a loop, and read back'({ db, rows }) {
    for (const n of numbers(6)) await rows(db.from('creator_applications').insert(numbers(5).map(application)).select('id'))
  },
  async 'each update with a line in a log'(stage) {
    for (const id of await keys(stage, 6, 60)) {
      await stage.rows(stage.db.from('creators').update({ notes: 'logged' }).eq('id', id))
      await stage.rows(stage.db.from('creator_applications').insert(application(0)))
    }
  },
  async 'children replaced, parent by parent'(stage) {
    for (const id of await keys(stage, 6, 70)) {
      await stage.rows(stage.db.from('creator_applications').delete().eq('user_id', id))
      await stage.rows(stage.db.from('creator_applications').insert(numbers(3).map((n) => ({ ...application(n), user_id: id }))))
    }
  },
  async 'all creators for a list and a join'({ db, rows }) {
    await Promise.all([
      rows(db.from('creators').select('id,handle').order('created_at')),
      rows(db.from('monthly_tracking').select('creator_id,payment_status').eq('month', '2025-06').order('id').limit(50)),
    ])
  },
  async 'all creators, and three by a list'({ db, rows }) {
    const all = await rows(db.from('creators').select('id,handle').order('created_at'))
    await rows(db.from('videos').select('id').in('creator_id', all.slice(7, 10).map(({ id }) => id)).limit(30))
  },
  async 'scrolling with all columns'({ db, rows }) {
    for (let at = 0; at < 160; at += 20) await rows(db.from('creators').select('*').order('created_at').range(at, at + 19))
  },
  async 'all columns, and those of an embed'({ db, rows }) {
    await rows(db.from('creators').select('*,monthly_tracking(*)').order('created_at').limit(60))
  },
  async 'a thousand by limit'({ db, rows }) {
    await rows(db.from('videos').select('video_type').order('id').limit(1000))
  },
  async 'independent reads with a write between'({ db, rows }) {
    await rows(db.from('video_rates').select('*'))
    await rows(db.from('creator_applications').insert(application(1)))
    await rows(db.from('package_definitions').select('*'))
    await rows(db.from('mix_definitions').select('*'))
  },
  async 'a small table that is written too'({ page, rows }) {
    for (let n = 1; n <= 21; n++) {
      await Promise.all([rows(page(n).from('mix_definitions').select('*')), rows(page(n).from('creators').select('id').eq('handle', `creator_${n}`))])
    }
    await rows(page(22).from('mix_definitions').update({ positioning: 'new' }).eq('name', 'VOLUME'))
  },
}
