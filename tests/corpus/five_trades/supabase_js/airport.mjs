// An airport: boards, gates, boarding, baggage and manifests.
import { createHash } from 'node:crypto'

const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)
const uuid = (text) => createHash('md5').update(text).digest('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')

export const together = {
  async 'passengers boarded at a gate, one by one'({ db, rows, sleep }) {
    for (const id of numbers(7, 2000)) {
      await rows(db.from('boarding_passes').update({ state: 'boarded' }).eq('id', id))
      await sleep(380 + 60 * (id % 4))
    }
  },
  async 'tabs of a flight opened by hand'({ db, rows, sleep }) {
    for (const table of ['boarding_passes', 'delays', 'crew_duties', 'bags']) {
      await rows(db.from(table).select('id').eq('flight_id', 120).limit(20))
      await sleep(850)
    }
  },
  async 'flight chosen from a long list by a person'({ db, rows, sleep }) {
    const list = await rows(db.from('flights').select('id,number').order('departs_at').limit(400))
    await sleep(1600)
    await rows(db.from('boarding_passes').select('seat,state').eq('flight_id', list[211].id).limit(50))
  },
}

export default {
  async 'departures that each load their gate'({ db, rows }) {
    const board = await rows(db.from('flights').select('id,number,gate_id').order('departs_at').limit(30))
    await Promise.all(board.map((flight) => rows(db.from('gates').select('name,terminal').eq('id', flight.gate_id).single())))
  },
  async 'departures with their gate embedded'({ db, rows }) {
    await rows(db.from('flights').select('id,number,gates(name,terminal)').order('departs_at').limit(30))
  },
  async 'departures of a whole week without a limit'({ db, rows }) {
    await rows(db.from('flights').select('id,number,state').order('departs_at'))
  },
  async 'boarding list that awaits each passenger'({ db, rows }) {
    for (const pass of await rows(db.from('boarding_passes').select('id,passenger_id,seat').order('id').limit(18))) {
      await rows(db.from('passengers').select('name').eq('id', pass.passenger_id).single())
    }
  },
  async 'airline of each departure by its code'({ db, rows }) {
    const board = await rows(db.from('flights').select('number,airline_code').order('id').limit(16))
    await Promise.all(board.map((flight) => rows(db.from('airlines').select('name').eq('code', flight.airline_code).single())))
  },
  async 'flight found by number among all'({ db, rows }) {
    const flight = (await rows(db.from('flights').select('id,number'))).find(({ number }) => number === 'F1444')
    await rows(db.from('boarding_passes').select('seat,state').eq('flight_id', flight.id))
  },
  async 'passenger found by locator among five hundred'({ db, rows }) {
    const list = await rows(db.from('passengers').select('id,locator').order('locator').limit(500))
    const { id } = list.find(({ locator }) => locator === 'LOC130')
    await rows(db.from('bags').select('tag,state').eq('passenger_id', id))
  },
  async 'first open gate taken from the list of gates'({ db, rows }) {
    const gate = (await rows(db.from('gates').select('id,name,is_open').order('id'))).find((one) => one.is_open)
    await rows(db.from('gates').update({ is_open: false }).eq('id', gate.id))
    await rows(db.from('flights').update({ gate_id: gate.id }).eq('id', 300))
  },
  async 'airline found by name in the list of airlines'({ db, rows }) {
    const airline = (await rows(db.from('airlines').select('code,name'))).find(({ name }) => name === 'Airline 33')
    await rows(db.from('flights').select('number,state').eq('airline_code', airline.code).order('id').limit(20))
  },
  async 'captain found in the list of the crew'({ db, rows }) {
    const found = (await rows(db.from('crew').select('id,name,rank').eq('rank', 'captain'))).find(({ name }) => name === 'Crew 90')
    await rows(db.from('crew_duties').select('flight_id,role').eq('crew_id', found.id).limit(20))
  },
  async 'gate map with the flights of all gates'({ db, rows }) {
    const gates = await rows(db.from('gates').select('id,name').order('name'))
    await rows(db.from('flights').select('number,gate_id').in('gate_id', gates.map(({ id }) => id)).eq('state', 'boarding').limit(100))
  },
  async 'gate list with the flights of three gates'({ db, rows }) {
    const gates = await rows(db.from('gates').select('id,name').order('name'))
    await Promise.all([5, 25, 45].map((at) => rows(db.from('flights').select('number,state').eq('gate_id', gates[at].id).limit(5))))
  },
  async 'bags of a passenger who is known by locator'({ db, rows }) {
    const { id } = await rows(db.from('passengers').select('id,name').eq('locator', 'LOC212').single())
    await rows(db.from('bags').select('tag,state').eq('passenger_id', id))
  },
  async 'operations page of four counts in turn'({ db }) {
    await db.from('flights').select('id', { count: 'exact', head: true }).eq('state', 'late')
    await db.from('bags').select('id', { count: 'exact', head: true }).eq('state', 'lost')
    await db.from('delays').select('id', { count: 'exact', head: true }).gt('minutes', 60)
    await db.from('notices').select('id', { count: 'exact', head: true }).eq('is_active', true)
  },
  async 'operations page of four counts at once'({ db }) {
    await Promise.all([db.from('flights').select('id', { count: 'exact', head: true }).eq('state', 'late'), db.from('bags').select('id', { count: 'exact', head: true }).eq('state', 'lost'),
      db.from('delays').select('id', { count: 'exact', head: true }).gt('minutes', 60), db.from('notices').select('id', { count: 'exact', head: true }).eq('is_active', true)])
  },
  async 'flight page in four awaits of one flight'({ db, rows }) {
    await rows(db.from('flights').select('number,state,destination').eq('id', 77).single())
    await rows(db.from('boarding_passes').select('seat,state').eq('flight_id', 77))
    await rows(db.from('delays').select('minutes,reason').eq('flight_id', 77))
    await rows(db.from('crew_duties').select('role,crew(name)').eq('flight_id', 77))
  },
  async 'flight page in four awaits, its number in the address'({ db, rows }) {
    const flight = await rows(db.from('flights').select('id,number,state').eq('number', 'F1090').single())
    await rows(db.from('boarding_passes').select('seat,state').eq('flight_id', flight.id))
    await rows(db.from('delays').select('minutes,reason').eq('flight_id', flight.id))
    await rows(db.from('crew_duties').select('role').eq('flight_id', flight.id))
  },
  async 'screen of the hall in three awaits'({ db, rows }) {
    await rows(db.from('notices').select('body').eq('is_active', true))
    await rows(db.from('airlines').select('code,name').order('code'))
    await rows(db.from('gates').select('name,terminal').order('name').limit(40))
  },
  async 'screen of the hall in two awaits'({ db, rows }) {
    await rows(db.from('notices').select('body').eq('is_active', true))
    await rows(db.from('airlines').select('code,name').order('name'))
  },
  async 'check-in that writes between its reads'({ db, rows }) {
    await rows(db.from('boarding_passes').select('seat,state').eq('id', 1500).single())
    await rows(db.from('boarding_passes').update({ state: 'checked' }).eq('id', 1500))
    await rows(db.from('notices').select('body').eq('is_active', true))
    await rows(db.from('gates').select('name').eq('is_open', true).limit(5))
  },
  async 'pass, then its flight, then the gate of it'({ db, rows }) {
    const pass = await rows(db.from('boarding_passes').select('flight_id,seat').eq('id', 1234).single())
    const flight = await rows(db.from('flights').select('number,gate_id').eq('id', pass.flight_id).single())
    await rows(db.from('gates').select('name,terminal').eq('id', flight.gate_id).single())
  },
  async 'manifest of all passes'({ db, rows }) {
    await rows(db.from('boarding_passes').select('id,seat').order('id'))
  },
  async 'bags of two states, a report each'({ db, rows }) {
    for (const state of ['loaded', 'sorted']) await rows(db.from('bags').select('id,tag').eq('state', state))
  },
  async 'passes of four hundred flights by a list'({ db, rows }) {
    await rows(db.from('boarding_passes').select('flight_id,seat').in('flight_id', numbers(400)))
  },
  async 'passes of thirty flights by a list'({ db, rows }) {
    await rows(db.from('boarding_passes').select('flight_id,seat').in('flight_id', numbers(30)))
  },
  async 'bags with an exact total and a high limit'({ db, rows }) {
    await rows(db.from('bags').select('id,tag', { count: 'exact' }).order('id').limit(5000))
  },
  async 'lost bags with an exact total and a high limit'({ db, rows }) {
    await rows(db.from('bags').select('id,tag', { count: 'exact' }).eq('state', 'lost').order('id').limit(5000))
  },
  async 'bags in pages of fifteen hundred'({ db, rows }) {
    for (const from of [0, 1500]) await rows(db.from('bags').select('id,state').order('id').range(from, from + 1499))
  },
  async 'flights in pages of a quarter thousand'({ db, rows }) {
    for (let from = 0, page; !page || page.length === 250; from += 250) {
      page = await rows(db.from('flights').select('id,number').order('id').range(from, from + 249))
    }
  },
  async 'seats given to ten passes in a loop'({ db, rows }) {
    for (const id of numbers(10, 700)) await rows(db.from('boarding_passes').update({ seat: `${id - 690}A` }).eq('id', id))
  },
  async 'passes closed by the number of their flight'({ db, rows }) {
    await rows(db.from('boarding_passes').update({ state: 'closed' }).eq('flight_id', 41))
  },
  async 'seat map with a price call for each seat'({ db, rows }) {
    await Promise.all(numbers(20).map((row) => rows(db.rpc('seat_price', { flight: 9, seat: `${row}A` }))))
  },
  async 'seat prices asked for in turn'({ db, rows }) {
    for (const row of numbers(8)) await rows(db.rpc('seat_price', { flight: 10, seat: `${row}B` }, { get: true }))
  },
  async 'price of one seat and its neighbour'({ db, rows }) {
    for (const seat of ['4A', '4B']) await rows(db.rpc('seat_price', { flight: 10, seat }))
  },
  async 'bags loaded, and counted after each of four'({ db, rows }) {
    for (const n of numbers(4)) {
      await rows(db.from('bags').update({ state: 'loaded' }).eq('id', 300 * n + 19))
      const loaded = await rows(db.from('bags').select('id').eq('flight_id', 20).eq('state', 'loaded'))
      await rows(db.from('flights').update({ bags: loaded.length }).eq('id', 20))
    }
  },
  async 'bags loaded, and counted after each of seven'({ db, rows }) {
    for (const n of numbers(7)) {
      await rows(db.from('bags').update({ state: 'loaded' }).eq('id', 300 * n + 29))
      const loaded = await rows(db.from('bags').select('id').eq('flight_id', 30).eq('state', 'loaded'))
      await rows(db.from('flights').update({ bags: loaded.length }).eq('id', 30))
    }
  },
  async 'bags loaded, and counted once at the end'({ db, rows }) {
    await rows(db.from('bags').update({ state: 'loaded' }).eq('flight_id', 31))
    const loaded = await rows(db.from('bags').select('id').eq('flight_id', 31).eq('state', 'loaded'))
    await rows(db.from('flights').update({ bags: loaded.length }).eq('id', 31))
  },
  async 'flight read by five parts of a page at once'({ db, rows }) {
    await Promise.all(numbers(5).map(() => rows(db.from('flights').select('number,state,destination').eq('id', 140).single())))
  },
  async 'flights read with a nonce in each call'({ page, rows }) {
    let nonce = 0
    const db = page(1, (url, init) => {
      const headers = new Headers(init.headers)
      headers.set('X-Nonce', `n-${++nonce}-${nonce * 7919}`)
      return fetch(url, { ...init, headers })
    })
    for (const from of [1, 41]) await Promise.all(numbers(40, from).map((id) => rows(db.from('flights').select('number,state').eq('id', id).single())))
  },
  async 'control room that loads eleven tables thrice'({ db, rows }) {
    for (const n of [1, 2, 3]) {
      await Promise.all([
        rows(db.from('flights').select('number').eq('id', n)), rows(db.from('gates').select('name').eq('id', n)), rows(db.from('delays').select('minutes').eq('flight_id', n)),
        rows(db.from('bags').select('tag').eq('flight_id', n)), rows(db.from('boarding_passes').select('seat').eq('flight_id', n)), rows(db.from('crew_duties').select('role').eq('flight_id', n)),
        rows(db.from('crew').select('name').eq('id', n)), rows(db.from('notices').select('body').eq('id', n)), rows(db.from('airlines').select('name').eq('code', `A${n}`)),
        rows(db.from('passengers').select('name').eq('locator', `LOC${n}`)), rows(db.from('flights').select('number').eq('gate_id', n).limit(5)),
      ])
    }
  },
  async 'control room that loads eleven tables once'({ db, rows }) {
    await Promise.all([
      ...['flights', 'gates', 'delays', 'bags', 'boarding_passes', 'crew_duties', 'crew', 'notices'].map((table) => rows(db.from(table).select('id').limit(10))),
      rows(db.from('airlines').select('name').limit(10)), rows(db.from('passengers').select('name').limit(10)), rows(db.from('flights').select('number').eq('state', 'late').limit(10)),
    ])
  },
}
