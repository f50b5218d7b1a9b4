// A clinic's application: server components, route handlers and admin pages.
const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)
const patient = (db, id) => db.from('patients').select('id,name').eq('id', id).single()

export default {
  async 'waiting room, a card per patient'({ db, rows }) {
    const today = await rows(db.from('appointments').select('id,patient_id').eq('doctor_id', 5).order('starts_at').limit(22))
    await Promise.all(today.map((one) => rows(patient(db, one.patient_id))))
  },
  async 'waiting room with an embed'({ db, rows }) {
    await rows(db.from('appointments').select('id,starts_at,patients(name)').eq('doctor_id', 5).order('starts_at').limit(22))
  },
  async 'lab values, one await per patient'({ db, rows }) {
    const list = await rows(db.from('patients').select('id').eq('doctor_id', 7).order('id').limit(18))
    for (const { id } of list) await rows(db.from('lab_results').select('marker,value').eq('patient_id', id).order('taken_at').limit(10))
  },
  async 'lab values of a list of patients'({ db, rows }) {
    const list = await rows(db.from('patients').select('id').eq('doctor_id', 7).order('id').limit(18))
    await rows(db.from('lab_results').select('patient_id,marker,value').in('patient_id', list.map(({ id }) => id)))
  },
  async 'two cards and their doctors'({ db, rows }) {
    await Promise.all([3, 9].map((id) => rows(db.from('doctors').select('name').eq('id', id).single())))
  },
  async 'server components that each load the viewer'({ db, rows, sleep }) {
    await Promise.all([0, 3, 7, 12, 18].map(async (at) => {
      await sleep(at)
      await rows(db.from('patients').select('id,name,email').eq('email', 'patient33@example.org').single())
    }))
  },
  async 'server components with a cached viewer'({ db, rows }) {
    const me = await rows(db.from('patients').select('id,doctor_id').eq('email', 'patient33@example.org').single())
    await Promise.all([rows(db.from('appointments').select('id,starts_at').eq('patient_id', me.id).limit(5)),
      rows(db.from('doctors').select('name,speciality').eq('id', me.doctor_id).single())])
  },
  async 'metadata and page both load the record'({ db, rows }) {
    await rows(db.from('patients').select('id,name,born').eq('id', 81).single())
    await rows(db.from('patients').select('id,name,born').eq('id', 81).single())
    await rows(db.from('appointments').select('id,status').eq('patient_id', 81).limit(10))
  },
  async 'record read again after its update'({ db, rows }) {
    await rows(db.from('patients').select('id,name,allergies').eq('id', 82).single())
    await rows(db.from('patients').update({ allergies: 'dust' }).eq('id', 82))
    await rows(db.from('patients').select('id,name,allergies').eq('id', 82).single())
  },
  async 'overview in six awaits'({ db, rows }) {
    await rows(db.from('clinics').select('id,name').order('id').limit(10))
    await rows(db.from('doctors').select('id,name').eq('speciality', 'heart').limit(20))
    await rows(db.from('appointments').select('id').eq('status', 'missed').order('id').limit(20))
    await rows(db.from('lab_results').select('id,value').eq('marker', 'iron').order('id').limit(20))
    await rows(db.from('patients').select('id,name').order('born').limit(10))
    await rows(db.from('depots').select('code').eq('region', 'north').limit(10))
  },
  async 'overview at once'({ db, rows }) {
    await Promise.all([rows(db.from('clinics').select('id,name').order('id').limit(10)), rows(db.from('doctors').select('id,name').eq('speciality', 'heart').limit(20)),
      rows(db.from('appointments').select('id').eq('status', 'missed').order('id').limit(20)), rows(db.from('patients').select('id,name').order('born').limit(10))])
  },
  async 'a chain from clinic to results'({ db, rows }) {
    const clinic = await rows(db.from('clinics').select('id').eq('name', 'Clinic 4').single())
    const [doctor] = await rows(db.from('doctors').select('id').eq('clinic_id', clinic.id).order('id').limit(1))
    const [one] = await rows(db.from('patients').select('id').eq('doctor_id', doctor.id).order('id').limit(1))
    await rows(db.from('lab_results').select('marker,value').eq('patient_id', one.id))
  },
  async 'patient page in five awaits of one id'({ db, rows }) {
    await rows(db.from('patients').select('name,born').eq('id', 210).single())
    await rows(db.from('appointments').select('starts_at,status').eq('patient_id', 210).order('starts_at').limit(10))
    await rows(db.from('lab_results').select('marker,value').eq('patient_id', 210).limit(20))
    await rows(db.from('doctors').select('name').eq('clinic_id', 2).limit(10))
    await rows(db.from('locales').select('code,name').limit(10))
  },
  async 'all patients to find one by e-mail'({ db, rows }) {
    const all = await rows(db.from('patients').select('id,email,doctor_id'))
    const me = all.find((one) => one.email === 'patient444@example.org')
    await rows(db.from('appointments').select('id,starts_at').eq('patient_id', me.id).order('id').limit(5))
  },
  async 'one patient found by e-mail'({ db, rows }) {
    const me = await rows(db.from('patients').select('id').eq('email', 'patient444@example.org').single())
    await rows(db.from('appointments').select('id,starts_at').eq('patient_id', me.id).order('id').limit(5))
  },
  async 'a page of patients to find one of a doctor'({ db, rows }) {
    const visit = await rows(db.from('appointments').select('id,doctor_id').eq('id', 777).single())
    const list = await rows(db.from('patients').select('id,name,doctor_id').order('id').limit(450))
    const one = list.find((each) => each.doctor_id === visit.doctor_id)
    await rows(db.from('lab_results').select('marker,value').eq('patient_id', one.id).limit(5))
  },
  async 'patients in a table with every column'({ db, rows }) {
    await rows(db.from('patients').select('*').order('name').limit(200))
  },
  async 'patients in a table with three columns'({ db, rows }) {
    await rows(db.from('patients').select('id,name,born').order('name').limit(50))
  },
  async 'patient form with every column'({ db, rows }) {
    await rows(db.from('patients').select('*').eq('id', 12).single())
  },
  async 'export of all lab values in one read'({ db, rows }) {
    await rows(db.from('lab_results').select('patient_id,marker,value'))
  },
  async 'export of lab values by ranges of a thousand'({ db, rows }) {
    for (let at = 0; at < 2000; at += 1000) await rows(db.from('lab_results').select('patient_id,marker').order('id').range(at, at + 999))
  },
  async 'every patient for an autocomplete'({ db, rows }) {
    await rows(db.from('patients').select('id,name,email'))
  },
  async 'clinics for a select box'({ db, rows }) {
    await rows(db.from('clinics').select('id,name'))
  },
  async 'appointments paged with an exact count'({ db }) {
    for (let n = 0; n < 5; n++)
      await db.from('appointments').select('id,starts_at,status', { count: 'exact' }).order('id').range(n * 20, n * 20 + 19)
  },
  async 'appointments paged with an estimated count'({ db }) {
    for (let n = 0; n < 5; n++)
      await db.from('appointments').select('id,starts_at,status', { count: 'estimated' }).order('id').range(n * 20, n * 20 + 19)
  },
  async 'number of missed appointments, once'({ db }) {
    await db.from('appointments').select('id', { count: 'exact', head: true }).eq('status', 'missed').eq('doctor_id', 4)
  },
  async 'appointments, page ninety-nine'({ db, rows }) {
    await rows(db.from('appointments').select('id,starts_at').order('starts_at').range(1980, 1999))
  },
  async 'appointments, the first four pages'({ db, rows }) {
    for (let n = 0; n < 4; n++) await rows(db.from('appointments').select('id,starts_at').order('starts_at').range(n * 25, n * 25 + 24))
  },
  async 'reminders marked one at a time'({ db, rows }) {
    const due = await rows(db.from('appointments').select('id').eq('status', 'booked').order('id').limit(20))
    for (const { id } of due) await rows(db.from('appointments').update({ status: 'reminded' }).eq('id', id))
  },
  async 'reminders marked with one list'({ db, rows }) {
    const due = await rows(db.from('appointments').select('id').eq('status', 'missed').order('id').limit(20))
    await rows(db.from('appointments').update({ status: 'reminded' }).in('id', due.map(({ id }) => id)))
  },
  async 'booking form that is sent once'({ db, rows }) {
    await rows(db.from('appointments').select('id').eq('doctor_id', 8).eq('starts_at', '2026-02-02T10:00:00Z').maybeSingle())
    await rows(db.from('appointments').insert({ patient_id: 4, doctor_id: 8, starts_at: '2026-02-02T10:00:00Z', status: 'booked' }).select('id').single())
    await rows(db.from('appointments').select('id,starts_at').eq('patient_id', 4).order('starts_at').limit(10))
  },
  async 'clinics on each of thirty pages'({ page, rows }) {
    for (const n of numbers(30)) {
      await Promise.all([rows(page(n).from('clinics').select('id,name,city')), rows(patient(page(n), n))])
    }
  },
  async 'thirty record pages without a common read'({ page, rows }) {
    for (const n of numbers(30)) {
      await rows(patient(page(n), 100 + n))
      await rows(page(n).from('appointments').select('id,status').eq('patient_id', 100 + n).order('id').limit(5))
    }
  },
  async 'handlers that answer one card each'(stage) {
    await stage.withServer(stage, (db, n) => stage.rows(patient(db, n + 1)), 12)
  },
  async 'handlers that load a ward each'(stage) {
    await stage.withServer(stage, async (db, n) => {
      const ids = numbers(15, 20 * n + 1)
      await Promise.all(ids.map((id) => stage.rows(patient(db, id))))
    }, 3)
  },
}
