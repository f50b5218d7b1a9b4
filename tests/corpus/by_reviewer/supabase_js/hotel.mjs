// A hotel: arrivals, rooms, bills, housekeeping and reports.
import { createHash } from 'node:crypto'

const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)
const uuid = (text) => createHash('md5').update(text).digest('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
const newest = { ascending: false }

export const together = {
  async 'guest looked up at the desk while the name is typed'({ db, rows, sleep }) {
    for (let typed = 1; typed < 9; typed++) {
      await rows(db.from('guests').select('id,full_name').ilike('full_name', `${'Guest 312'.slice(0, typed)}%`).limit(8))
      await sleep(160 + 45 * (typed % 3))
    }
  },
  async 'rooms of a floor plan touched one after another'({ db, rows, sleep }) {
    await rows(db.from('hotel_rooms').select('id,number,is_clean').eq('floor', 3))
    for (const id of [122, 131, 125, 150, 144, 129, 133]) {
      await sleep(480 + 3 * id)
      await rows(db.from('stays').select('id,check_out').eq('room_id', id).eq('state', 'in house').limit(1))
    }
  },
  async 'payment polled until the terminal has it'({ db, rows, sleep }) {
    for (let n = 0; n < 9; n++) {
      await rows(db.from('stays').select('state,total_cents').eq('id', 311).single())
      await sleep(500)
    }
  },
  async 'housekeeper ticks off room after room'({ db, rows, sleep }) {
    for (const room of numbers(7, 40)) {
      await rows(db.from('hotel_rooms').update({ is_clean: true }).eq('id', room))
      await sleep(1100 + 90 * (room % 4))
    }
  },
  async 'guest chosen from the whole guest book after reading it'({ db, rows, sleep }) {
    const book = await rows(db.from('guests').select('id,full_name').order('full_name').limit(500))
    await sleep(2400)
    await rows(db.from('stays').select('id,check_in').eq('guest_id', book[88].id))
  },
}

export default {
  async 'arrivals that each look up their guest'({ db, rows }) {
    const arrivals = await rows(db.from('stays').select('id,guest_id').eq('state', 'booked').order('id').limit(30))
    await Promise.all(arrivals.map((stay) => rows(db.from('guests').select('full_name,phone').eq('id', stay.guest_id).single())))
  },
  async 'arrivals with guest and room embedded'({ db, rows }) {
    await rows(db.from('stays').select('id,guests(full_name,phone),hotel_rooms(number)').eq('state', 'booked').order('id').limit(30))
  },
  async 'departures that wait for guest and then room of each'({ db, rows }) {
    for (const stay of await rows(db.from('stays').select('id,guest_id,room_id').eq('state', 'left').order('id', newest).limit(12))) {
      await rows(db.from('guests').select('full_name').eq('id', stay.guest_id).single())
      await rows(db.from('hotel_rooms').select('number').eq('id', stay.room_id).single())
    }
  },
  async 'calendar that asks each room for its stays'({ db, rows }) {
    const rooms = await rows(db.from('hotel_rooms').select('id,number').eq('floor', 2).order('number'))
    await Promise.all(rooms.map((room) => rows(db.from('stays').select('id,check_in,check_out').eq('room_id', room.id).gte('check_in', '2026-06-01').lt('check_in', '2026-07-01'))))
  },
  async 'calendar that asks all rooms of a floor at once'({ db, rows }) {
    const rooms = await rows(db.from('hotel_rooms').select('id,number').eq('floor', 2).order('number'))
    await rows(db.from('stays').select('id,room_id,check_in,check_out').in('room_id', rooms.map(({ id }) => id)).gte('check_in', '2026-06-01').lt('check_in', '2026-07-01'))
  },
  async 'occupancy chart with a count for each of fourteen days'({ db }) {
    for (const day of numbers(14, 10)) {
      await db.from('stays').select('id', { count: 'exact', head: true }).gte('check_in', `2026-06-${day}`).lt('check_in', `2026-06-${day + 1}`)
    }
  },
  async 'arrivals counted for each of twenty days at once'({ db }) {
    await Promise.all(numbers(20, 10).map((day) => db.from('stays').select('id', { count: 'exact', head: true }).eq('check_in', `2026-07-${day}`)))
  },
  async 'bills of the evening in groups of five at a time'({ db, rows }) {
    const stays = await rows(db.from('stays').select('id').eq('state', 'in house').order('id').limit(40))
    for (let from = 0; from < stays.length; from += 5) {
      await Promise.all(stays.slice(from, from + 5).map(({ id }) => rows(db.from('minibar_charges').select('item_id,pieces').eq('stay_id', id))))
    }
  },
  async 'free rooms asked with one function call for each room'({ db, rows }) {
    const rooms = await rows(db.from('hotel_rooms').select('id,number').eq('kind_code', 'k3').order('id').limit(30))
    await Promise.all(rooms.map(({ id }) => db.rpc('room_free', { room: id, day: '2026-06-10' })))
  },
  async 'free rooms asked with one function call'({ db, rows }) {
    await rows(db.from('hotel_rooms').select('id,number').eq('kind_code', 'k3').order('id').limit(30))
    await rows(db.rpc('rooms_free', { day: '2026-06-10' }))
  },
  async 'front desk page in four awaits'({ db, rows }) {
    await rows(db.from('hotel_settings').select('name,value'))
    await rows(db.from('room_kinds').select('code,name'))
    await rows(db.from('stays').select('id,check_in').eq('state', 'booked').order('check_in').limit(20))
    await rows(db.from('housekeeping_jobs').select('id,room_id,note').eq('is_done', false).order('id').limit(20))
  },
  async 'front desk page at once'({ db, rows }) {
    await Promise.all([
      rows(db.from('hotel_settings').select('name,value')), rows(db.from('room_kinds').select('code,name')),
      rows(db.from('stays').select('id,check_in').eq('state', 'booked').order('check_in').limit(20)),
      rows(db.from('housekeeping_jobs').select('id,room_id,note').eq('is_done', false).order('id').limit(20)),
    ])
  },
  async 'page of a guest in four awaits by the same id'({ db, rows }) {
    const id = uuid('g77')
    await rows(db.from('guests').select('full_name,phone').eq('id', id).single())
    await rows(db.from('stays').select('id,check_in,state').eq('guest_id', id).order('check_in', newest).limit(10))
    await db.from('stays').select('id', { count: 'exact', head: true }).eq('guest_id', id).eq('state', 'left')
    await rows(db.from('room_kinds').select('code,name').order('name'))
  },
  async 'stay, then its room, then the kind of the room'({ db, rows }) {
    const stay = await rows(db.from('stays').select('id,room_id').eq('id', 845).single())
    const room = await rows(db.from('hotel_rooms').select('number,kind_code').eq('id', stay.room_id).single())
    await rows(db.from('room_kinds').select('name').eq('code', room.kind_code).single())
  },
  async 'login of a guest through the list of all guests'({ db, rows }) {
    const guest = (await rows(db.from('guests').select('id,email,full_name'))).find(({ email }) => email === 'guest512@example.com')
    await rows(db.from('stays').select('id,check_in,state').eq('guest_id', guest.id).limit(10))
  },
  async 'login of a guest by the address'({ db, rows }) {
    const guest = await rows(db.from('guests').select('id,email,full_name').eq('email', 'guest513@example.com').single())
    await rows(db.from('stays').select('id,check_in,state').eq('guest_id', guest.id).limit(10))
  },
  async 'room found by its number in the list, then marked'({ db, rows }) {
    const room = (await rows(db.from('hotel_rooms').select('id,number'))).find(({ number }) => number === 'R244')
    await rows(db.from('hotel_rooms').update({ is_clean: false }).eq('id', room.id))
  },
  async 'all rooms shown, all wishes shown'({ db, rows }) {
    await Promise.all([rows(db.from('hotel_rooms').select('id,number,floor').order('number').limit(120)), rows(db.from('guest_wishes').select('id,wish').order('id').limit(120))])
  },
  async 'settings asked for by each part of the bill'({ db, rows }) {
    const setting = (name) => rows(db.from('hotel_settings').select('value').eq('name', name).single())
    await rows(db.from('minibar_charges').select('item_id,pieces').eq('stay_id', 90))
    for (const _ of ['room', 'minibar', 'breakfast', 'city tax', 'parking']) await setting('tax')
  },
  async 'settings asked for once by the bill'({ db, rows }) {
    await rows(db.from('minibar_charges').select('item_id,pieces').eq('stay_id', 91))
    await rows(db.from('hotel_settings').select('value').eq('name', 'tax').single())
  },
  async 'room kinds loaded by five widgets at once'({ db, rows }) {
    await Promise.all(['search', 'list', 'map', 'price', 'footer'].map(() => rows(db.from('room_kinds').select('code,name').order('name'))))
  },
  async 'room kinds loaded, then the rooms of one fixed kind'({ db, rows }) {
    await rows(db.from('room_kinds').select('code,name').order('name'))
    await rows(db.from('hotel_rooms').select('id,number').eq('kind_code', 'k2').eq('is_clean', true).limit(40))
  },
  async 'minibar posted to the bill piece by piece'({ db, rows }) {
    for (const item of numbers(11)) await rows(db.from('minibar_charges').insert({ stay_id: 200, item_id: item, pieces: 1 }))
  },
  async 'minibar posted to the bill in one insert'({ db, rows }) {
    await rows(db.from('minibar_charges').insert(numbers(11).map((item) => ({ stay_id: 201, item_id: item, pieces: 1 }))))
  },
  async 'rooms of a floor set to dirty one by one at once'({ db, rows }) {
    const rooms = await rows(db.from('hotel_rooms').select('id').eq('floor', 5).order('id'))
    await Promise.all(rooms.map(({ id }) => rows(db.from('hotel_rooms').update({ is_clean: false }).eq('id', id))))
  },
  async 'rooms of a floor set to dirty by the floor'({ db, rows }) {
    await rows(db.from('hotel_rooms').update({ is_clean: false }).eq('floor', 5))
  },
  async 'minibar booked and the sum counted after each piece'({ db, rows }) {
    for (const item of numbers(6)) {
      await rows(db.from('minibar_charges').insert({ stay_id: 300, item_id: item, pieces: 2 }))
      const all = await rows(db.from('minibar_charges').select('pieces').eq('stay_id', 300))
      await rows(db.from('stays').update({ total_cents: 100 * all.length }).eq('id', 300))
    }
  },
  async 'turnover of the year summed up in the browser'({ db, rows }) {
    (await rows(db.from('stays').select('total_cents'))).reduce((sum, one) => sum + one.total_cents, 0)
  },
  async 'turnover of the year with a limit of ten thousand'({ db, rows }) {
    await rows(db.from('minibar_charges').select('item_id,pieces').limit(10000))
  },
  async 'turnover of the year in pages of a thousand'({ db, rows }) {
    for (let from = 0, page; !page || page.length === 1000; from += 1000) page = await rows(db.from('stays').select('id,total_cents').order('id').range(from, from + 999))
  },
  async 'stays of half of the rooms in one list'({ db, rows }) {
    await rows(db.from('stays').select('id,hotel_rooms(number)').in('room_id', numbers(160)).order('id'))
  },
  async 'guest book printed in full with every column'({ db, rows }) {
    await rows(db.from('guests').select('*').order('full_name').limit(400))
  },
  async 'housekeeping list of all time'({ db, rows }) {
    await rows(db.from('housekeeping_jobs').select('id,room_id,due_on,is_done').order('due_on'))
  },
  async 'occupancy report read on each of seven visits'({ page, rows }) {
    for (const n of numbers(7)) await rows(page(n).from('occupancy_report').select('state,stays'))
  },
  async 'settings read by each of thirty pages'({ page, rows }) {
    for (const n of numbers(30)) {
      await rows(page(n).from('hotel_settings').select('name,value'))
      await rows(page(n).from('hotel_rooms').select('number,rate_cents').eq('id', n).single())
    }
  },
  async 'chain of earlier stays of a guest'({ db, rows }) {
    for (let id = 2500, n = 0; id && n < 9; n++) id = (await rows(db.from('stays').select('check_in,previous_id').eq('id', id).single())).previous_id
  },
  async 'confirmation of a booking in its steps'({ db, rows }) {
    const [stay] = await rows(db.from('stays').insert({ room_id: 9, guest_id: uuid('g9'), check_in: '2026-12-01', check_out: '2026-12-04', state: 'booked' }).select('id'))
    await rows(db.from('guest_wishes').insert({ stay_id: stay.id, wish: 'Late arrival' }))
    await rows(db.from('stays').select('id,check_in,hotel_rooms(number)').eq('id', stay.id).single())
  },
  async 'whole day on one page'({ db, rows }) {
    const day = '2026-06-11'
    const stays = (state) => db.from('stays').select('id,check_in').eq('state', state).eq('check_in', day).order('id').limit(10)
    const count = (state) => db.from('stays').select('id', { count: 'exact', head: true }).eq('state', state).eq('check_out', day)
    await Promise.all([
      ...['booked', 'in house', 'left'].map((state) => rows(stays(state))), ...['booked', 'in house', 'left'].map((state) => count(state)),
      ...[1, 2, 3].map((floor) => rows(db.from('hotel_rooms').select('id,number').eq('floor', floor).eq('is_clean', false).limit(20))),
      ...['k1', 'k2', 'k3'].map((kind) => rows(db.from('hotel_rooms').select('number,rate_cents').eq('kind_code', kind).order('rate_cents').limit(5))),
      ...['tax', 'currency', 'city'].map((name) => rows(db.from('hotel_settings').select('value').eq('name', name).single())),
      ...[true, false].map((done) => rows(db.from('housekeeping_jobs').select('id,note').eq('is_done', done).eq('due_on', day).limit(10))),
      ...[true, false].map((done) => db.from('housekeeping_jobs').select('id', { count: 'exact', head: true }).eq('is_done', done)),
      ...[7, 8, 9].map((id) => rows(db.from('minibar_items').select('name,cents').gt('id', id).order('cents').limit(3))),
      ...[100, 200].map((id) => rows(db.from('minibar_charges').select('item_id').eq('stay_id', id).limit(10))),
      ...[100, 200].map((id) => rows(db.from('guest_wishes').select('wish').eq('stay_id', id))),
      ...['g4', 'g5'].map((name) => rows(db.from('guests').select('full_name,notes').eq('id', uuid(name)).single())),
      ...['g4', 'g5'].map((name) => rows(db.from('stays').select('id,state').eq('guest_id', uuid(name)).limit(5))),
      rows(db.from('room_kinds').select('code,name')), rows(db.from('hotel_settings').select('name')),
      rows(db.from('guests').select('full_name').order('full_name').limit(5)),
    ])
  },
}
