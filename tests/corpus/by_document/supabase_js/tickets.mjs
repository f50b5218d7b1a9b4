// Tickets: seat maps, checkouts, doors and festival pages.
const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)

export default {
  async 'seat map, a price call per seat'({ db, rows }) {
    const seats = await rows(db.from('seats').select('id,label').eq('concert_id', 7).order('id').limit(24))
    await Promise.all(seats.map(({ id }) => rows(db.rpc('seat_price', { seat: id }))))
  },
  async 'seat map, prices from one function'({ db, rows }) {
    await rows(db.rpc('seat_prices', { concert: 7 }))
  },
  async 'concert cards that each load their venue'({ db, rows }) {
    const cards = await rows(db.from('concerts').select('id,title,venue_id').order('id').limit(18))
    await Promise.all(cards.map((card) => rows(db.from('venues').select('name,city').eq('id', card.venue_id).single())))
  },
  async 'concert cards with embedded venues'({ db, rows }) {
    await rows(db.from('concerts').select('id,title,venues(name,city)').eq('status', 'planned').order('id').limit(18))
  },
  async 'free seats counted for every concert'({ db, rows }) {
    const list = await rows(db.from('concerts').select('id').order('id').limit(20))
    await Promise.all(list.map(({ id }) => db.from('seats').select('*', { count: 'exact', head: true }).eq('concert_id', id).eq('state', 'free')))
  },
  async 'checkout that holds seats one at a time'({ db, rows }) {
    for (const id of numbers(8, 300)) await rows(db.from('seats').update({ state: 'held' }).eq('id', id))
  },
  async 'checkout that holds seats by a list'({ db, rows }) {
    await rows(db.from('seats').update({ state: 'held' }).in('id', numbers(8, 320)))
  },
  async 'checkout of two seats'({ db, rows }) {
    for (const id of [340, 341]) await rows(db.from('seats').update({ state: 'held' }).eq('id', id))
  },
  async 'reservations written, and counted after each'({ db, rows }) {
    for (const n of numbers(5)) {
      await rows(db.from('reservations').insert({ concert_id: 11, buyer: `guest${n}@example.com`, state: 'open' }))
      await db.from('reservations').select('id', { count: 'exact', head: true }).eq('concert_id', 11)
    }
  },
  async 'free seats of the season in one read'({ db, rows }) {
    await rows(db.from('seats').select('id,label').eq('state', 'free'))
  },
  async 'seats of three concerts for a plan'({ db, rows }) {
    await rows(db.from('seats').select('id,label,state').in('concert_id', [4, 5, 6]))
  },
  async 'tickets checked at the gate by a script'({ db, rows }) {
    for (const id of numbers(20, 40)) await rows(db.from('reservations').select('id,state').eq('id', id).single())
  },
  async 'tickets shown at the gate by people'({ db, rows, sleep }) {
    for (const id of numbers(6, 70)) {
      await rows(db.from('reservations').select('id,state').eq('id', id).single())
      await sleep(640)
    }
  },
  async 'a concert found among all by its title'({ db, rows }) {
    const all = await rows(db.from('concerts').select('id,title').order('title'))
    const one = all.find(({ title }) => title === 'Concert 77')
    await rows(db.from('seats').select('id,state').eq('concert_id', one.id).limit(60))
    await rows(db.from('reservations').select('buyer').eq('concert_id', one.id).limit(20))
  },
  async 'a concert asked for by its title'({ db, rows }) {
    const one = await rows(db.from('concerts').select('id').eq('title', 'Concert 77').single())
    await rows(db.from('seats').select('id,state').eq('concert_id', one.id).limit(60))
  },
  async 'twenty concerts, and details of the first'({ db, rows }) {
    const [one] = await rows(db.from('concerts').select('id,title').order('starts_at').limit(20))
    await rows(db.from('seats').select('id,state').eq('concert_id', one.id).limit(60))
  },
  async 'venues in the header of each festival page'({ page, rows }) {
    for (const n of numbers(25)) {
      await Promise.all([rows(page(n).from('venues').select('id,slug,name')), rows(page(n).from('concerts').select('title').eq('id', n).single())])
    }
  },
  async 'festival page in five awaits'({ db, rows }) {
    await rows(db.from('venues').select('slug,name').order('slug').limit(12))
    await rows(db.from('concerts').select('id,title').eq('status', 'planned').order('id').limit(10))
    await rows(db.from('seats').select('id,label').eq('state', 'free').order('id').limit(10))
    await rows(db.from('reservations').select('id').eq('state', 'paid').order('id').limit(10))
    await rows(db.from('cooks').select('handle').order('handle').limit(5))
  },
  async 'festival page at once'({ db, rows }) {
    await Promise.all([rows(db.from('venues').select('slug,name').order('slug').limit(12)),
      rows(db.from('concerts').select('id,title').eq('status', 'sold').order('id').limit(10)), rows(db.from('cooks').select('handle').order('handle').limit(5))])
  },
  async 'archive of seats, page one hundred'({ db, rows }) {
    await rows(db.from('seats').select('id,label').order('id').range(2475, 2499))
  },
  async 'archive of seats, the first three pages'({ db, rows }) {
    for (const n of [0, 1, 2]) await rows(db.from('seats').select('id,state').order('id').range(25 * n, 25 * n + 24))
  },
}
