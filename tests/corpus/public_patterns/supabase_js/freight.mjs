// A haulier: tracking pages, route planning, sync and batch work in JavaScript.
const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)
const barcode = (n) => `PARCEL-BARCODE-${String(n).padStart(12, '0')}`

export default {
  async 'vehicles on a map, each with its driver'({ db, rows }) {
    const vehicles = await rows(db.from('vehicles').select('id,driver_id').order('id').limit(30))
    await Promise.all(vehicles.map((one) => rows(db.from('drivers').select('name,phone').eq('id', one.driver_id).single())))
  },
  async 'vehicles on a map with embedded drivers'({ db, rows }) {
    await rows(db.from('vehicles').select('id,plate,drivers(name,phone)').order('id').limit(30))
  },
  async 'parcels of shipments, one after another'({ db, rows }) {
    for (const id of numbers(20, 100)) await rows(db.from('parcels').select('id,weight').eq('shipment_id', id))
  },
  async 'scanned barcodes looked up in a loop'({ db, rows }) {
    for (const n of numbers(25, 300)) {
      const found = await rows(db.from('parcels').select('id').eq('barcode', barcode(n)).maybeSingle())
      if (!found) break
    }
  },
  async 'three barcodes in a row'({ db, rows }) {
    for (const n of numbers(3, 900)) await rows(db.from('parcels').select('id,state').eq('barcode', barcode(n)).single())
  },
  async 'a thousand barcodes in one list'({ db }) {
    await db.from('parcels').select('id').in('barcode', numbers(1000, 1000).map(barcode)) // fails: the answer's head repeats the list
  },
  async 'barcodes in lists of fifty'({ db, rows }) {
    for (let at = 0; at < 300; at += 50) await rows(db.from('parcels').select('id').in('barcode', numbers(50, 2000 + at).map(barcode)))
  },
  async 'depots and distances, one call each'({ db, rows }) {
    await Promise.all(numbers(12).map((n) => rows(db.rpc('distance_to', { depot: `D${n}` }))))
  },
  async 'distance to one depot'({ db, rows }) {
    await rows(db.rpc('distance_to', { depot: 'D4' }))
  },
  async 'distances added up stop by stop'({ db, rows }) {
    let sum = 0
    for (const n of [3, 5, 1, 9, 11, 2, 7, 8, 12, 6]) sum += await rows(db.rpc('distance_to', { depot: `D${n}` }))
  },
  async 'load of the depots on six screens'({ page, rows }) {
    for (const n of numbers(6)) {
      await Promise.all([rows(page(n).from('depot_load').select('code,shipments')), rows(page(n).from('depots').select('name').eq('code', `D${n}`).single())])
    }
  },
  async 'load of one depot on five screens'({ page, rows }) {
    for (const n of numbers(5)) await rows(page(n).from('depot_load').select('shipments').eq('code', `D${n}`))
  },
  async 'load of the depots, once'({ db, rows }) {
    await rows(db.from('depot_load').select('code,shipments'))
  },
  async 'shipments between two dates in one read'({ db, rows }) {
    await rows(db.from('shipments').select('id,reference,weight').gte('created_at', '2025-03-10').lt('created_at', '2025-04-10'))
  },
  async 'shipments of a day'({ db, rows }) {
    await rows(db.from('shipments').select('id,reference').gte('created_at', '2025-03-10').lt('created_at', '2025-03-11').order('id').limit(50))
  },
  async 'every scan for a heat map'({ db, rows }) {
    await rows(db.from('scans').select('depot_code,at'))
  },
  async 'scans for a heat map, read to the end'({ db, rows }) {
    for (let last = 0; ;) {
      const page = await rows(db.from('scans').select('id,depot_code').gt('id', last).order('id').limit(1000))
      if (page.length < 1000) break
      last = page.at(-1).id
    }
  },
  async 'history of scans, page two hundred'({ db, rows }) {
    await rows(db.from('scans').select('id,at').order('at').range(4000, 4019))
  },
  async 'history of shipments by far offsets'({ db, rows }) {
    for (const at of [1200, 1300, 1400, 1500, 1600]) await rows(db.from('shipments').select('id,reference').order('created_at').range(at, at + 99))
  },
  async 'parcels moved to a depot, each with its scan'({ db, rows }) {
    for (const id of numbers(14, 500)) {
      await rows(db.from('parcels').update({ state: 'moved' }).eq('id', id))
      await rows(db.from('scans').insert({ parcel_id: id, depot_code: 'D3' }))
    }
  },
  async 'parcels moved to a depot in two calls'({ db, rows }) {
    const ids = numbers(14, 600)
    await rows(db.from('parcels').update({ state: 'moved' }).in('id', ids))
    await rows(db.from('scans').insert(ids.map((id) => ({ parcel_id: id, depot_code: 'D4' }))))
  },
  async 'references upserted in parallel'({ db, rows }) {
    await Promise.all(numbers(20).map((n) => rows(db.from('shipments').upsert(
      { reference: `NEW${n}`, depot_code: 'D1', status: 'new', weight: n, created_at: '2026-01-01' }, { onConflict: 'reference' }))))
  },
  async 'rows of a sheet in chunks of a hundred'({ db, rows }) {
    for (let at = 0; at < 400; at += 100) await rows(db.from('scans').insert(numbers(100, at + 1).map((id) => ({ parcel_id: id, depot_code: 'D2' }))))
  },
  async 'a chain of depots, each tells the next'({ db, rows }) {
    let at = 'D2'
    for (let n = 0; n < 4; n++) at = (await rows(db.from('vehicles').select('id,depot_code').gt('id', n * 9).neq('depot_code', at).order('id').limit(1)))[0].depot_code
  },
  async 'tracking page in five awaits'({ db, rows }) {
    await rows(db.from('shipments').select('reference,status').eq('id', 33).single())
    await rows(db.from('parcels').select('barcode,state').eq('shipment_id', 33))
    await rows(db.from('depots').select('code,name').order('code').limit(20))
    await rows(db.from('drivers').select('name').eq('id', 6).single())
    await rows(db.from('vehicles').select('plate').eq('depot_code', 'D9').limit(5))
  },
  async 'tracking page, shipment first and the rest at once'({ db, rows }) {
    const one = await rows(db.from('shipments').select('id,depot_code').eq('reference', 'REF000321').single())
    await Promise.all([rows(db.from('parcels').select('barcode,state').eq('shipment_id', one.id)), rows(db.from('depots').select('name').eq('code', one.depot_code).single())])
  },
  async 'name of a depot for each shipment of a list'({ db, rows }) {
    const list = await rows(db.from('shipments').select('id,depot_code').order('id').limit(30))
    for (const one of list) await rows(db.from('depots').select('name').eq('code', one.depot_code).single())
  },
  async 'name of a depot, kept in a map'({ db, rows }) {
    const list = await rows(db.from('shipments').select('id,depot_code').eq('status', 'new').order('id').limit(30))
    const names = new Map((await rows(db.from('depots').select('code,name'))).map((one) => [one.code, one.name]))
    list.map((one) => names.get(one.depot_code))
  },
  async 'a worker without names that takes job after job'({ anonymous, rows }) {
    const db = anonymous()
    for (const id of numbers(20, 700)) await rows(db.from('parcels').select('id,state').eq('id', id).single())
  },
  async 'a health check without a name'({ anonymous, rows }) {
    await rows(anonymous().from('depots').select('code').limit(1))
  },
}
