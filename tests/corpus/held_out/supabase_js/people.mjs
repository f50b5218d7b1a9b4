// What people and timers do; these are played at the same time.
const product = (db, id) => db.from('products').select('name,price,stock').eq('id', id).single()
const paces = [310, 240, 420, 280, 350, 260, 450, 300, 380] // milliseconds between a person's doings

export const together = {
  async 'details fetched as a person hovers'({ db, rows, sleep }) {
    const list = await rows(db.from('products').select('id,name').order('id').limit(30))
    for (const [n, pace] of paces.entries()) {
      await sleep(pace)
      await rows(product(db, list[3 * n].id))
    }
  },
  async 'is this address free, asked while it is typed'({ db, sleep }) {
    for (let typed = 3; typed < 13; typed++) {
      await db.from('customers').select('id').eq('email', 'tillandsia@example.com'.slice(0, typed)).maybeSingle()
      await sleep(140)
    }
  },
  async 'search as you type, the one before given up'({ db, sleep }) {
    let last
    for (const text of ['p', 'pr', 'pro', 'prod', 'produ', 'produc', 'product', 'product 1']) {
      last?.abort()
      last = new AbortController()
      db.from('products').select('id,name').ilike('name', `%${text}%`).limit(8).abortSignal(last.signal).then(() => {})
      await sleep(110)
    }
    await sleep(200)
  },
  async 'fetched again whenever the window is looked at'({ db, rows, sleep }) {
    for (let n = 0; n < 4; n++) {
      await Promise.all([rows(db.from('customers').select('name').eq('id', 9).single()), rows(db.from('notifications').select('id').eq('customer_id', 9).limit(5)),
        rows(db.from('tickets').select('id,subject').eq('status', 'open').order('id').limit(20))])
      await sleep(850 + 20 * n)
    }
  },
  async 'polled because no socket can be had'({ db, rows, sleep }) {
    for (let n = 0; n < 9; n++) {
      await rows(db.from('messages').select('id,body').eq('room_id', 3).order('id', { ascending: false }).limit(20))
      await sleep(500)
    }
  },
  async 'messages after the last one, every half second'({ db, rows, sleep }) {
    let last = 0
    for (let n = 0; n < 8; n++) {
      const news = await rows(db.from('messages').select('id,body').eq('room_id', 4).gt('id', last).order('id').limit(15))
      last = news.at(-1)?.id ?? last
      await sleep(450)
    }
  },
  async 'three uploads that are waited for'({ db, rows, sleep }) {
    await Promise.all([1, 2, 3].map(async (id) => {
      for (let n = 0; n < 6; n++) {
        await rows(db.from('outbox').select('status').eq('id', 30 + id).single())
        await sleep(400 + 15 * id)
      }
    }))
  },
  async 'cards dragged by a person'({ db, rows, sleep }) {
    for (let n = 0; n < 6; n++) {
      await rows(db.from('tickets').update({ status: 'waiting' }).eq('id', 100 + 3 * n))
      await rows(db.from('tickets').select('id,subject,status').eq('assignee_id', 4).order('position').limit(30))
      await sleep(600 + paces[n])
    }
  },
  async 'a form that saves itself'({ db, rows, sleep }) {
    for (const pace of paces) {
      await rows(db.from('tickets').update({ subject: `Where is it, after ${pace} ms?` }).eq('id', 140))
      await sleep(pace)
    }
  },
  async 'scrolling, with the authors of each page'({ db, rows, sleep }) {
    for (let last = 801, n = 0; n < 7; n++) {
      const page = await rows(db.from('messages').select('id,author_id,body').lt('id', last).order('id', { ascending: false }).limit(25))
      await rows(db.from('staff').select('id,name').in('id', [...new Set(page.map((one) => one.author_id))].sort()))
      last = page.at(-1).id
      await sleep(paces[n])
    }
  },
  async 'a list of customers, and the one that is chosen'({ db, rows, sleep }) {
    const all = await rows(db.from('customers').select('id,name').eq('segment', 'regular').order('name'))
    await sleep(900)
    await Promise.all([rows(db.from('orders').select('id,total').eq('customer_id', all[17].id)),
      rows(db.from('notifications').select('id').eq('customer_id', all[17].id).limit(5))])
  },
  async 'stock that a job writes, on every page'({ page, rows }) {
    for (let n = 1; n <= 24; n++) {
      await Promise.all([rows(page(n).from('sync_state').select('source,cursor')), rows(product(page(n), 150 + n))])
      if (n % 8 === 0) await rows(page(100 + n).from('sync_state').update({ cursor: String(n) }).eq('source', 'erp'))
    }
  },
}
