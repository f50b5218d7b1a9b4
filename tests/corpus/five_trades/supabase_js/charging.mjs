// Charging stations: a map, cards, billing, firmware, readings of the grid.
import { createHash } from 'node:crypto'

const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)
const uuid = (text) => createHash('md5').update(text).digest('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')

export const together = {
  async 'card chosen in a form, then a session begun'({ db, rows, sleep }) {
    const cards = await rows(db.from('driver_cards').select('id,holder').order('holder'))
    await sleep(1900)
    await rows(db.from('charge_sessions').select('id').eq('driver_card_id', cards[17].id).eq('state', 'running'))
  },
  async 'running session polled by the driver'({ db, rows, sleep }) {
    for (let n = 0; n < 9; n++) {
      await rows(db.from('charge_sessions').select('kwh,state').eq('id', 900).single())
      await sleep(500)
    }
  },
  async 'heartbeats of chargers as they come in'({ db, rows, sleep }) {
    for (const n of numbers(8, 60)) {
      await rows(db.from('chargers').update({ is_online: true }).eq('id', uuid(`c${n}`)))
      await sleep(210 + 70 * (n % 3))
    }
  },
}

export default {
  async 'map that loads the faults of each charger'({ db, rows }) {
    const map = await rows(db.from('chargers').select('id,label').order('label').limit(18))
    await Promise.all(map.map(({ id }) => rows(db.from('charger_faults').select('code,state').eq('charger_id', id))))
  },
  async 'list that awaits the faults of each charger'({ db, rows }) {
    for (const { id } of await rows(db.from('chargers').select('id,label').order('label').limit(16))) {
      await rows(db.from('charger_faults').select('code').eq('charger_id', id).eq('state', 'open'))
    }
  },
  async 'map with the faults embedded'({ db, rows }) {
    await rows(db.from('chargers').select('id,label,charger_faults(code,state)').order('label').limit(18))
  },
  async 'charger found by label among all'({ db, rows }) {
    const found = (await rows(db.from('chargers').select('id,label,kw'))).find(({ label }) => label === 'CP-200')
    await rows(db.from('chargers').update({ kw: 50 }).eq('id', found.id))
  },
  async 'charger found by label with a filter'({ db, rows }) {
    const found = await rows(db.from('chargers').select('id,label,kw').eq('label', 'CP-201').single())
    await rows(db.from('chargers').update({ kw: 50 }).eq('id', found.id))
  },
  async 'card found by number among all'({ db, rows }) {
    const card = (await rows(db.from('driver_cards').select('id,number'))).find(({ number }) => number === 'RF7222')
    await rows(db.from('charge_sessions').select('kwh,state').eq('driver_card_id', card.id).order('id').limit(10))
  },
  async 'balance of a card that is found among all'({ db, rows }) {
    const card = (await rows(db.from('driver_cards').select('id,number,balance').order('number'))).find(({ number }) => number === 'RF7020')
    await rows(db.from('driver_cards').update({ balance: card.balance - 5 }).eq('id', card.id))
  },
  async 'latest session taken from a list of three hundred'({ db, rows }) {
    const [latest] = await rows(db.from('charge_sessions').select('id,kwh,state').order('started_at', { ascending: false }).limit(300))
    await rows(db.from('charge_sessions').update({ state: 'ended' }).eq('id', latest.id))
  },
  async 'latest session taken from a list of ten'({ db, rows }) {
    const [latest] = await rows(db.from('charge_sessions').select('id,kwh,state').order('started_at', { ascending: false }).limit(10))
    await rows(db.from('charge_sessions').update({ state: 'ended' }).eq('id', latest.id))
  },
  async 'faults of the charger with the best label'({ db, rows }) {
    const list = await rows(db.from('chargers').select('*').eq('is_online', true))
    const best = list.reduce((one, other) => (one.label > other.label ? one : other))
    await rows(db.from('charger_faults').select('code').eq('charger_id', best.id))
  },
  async 'billing that reads each card and closes each session'({ db, rows }) {
    for (const session of await rows(db.from('charge_sessions').select('id,driver_card_id,kwh').eq('state', 'ended').order('id').limit(12))) {
      await rows(db.from('driver_cards').select('balance').eq('id', session.driver_card_id).single())
      await rows(db.from('charge_sessions').update({ state: 'billed' }).eq('id', session.id))
    }
  },
  async 'billing of a batch by two lists'({ db, rows }) {
    const batch = await rows(db.from('charge_sessions').select('id,driver_card_id').eq('state', 'ended').order('id', { ascending: false }).limit(12))
    await rows(db.from('driver_cards').select('id,balance').in('id', batch.map((one) => one.driver_card_id)))
    await rows(db.from('charge_sessions').update({ state: 'billed' }).in('id', batch.map(({ id }) => id)))
  },
  async 'tariffs read by each of twenty-two visits'({ page, rows }) {
    for (const n of numbers(22)) {
      await Promise.all([rows(page(n).from('tariffs').select('id,name,cents')), rows(page(n).from('chargers').select('label').eq('id', uuid(`c${n}`)).single())])
    }
  },
  async 'tariffs read by five parts in turn'({ db, rows }) {
    for (const _ of numbers(5)) await rows(db.from('tariffs').select('id,name,cents').order('id'))
  },
  async 'tariff read again for each session that is priced'({ db, rows }) {
    for (const id of numbers(8, 3000)) {
      await rows(db.from('tariffs').select('cents').eq('id', 3).single())
      await rows(db.from('charge_sessions').update({ kwh: 7 }).eq('id', id))
    }
  },
  async 'dashboard of three lists in turn'({ db, rows }) {
    await rows(db.from('charge_sessions').select('id,kwh').gte('started_at', '2026-03-10').order('id').limit(20))
    await rows(db.from('charger_faults').select('id,code').eq('state', 'open').limit(20))
    await rows(db.from('chargers').select('label').eq('is_online', false).limit(20))
  },
  async 'dashboard of three lists at once'({ db, rows }) {
    await Promise.all([rows(db.from('charge_sessions').select('id,kwh').gte('started_at', '2026-03-11').order('id').limit(20)),
      rows(db.from('charger_faults').select('id,code').eq('state', 'open').limit(20)), rows(db.from('chargers').select('label').eq('is_online', false).limit(20))])
  },
  async 'readings since the last session'({ db, rows }) {
    const [last] = await rows(db.from('charge_sessions').select('started_at,charger_id').order('id').limit(1))
    await rows(db.from('grid_readings').select('mw').gte('at', last.started_at).order('at').limit(20))
    await rows(db.from('charger_faults').select('code').eq('charger_id', last.charger_id))
  },
  async 'card looked for by number, then by holder, then by part of it'({ db, rows }) {
    for (const [column, value] of [['number', 'RF1'], ['holder', 'Nobody']]) if ((await rows(db.from('driver_cards').select('id').eq(column, value))).length) return
    await rows(db.from('driver_cards').select('id').ilike('holder', '%nobody%'))
  },
  async 'readings of a week'({ db, rows }) {
    await rows(db.from('grid_readings').select('at,mw').gte('at', '2026-01-10').lt('at', '2026-01-17').order('at'))
  },
  async 'readings of a day'({ db, rows }) {
    await rows(db.from('grid_readings').select('at,mw').gte('at', '2026-01-10').lt('at', '2026-01-11').order('at'))
  },
  async 'readings of two weeks compared, with a high limit'({ db, rows }) {
    await Promise.all([['2026-01-05', '2026-01-12'], ['2026-01-12', '2026-01-19']].map(([from, to]) =>
      rows(db.from('grid_readings').select('mw').gte('at', from).lt('at', to).limit(10000))))
  },
  async 'readings of a week by key'({ db, rows }) {
    for (let last = '2026-01-20', page; !page || page.length === 1000; last = page.at(-1).at) {
      page = await rows(db.from('grid_readings').select('at,mw').gt('at', last).lt('at', '2026-01-27').order('at').limit(1000))
    }
  },
  async 'number of readings on the page of the operator'({ db }) {
    await db.from('grid_readings').select('id', { count: 'exact', head: true })
  },
  async 'readings from the five-thousandth on'({ db, rows }) {
    await rows(db.from('grid_readings').select('at,mw').order('id').range(5000, 5049))
  },
  async 'firmware of fifteen chargers set at once, a call each'({ db, rows }) {
    await Promise.all(numbers(15, 20).map((n) => rows(db.from('chargers').update({ firmware: 'v2' }).eq('id', uuid(`c${n}`)))))
  },
  async 'firmware of fifteen chargers set by a list'({ db, rows }) {
    await rows(db.from('chargers').update({ firmware: 'v3' }).in('id', numbers(15, 20).map((n) => uuid(`c${n}`))))
  },
  async 'webhooks that each read their card'(stage) {
    await stage.withServer(stage, (db, n) => stage.rows(db.from('driver_cards').select('holder,balance').eq('number', `RF${7001 + n}`).single()), 14)
  },
  async 'load of each charger by a function'({ db, rows }) {
    for (const n of numbers(8)) await rows(db.rpc('charger_load', { charger: uuid(`c${n}`) }))
  },
  async 'sessions listed with every column'({ db, rows }) {
    await rows(db.from('charge_sessions').select('*').order('id').limit(600))
  },
  async 'all sessions with every column'({ db, rows }) {
    await rows(db.from('charge_sessions').select('*').order('started_at'))
  },
}
