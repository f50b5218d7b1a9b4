// What takes time: timers, people, retries. These are played at the same time.
const first = async ({ db, rows }, n, from = 0) => (await rows(db.from('creators').select('id').order('id').range(from, from + n - 1))).map(({ id }) => id)
const handle = (db, id) => db.from('creators').select('handle,status').eq('id', id).single()

// A fetch whose answers get lost on the way, the first `times` of each URL.
function lossy(times) {
  const lost = new Map()
  return async (target, init) => {
    const answer = await fetch(target, init)
    const count = lost.get(String(target)) ?? 0
    lost.set(String(target), count + 1)
    if (count < times) throw new TypeError('fetch failed')
    return answer
  }
}

export const together = {
  async 'one row polled by a timer'(stage) {
    const [id] = await first(stage, 1)
    for (let n = 0; n < 6; n++) {
      await stage.rows(handle(stage.db, id))
      await stage.sleep(700)
    }
  },
  async 'a job polled until it is done'({ db, rows, sleep }) {
    const job = await rows(db.from('creator_applications').insert({ user_id: crypto.randomUUID(), status: 'draft', handle: 'j', email: 'j', package_tier: 10, mix_name: 'VOLUME' }).select('id').single())
    for (let n = 0; n < 5; n++) {
      await sleep(600)
      await rows(db.from('creator_applications').select('status').eq('id', job.id).single())
    }
    await rows(db.from('creator_applications').select('handle').eq('id', job.id).single())
  },
  async 'six widgets polled by a timer'(stage) {
    const ids = await first(stage, 6, 10)
    for (let n = 0; n < 4; n++) {
      await Promise.all(ids.map((id) => stage.rows(handle(stage.db, id))))
      await stage.sleep(800)
    }
  },
  async 'tabs that a person opens'(stage) {
    for (const id of await first(stage, 6, 20)) {
      await stage.rows(handle(stage.db, id))
      await stage.sleep(800)
    }
  },
  async 'search as you type'({ db, rows, sleep }) {
    for (const text of ['c', 'cr', 'cre', 'crea', 'creat', 'creato']) {
      await rows(db.from('creators').select('id,handle').ilike('handle', `${text}%`).order('id').limit(10))
      await sleep(120)
    }
  },
  async 'infinite scroll by offset'({ db, rows, sleep }) {
    for (let at = 0; at < 160; at += 20) {
      await rows(db.from('videos').select('id,status').order('created_at', { ascending: false }).range(at, at + 19))
      await sleep(150)
    }
  },
  async 'infinite scroll by keyset'({ db, rows, sleep }) {
    let last = '9999-01-01'
    for (let page = 0; page < 6; page++) {
      last = (await rows(db.from('videos').select('id,created_at').lt('created_at', last).order('created_at', { ascending: false }).limit(20))).at(-1).created_at
      await sleep(150)
    }
  },
  async 'infinite scroll that asks for each row'({ db, rows, sleep }) {
    for (let at = 0; at < 30; at += 10) {
      const page = await rows(db.from('monthly_tracking').select('id,creator_id').order('id').range(at, at + 9))
      await Promise.all(page.map((one) => rows(handle(db, one.creator_id))))
      await sleep(300)
    }
  },
  async 'answers lost, and asked for again'(stage) {
    const ids = await first(stage, 2, 30)
    await Promise.all(ids.map((id) => stage.rows(handle(stage.page(1, lossy(2)), id))))
  },
  async 'a fan-out whose answers are lost'(stage) {
    const ids = await first(stage, 8, 40)
    const db = stage.page(1, lossy(1))
    await Promise.all(ids.map((id) => stage.rows(handle(db, id))))
  },
  async 'events inserted as they come'({ db, rows, sleep }) {
    for (let n = 0; n < 6; n++) {
      await rows(db.from('creator_applications').insert({ user_id: crypto.randomUUID(), status: 'draft', handle: 'e', email: 'e', package_tier: 10, mix_name: 'VOLUME' }))
      await sleep(700)
    }
  },
  async 'reviews by hand'({ db, rows, sleep }) {
    const videos = await rows(db.from('videos').select('id,creator_id').eq('status', 'rejected').order('id').limit(5))
    for (const { id, creator_id } of videos) {
      await rows(db.from('videos').update({ reviewed_by: 'a person' }).eq('id', id))
      await rows(db.from('videos').select('id,status').eq('creator_id', creator_id).order('id').limit(30))
      await sleep(700)
    }
  },
  async 'a report that takes long'({ page, rows }) {
    for (let n = 0; n < 6; n++) await rows(page(n).from('slow_report').select('handle').eq('package_tier', 10 * (1 + (n % 4))).limit(5))
  },
}
