// RetroMuscle's mistakes and their cures, one page or job each.
const DUE = (db) => db.from('monthly_tracking').select('*').eq('month', '2025-06').eq('payment_status', 'due').order('id')
const profile = (db, id) => db.from('creator_payout_profiles').select('*').eq('creator_id', id).maybeSingle()
const videosOf = (db, id) => db.from('videos').select('*').eq('monthly_tracking_id', id).order('created_at')
const rushesOf = (db, id) => db.from('rushes').select('*').eq('monthly_tracking_id', id).order('created_at')
const someTrackings = (db, n) => db.from('monthly_tracking').select('id,creator_id').eq('month', '2025-05').order('id').limit(n)
const oneTracking = async ({ db, rows }, at) =>
  (await rows(db.from('monthly_tracking').select('id').eq('month', '2025-04').order('id').range(at, at)))[0].id

export default {
  async 'payment export in parallel'({ db, rows }) {
    const all = await rows(db.from('monthly_tracking').select('*').eq('month', '2025-06').order('month'))
    const due = all.filter((one) => one.payment_status === 'due')
    await Promise.all(due.map((one) => rows(profile(db, one.creator_id))))
  },
  async 'payment export in a loop'({ db, rows }) {
    for (const one of await rows(DUE(db))) await rows(profile(db, one.creator_id))
  },
  async 'payment export, batched'({ db, rows }) {
    const due = await rows(DUE(db))
    await rows(db.from('creator_payout_profiles').select('*').in('creator_id', due.map((one) => one.creator_id)))
  },
  async 'payment export, embedded'({ db, rows }) {
    await rows(db.from('monthly_tracking').select('id,quota_total,creators(handle,creator_payout_profiles(method,iban))')
      .eq('month', '2025-06').eq('payment_status', 'due').limit(30))
  },
  async 'footage in a loop'({ db, rows }) {
    for (const { id } of await rows(someTrackings(db, 10))) {
      await rows(videosOf(db, id))
      await rows(rushesOf(db, id))
    }
  },
  async 'footage in parallel'({ db, rows }) {
    await Promise.all((await rows(someTrackings(db, 10))).flatMap(({ id }) => [rows(videosOf(db, id)), rows(rushesOf(db, id))]))
  },
  async 'footage, batched'({ db, rows }) {
    const ids = (await rows(someTrackings(db, 10))).map(({ id }) => id)
    await Promise.all(['videos', 'rushes'].map((table) => rows(db.from(table).select('*').in('monthly_tracking_id', ids))))
  },
  async 'all creators to find one'({ db, rows }) {
    const creator = (await rows(db.from('creators').select('*').order('created_at'))).find(({ handle }) => handle === 'creator_7')
    await rows(db.from('monthly_tracking').select('*').eq('creator_id', creator.id).order('month', { ascending: false }))
  },
  async 'all creators, one by its user'({ db, rows }) {
    const [{ user_id }] = await rows(db.from('creators').select('user_id').eq('handle', 'creator_9'))
    await rows(db.from('creator_applications').select('status').eq('user_id', user_id))
    const creator = (await rows(db.from('creators').select('id,user_id,handle'))).find((one) => one.user_id === user_id)
    await Promise.all([
      rows(profile(db, creator.id)),
      rows(db.from('monthly_tracking').select('month').eq('creator_id', creator.id)),
    ])
  },
  async 'one creator by filter'({ db, rows }) {
    const creator = await rows(db.from('creators').select('*').eq('handle', 'creator_7').single())
    await rows(db.from('monthly_tracking').select('*').eq('creator_id', creator.id).order('month', { ascending: false }))
  },
  async 'bulk review'(stage) {
    const { db, rows } = stage
    const tracking = await oneTracking(stage, 0)
    for (const { id } of (await rows(videosOf(db, tracking)))) {
      await rows(db.from('videos').update({ status: 'approved' }).eq('id', id).select().single())
      const videos = await rows(videosOf(db, tracking))
      await rows(db.from('monthly_tracking').update({ delivered: { OOTD: videos.length } }).eq('id', tracking))
    }
  },
  async 'bulk review, batched'(stage) {
    const { db, rows } = stage
    const tracking = await oneTracking(stage, 1)
    const ids = (await rows(videosOf(db, tracking))).map(({ id }) => id)
    await rows(db.from('videos').update({ status: 'approved' }).in('id', ids))
    const videos = await rows(videosOf(db, tracking))
    await rows(db.from('monthly_tracking').update({ delivered: { OOTD: videos.length } }).eq('id', tracking))
  },
  async 'review of two videos'(stage) {
    const { db, rows } = stage
    const tracking = await oneTracking(stage, 2)
    for (const { id } of (await rows(videosOf(db, tracking))).slice(0, 2)) {
      await rows(db.from('videos').update({ status: 'approved' }).eq('id', id).select('id').single())
      await rows(videosOf(db, tracking))
    }
  },
  async 'trackings upserted in a loop'({ db, rows }) {
    const creators = await rows(db.from('creators').select('id').order('id').limit(8))
    for (const { id } of creators) await rows(upsertOf(db, tracking(id, '2031-01')).select().single())
  },
  async 'trackings upserted as an array'({ db, rows }) {
    const creators = await rows(db.from('creators').select('id').order('id').limit(8))
    await rows(upsertOf(db, creators.map(({ id }) => tracking(id, '2031-02'))))
  },
  async 'deliveries updated in a loop'({ db, rows }) {
    for (const { id } of await rows(someTrackings(db, 6))) await rows(db.from('monthly_tracking').update({ delivered: {} }).eq('id', id))
  },
  async 'deliveries updated in parallel'({ db, rows }) {
    const found = await rows(someTrackings(db, 6))
    await Promise.all(found.map(({ id }) => rows(db.from('monthly_tracking').update({ delivered: {} }).eq('id', id))))
  },
  async 'videos by deep offset'({ db, rows }) {
    for (const at of [1100, 1150, 1200]) {
      await rows(db.from('videos').select('id,status').order('created_at', { ascending: false }).range(at, at + 19))
    }
  },
  async 'videos by keyset'({ db, rows }) {
    let last = '00000000-0000-0000-0000-000000000000'
    for (let page = 0; page < 5; page++) {
      last = (await rows(db.from('videos').select('id,status').order('id').gt('id', last).limit(20))).at(-1).id
    }
  },
  async 'pending videos with all columns'({ db, rows }) {
    await rows(db.from('videos').select('*').eq('status', 'pending_review').order('created_at', { ascending: false }))
  },
  async 'pending videos, a page of names'({ db, rows }) {
    await rows(db.from('videos').select('id,video_type').eq('status', 'pending_review').order('created_at').limit(50))
  },
  async 'dashboards that read the reference tables'({ page, rows }) {
    for (let n = 1; n <= 22; n++) {
      const db = page(n)
      await Promise.all([
        rows(db.from('creators').select('id,package_tier').eq('handle', `creator_${n}`)),
        ...['video_rates', 'package_definitions', 'mix_definitions'].map((table) => rows(db.from(table).select('*'))),
      ])
    }
  },
  async 'dashboards with a copy of the reference tables'({ page, rows }) {
    for (let n = 1; n <= 22; n++) {
      const [creator] = await rows(page(n).from('creators').select('id,package_tier').eq('handle', `creator_${n}`))
      await rows(page(n).from('monthly_tracking').select('month,quota_total').eq('creator_id', creator.id))
    }
  },
}

const upsertOf = (db, what) => db.from('monthly_tracking').upsert(what, { onConflict: 'month,creator_id' })

const tracking = (creator, month) => ({
  id: crypto.randomUUID(), month, creator_id: creator, package_tier: 20, quota_total: 20, mix_name: 'VOLUME',
  quotas: { OOTD: 20 }, delivered: {}, deadline: '2031-02-28',
})
