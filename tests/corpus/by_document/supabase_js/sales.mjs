// Sales: boards, timelines, imports, reports and wrappers around fetch.
const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)
const ids = async ({ db, rows }, n) => (await rows(db.from('leads').select('id').order('company').limit(n))).map(({ id }) => id)

export default {
  async 'board of leads, an agent per card at once'({ db, rows }) {
    const cards = await rows(db.from('leads').select('id,company,agent_id').order('company').limit(30))
    await Promise.all(cards.map((card) => rows(db.from('agents').select('name').eq('id', card.agent_id).single())))
  },
  async 'board of leads with embedded agents'({ db, rows }) {
    await rows(db.from('leads').select('id,company,agents(name)').order('company').limit(30))
  },
  async 'lead page in four awaits of one id'({ db, rows }) {
    const id = '0b0c0d0e-0000-4000-8000-000000000001'
    await rows(db.from('leads').select('company,stage').eq('id', id).maybeSingle())
    await rows(db.from('activities').select('kind,at').eq('lead_id', id).limit(10))
    await rows(db.from('quotes').select('total').eq('lead_id', id).limit(10))
    await rows(db.from('contracts').select('signed_on').eq('lead_id', id).limit(10))
  },
  async 'lead page, all at once'({ db, rows }) {
    const id = '0b0c0d0e-0000-4000-8000-000000000002'
    await Promise.all([rows(db.from('leads').select('company,stage').eq('id', id).maybeSingle()), rows(db.from('activities').select('kind,at').eq('lead_id', id).limit(10)),
      rows(db.from('quotes').select('total').eq('lead_id', id).limit(10)), rows(db.from('contracts').select('signed_on').eq('lead_id', id).limit(10))])
  },
  async 'stage of ten leads set at once, a call each'(stage) {
    await Promise.all((await ids(stage, 10)).map((id) => stage.rows(stage.db.from('leads').update({ stage: 'won' }).eq('id', id))))
  },
  async 'stage of ten leads set by a list'(stage) {
    await stage.rows(stage.db.from('leads').update({ stage: 'talk' }).in('id', await ids(stage, 10)))
  },
  async 'leads imported, each looked up before'({ db, rows }) {
    for (const n of numbers(15, 900)) {
      const [known] = await rows(db.from('leads').select('id').eq('company', `Company ${n}`))
      if (!known) await rows(db.from('leads').insert({ company: `Company ${n}`, stage: 'new', value: n, note: '' }))
    }
  },
  async 'leads imported in one call'({ db, rows }) {
    await rows(db.from('leads').insert(numbers(15, 950).map((n) => ({ company: `Company ${n}`, stage: 'new', value: n, note: '' }))))
  },
  async 'report of the stages opened by six managers'({ page, rows }) {
    for (const n of numbers(6)) await rows(page(n).from('lead_report').select('stage,total'))
  },
  async 'report of the won leads opened once'({ db, rows }) {
    await rows(db.from('lead_report').select('stage,total').eq('stage', 'won'))
  },
  async 'all agents to find one by e-mail'({ db, rows }) {
    const one = (await rows(db.from('agents').select('id,email'))).find(({ email }) => email === 'agent9@example.org')
    await rows(db.from('leads').select('id,company').eq('agent_id', one.id).limit(20))
  },
  async 'all leads to find one by company'({ db, rows }) {
    const one = (await rows(db.from('leads').select('id,company'))).find(({ company }) => company === 'Company 300')
    await rows(db.from('activities').select('kind,at').eq('lead_id', one.id).limit(20))
  },
  async 'three hundred leads to find one of a stage'({ db, rows }) {
    const one = (await rows(db.from('leads').select('id,stage,value').order('value').limit(300))).find(({ value }) => value === 2500)
    await rows(db.from('quotes').select('total').eq('lead_id', one.id))
  },
  async 'leads listed with every column'({ db, rows }) {
    await rows(db.from('leads').select('*').order('company').limit(250))
  },
  async 'a lead read, changed and read again'({ db, rows }) {
    const [{ id }] = await rows(db.from('leads').select('id,stage').eq('company', 'Company 12'))
    await rows(db.from('leads').update({ stage: 'lost' }).eq('id', id))
    await rows(db.from('leads').select('id,stage').eq('company', 'Company 12'))
  },
  async 'role asked for by each of six server actions'({ db, rows }) {
    for (const kind of numbers(6)) {
      await rows(db.from('agents').select('id,region').eq('email', 'agent5@example.org').single())
      if (kind % 3 === 0) await rows(db.from('quotes').select('id').eq('id', kind))
    }
  },
  async 'a wrapper that stamps each call'({ page, rows }) {
    for (const n of [1, 2]) {
      await Promise.all(numbers(30, 30 * n).map((id) => rows(page(n).from('contracts').select('signed_on').eq('id', id).setHeader('X-Call-Id', `c-${n}-${id}`))))
    }
  },
  async 'stamped calls one after another'({ db, rows }) {
    for (const id of numbers(12, 200)) await rows(db.from('contracts').select('signed_on').eq('id', id).setHeader('X-Span', `s-${id}`))
  },
  async 'a tenant in a header of all calls of a page'({ db, rows }) {
    await Promise.all(numbers(12, 300).map((id) => rows(db.from('contracts').select('signed_on,lead_id').eq('id', id).setHeader('X-Tenant', 'blue'))))
  },
  async 'activities to the end by the last id'({ db, rows }) {
    for (let last = 0, n = 0; n < 5; n++) last = (await rows(db.from('activities').select('id,kind').gt('id', last).order('id').limit(900))).at(-1).id
  },
  async 'every lead by its id in one list'(stage) {
    const all = await ids(stage, 420)
    await stage.db.from('quotes').select('lead_id,total').in('lead_id', all).limit(10) // may fail: the answer's head repeats the list
  },
  async 'sixty leads by their ids in one list'(stage) {
    await stage.rows(stage.db.from('quotes').select('lead_id,total').in('lead_id', await ids(stage, 60)))
  },
  async 'totals of quotes by cursor of handlers'(stage) {
    await stage.withServer(stage, (db, n) => stage.rows(db.from('quotes').select('id,total').gt('id', 50 * n).order('id').limit(50)), 8)
  },
}
