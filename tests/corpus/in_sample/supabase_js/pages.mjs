// Pages of a web application: lists, details, dashboards.
const some = async ({ db, rows }, n, from = 0) =>
  (await rows(db.from('creators').select('id').order('created_at').range(from, from + n - 1))).map(({ id }) => id)
const handle = (db, id) => db.from('creators').select('handle').eq('id', id).maybeSingle()
const KINDS = [
  (db, id) => db.from('creators').select('handle').eq('id', id),
  (db, id) => db.from('creators').select('status,package_tier').eq('id', id),
  (db, id) => db.from('monthly_tracking').select('month').eq('creator_id', id),
  (db, id) => db.from('monthly_tracking').select('delivered').eq('creator_id', id).eq('month', '2025-06'),
  (db, id) => db.from('videos').select('status').eq('creator_id', id),
  (db, id) => db.from('videos').select('id').eq('creator_id', id).eq('status', 'approved'),
  (db, id) => db.from('rushes').select('file_name').eq('creator_id', id),
  (db, id) => db.from('rushes').select('id').eq('creator_id', id).order('created_at').limit(1),
  (db, id) => db.from('creator_payout_profiles').select('method').eq('creator_id', id),
  (db, id) => db.from('creator_contract_signatures').select('signed_at').eq('creator_id', id),
  (db, id) => db.from('creator_contract_signatures').select('contract_version').eq('creator_id', id),
  (db, id) => db.from('videos').select('created_at').eq('creator_id', id).order('created_at').limit(1),
]

export default {
  async 'a list that asks for each row in parallel'(stage) {
    await Promise.all((await some(stage, 30)).map((id) => stage.rows(handle(stage.db, id))))
  },
  async 'five rows, each asked for'(stage) {
    await Promise.all((await some(stage, 5)).map((id) => stage.rows(handle(stage.db, id))))
  },
  async 'four fields of a form, each looked up'(stage) {
    await Promise.all((await some(stage, 4)).map((id) => stage.rows(handle(stage.db, id))))
  },
  async 'twelve cards of six creators'(stage) {
    const ids = await some(stage, 6)
    await Promise.all([...ids, ...ids].map((id) => stage.rows(handle(stage.db, id))))
  },
  async 'a list and its rows by embedding'({ db, rows }) {
    await rows(db.from('creators').select('handle,monthly_tracking(month,payment_status)').order('created_at').limit(20))
  },
  async 'a list, and details of five of it'(stage) {
    const { db, rows } = stage
    const all = await rows(db.from('creators').select('id,handle').order('created_at'))
    await Promise.all(all.slice(10, 15).map(({ id }) => rows(db.from('rushes').select('file_name').eq('creator_id', id))))
  },
  async 'a menu, and one of its entries'({ db, rows }) {
    const mixes = await rows(db.from('mix_definitions').select('name'))
    await rows(db.from('creators').select('handle').eq('default_mix', mixes[0].name).limit(20))
  },
  async 'a chatty dashboard'(stage) {
    const ids = await some(stage, 3)
    await Promise.all(ids.flatMap((id) => KINDS.map((kind) => stage.rows(kind(stage.db, id)))))
  },
  async 'a dashboard of twelve parts'(stage) {
    const [id] = await some(stage, 1)
    await Promise.all(KINDS.map((kind) => stage.rows(kind(stage.db, id))))
  },
  async 'reference tables one after another'({ db, rows }) {
    for (const table of ['video_rates', 'package_definitions', 'mix_definitions']) await rows(db.from(table).select('*'))
  },
  async 'reference tables at once'({ db, rows }) {
    await Promise.all(['video_rates', 'package_definitions', 'mix_definitions'].map((table) => rows(db.from(table).select('*'))))
  },
  async 'a profile in four steps that could be one'(stage) {
    const [id] = await some(stage, 1)
    for (const at of [0, 2, 6, 8]) await stage.rows(KINDS[at](stage.db, id))
  },
  async 'steps that need each other'({ db, rows }) {
    const [{ id }] = await rows(db.from('creators').select('id').eq('handle', 'creator_11'))
    const [{ id: tracking }] = await rows(db.from('monthly_tracking').select('id').eq('creator_id', id).limit(1))
    const [{ id: video }] = await rows(db.from('videos').select('id').eq('monthly_tracking_id', tracking).limit(1))
    await rows(db.from('videos').select('file_url').eq('id', video).single())
  },
  async 'the same creator in four components'(stage) {
    const [id] = await some(stage, 1)
    await Promise.all([1, 2, 3, 4].map(() => stage.rows(handle(stage.db, id))))
  },
  async 'the same user in middleware, layout and page'(stage) {
    const [id] = await some(stage, 1)
    for (let n = 0; n < 3; n++) await stage.rows(stage.db.from('creators').select('id,status').eq('id', id).single())
  },
  async 'checked, then used'(stage) {
    const [id] = await some(stage, 1)
    for (let n = 0; n < 2; n++) await stage.rows(handle(stage.db, id))
  },
  async 'read again after each change'(stage) {
    const { db, rows } = stage
    const [id] = await some(stage, 1, 50)
    for (const notes of ['a', 'b', 'c', 'd']) {
      await rows(db.from('creators').update({ notes }).eq('id', id))
      await rows(db.from('creators').select('notes').eq('id', id).single())
    }
  },
  async 'a pager that counts each time'({ db, rows }) {
    for (let at = 0; at < 80; at += 20) await rows(db.from('videos').select('id', { count: 'exact' }).order('id').range(at, at + 19))
  },
  async 'a small pager that counts each time'({ db, rows }) {
    for (let at = 0; at < 60; at += 20) {
      await rows(db.from('rushes').select('id', { count: 'exact' }).like('file_name', '%2025-06%').order('id').range(at, at + 19))
    }
  },
  async 'a pager that counts once'({ db, rows }) {
    await rows(db.from('creators').select('id', { count: 'exact' }).order('id').range(0, 19))
    for (let at = 20; at < 80; at += 20) await rows(db.from('creators').select('id').order('id').range(at, at + 19))
  },
  async 'a pager that estimates'({ db, rows }) {
    for (let at = 0; at < 80; at += 20) await rows(db.from('videos').select('id', { count: 'planned' }).order('id').range(at, at + 19))
  },
  async 'all videos of a status, cut at a thousand'({ db, rows }) {
    await rows(db.from('videos').select('video_type').eq('status', 'approved'))
  },
  async 'all videos of a status, page by page'({ db, rows }) {
    let last = '00000000-0000-0000-0000-000000000000'
    for (;;) {
      const page = await rows(db.from('videos').select('id').eq('status', 'uploaded').gt('id', last).order('id').limit(250))
      if (page.length < 250) return
      last = page.at(-1).id
    }
  },
  async 'pending videos without a limit'({ db, rows }) {
    await rows(db.from('videos').select('video_type,status').eq('status', 'pending_review'))
  },
  async 'sixty creators with all columns'({ db, rows }) {
    await rows(db.from('creators').select('*').order('created_at').limit(60))
  },
  async 'logins at one moment'({ page, rows }) {
    await Promise.all(Array.from({ length: 12 }, async (_, n) => {
      const db = page(n)
      const [{ id }] = await rows(db.from('creators').select('id,status').eq('handle', `creator_${n + 20}`))
      await Promise.all([rows(db.from('creator_payout_profiles').select('method').eq('creator_id', id)),
        rows(db.from('creator_contract_signatures').select('signed_at').eq('creator_id', id))])
    }))
  },
  async 'a server whose handler fans out'({ withServer, ...stage }) {
    const ids = await some(stage, 16)
    await withServer(stage, (db, n) => Promise.all(ids.slice(8 * n, 8 * n + 8).map((id) => stage.rows(handle(db, id)))), 2)
  },
  async 'a server of details'({ withServer, ...stage }) {
    const ids = await some(stage, 10)
    await withServer(stage, (db, n) => Promise.all([KINDS[0], KINDS[2], KINDS[6]].map((kind) => stage.rows(kind(db, ids[n])))), 10)
  },
}
