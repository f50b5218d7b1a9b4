// Sensors: tiles, alerts, charts and control rooms.
const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)

export default {
  async 'a tile per sensor with its newest value'({ db, rows }) {
    await Promise.all(numbers(20).map((id) => rows(db.from('measurements').select('value,at').eq('sensor_id', id).order('at', { ascending: false }).limit(1))))
  },
  async 'tiles from a list of sensors'({ db, rows }) {
    await rows(db.from('sensors').select('id,label,alerts(level)').in('id', numbers(20)))
  },
  async 'a dashboard that refreshes each second'({ db, rows, sleep }) {
    for (let n = 0; n < 6; n++) {
      await rows(db.from('alerts').select('id,level').eq('open', true).order('id').limit(20))
      await sleep(1000)
    }
  },
  async 'alerts closed, and the open ones listed after each'({ db, rows }) {
    for (const id of numbers(6, 20)) {
      await rows(db.from('alerts').update({ open: false }).eq('id', id))
      await rows(db.from('alerts').select('id,sensor_id').eq('open', true).order('id').limit(50))
    }
  },
  async 'alerts closed by a list, and listed once'({ db, rows }) {
    await rows(db.from('alerts').update({ open: false }).in('id', numbers(6, 40)))
    await rows(db.from('alerts').select('id,sensor_id').eq('open', true).order('id').limit(50))
  },
  async 'values of half a day for a chart'({ db, rows }) {
    await rows(db.from('measurements').select('at,value').gte('at', '2026-02-03T00:00:00Z').lt('at', '2026-02-03T12:00:00Z'))
  },
  async 'all values for a chart'({ db, rows }) {
    await rows(db.from('measurements').select('at,value').order('at'))
  },
  async 'three days of values for a chart'({ db, rows }) {
    await rows(db.from('measurements').select('at,value').gte('at', '2026-02-10T00:00:00Z').lt('at', '2026-02-13T00:00:00Z'))
  },
  async 'values, page sixty-one'({ db, rows }) {
    await rows(db.from('measurements').select('id,value').order('id').range(1500, 1524))
  },
  async 'control room of thirty-six reads'({ db, rows }) {
    const tables = ['sites', 'sensors', 'measurements', 'alerts', 'limits', 'job_runs', 'venues', 'units', 'cooks', 'pipelines', 'agents', 'quotes']
    await Promise.all(tables.flatMap((table) => [1, 2, 3].map((n) => rows(db.from(table).select('*').limit(n)))))
  },
  async 'control room of nine reads'({ db, rows }) {
    const tables = ['sites', 'sensors', 'measurements', 'alerts', 'limits', 'job_runs', 'venues', 'units', 'cooks']
    await Promise.all(tables.map((table) => rows(db.from(table).select('*').limit(5))))
  },
  async 'name of the site for each sensor'({ db, rows }) {
    const list = await rows(db.from('sensors').select('id,site_code').order('id').limit(16))
    for (const one of list) await rows(db.from('sites').select('name').eq('code', one.site_code).single())
  },
  async 'name of the site for three sensors'({ db, rows }) {
    for (const code of ['S1', 'S2', 'S3']) await rows(db.from('sites').select('name').eq('code', code).single())
  },
  async 'limits read before each value is written'({ db, rows }) {
    for (const n of numbers(8)) {
      await rows(db.from('limits').select('low,high').eq('sensor_kind', 'heat').single())
      await rows(db.from('measurements').insert({ sensor_id: n, value: 21 }))
    }
  },
  async 'limits read once before the values are written'({ db, rows }) {
    await rows(db.from('limits').select('low,high').eq('sensor_kind', 'noise').single())
    await rows(db.from('measurements').insert(numbers(8).map((n) => ({ sensor_id: n, value: 22 }))))
  },
  async 'from a site to its sensors to an alert'({ db, rows }) {
    const [site] = await rows(db.from('sites').select('code').eq('name', 'Site 3'))
    const [one] = await rows(db.from('sensors').select('id').eq('site_code', site.code).order('id').limit(1))
    await rows(db.from('alerts').select('id,level').eq('sensor_id', one.id))
  },
  async 'alarm room in four awaits'({ db, rows }) {
    await rows(db.from('sites').select('code,name').order('code').limit(8))
    await rows(db.from('alerts').select('id,sensor_id').eq('open', true).order('id').limit(20))
    await rows(db.from('job_runs').select('id,name').order('id').limit(20))
    await rows(db.from('limits').select('low,high').order('sensor_kind').limit(3))
  },
}
