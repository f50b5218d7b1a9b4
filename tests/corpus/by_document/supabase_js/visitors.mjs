// What people do, and what timers do: typing, hovering, scrolling, retrying, mail that takes its time.
const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)
const uneven = [260, 330, 210, 420, 290, 250, 380, 240]

export const together = {
  async 'name of a company checked while it is typed'({ db, sleep }) {
    for (let typed = 3; typed < 11; typed++) {
      await db.from('leads').select('id').eq('company', 'Company 31'.slice(0, typed)).maybeSingle()
      await sleep(150 + 30 * (typed % 4))
    }
  },
  async 'halls on a map under a moving pointer'({ db, rows, sleep }) {
    await rows(db.from('venues').select('id,name').order('id'))
    for (const [n, id] of [7, 2, 11, 4, 9, 1, 6, 12].entries()) {
      await sleep(uneven[n])
      await rows(db.from('venues').select('name,city').eq('id', id).single())
    }
  },
  async 'tabs of a lead opened by hand'({ db, rows, sleep }) {
    for (const table of ['activities', 'quotes', 'contracts', 'agents']) {
      await rows(db.from(table).select('id').limit(10))
      await sleep(620)
    }
  },
  async 'a search box that asks by a pattern'({ db, rows, sleep }) {
    for (let typed = 1; typed < 9; typed++) {
      await rows(db.from('recipes').select('id,title').ilike('title', `${'Recipe 2'.slice(0, typed)}%`).limit(8))
      await sleep(130)
    }
  },
  async 'endless scroll of recipes'({ db, rows, sleep }) {
    for (let last = 0, n = 0; n < 6; n++) {
      last = (await rows(db.from('recipes').select('id,title').gt('id', last).order('id').limit(12))).at(-1).id
      await sleep(410)
    }
  },
  async 'a form that is saved field by field'({ db, rows, sleep }) {
    for (const value of numbers(6)) {
      await rows(db.from('leads').update({ value }).eq('company', 'Company 44'))
      await sleep(700)
    }
  },
  async 'a row waited for with growing pauses'({ db, sleep }) {
    for (const pause of [200, 400, 800]) {
      await db.from('contracts').select('id').eq('id', 99999).maybeSingle()
      await sleep(pause)
    }
  },
  async 'letters to agents by a slow mailer'({ db, rows, sleep }) {
    const list = await rows(db.from('agents').select('id').order('name').limit(10))
    for (const { id } of list) {
      await rows(db.from('agents').select('name,email').eq('id', id).single())
      await sleep(240)
    }
  },
  async 'progress of a run asked for by a timer'({ db, rows, sleep }) {
    for (let n = 0; n < 8; n++) {
      await rows(db.from('job_runs').select('state,progress').eq('id', 4).single())
      await sleep(350)
    }
  },
}
