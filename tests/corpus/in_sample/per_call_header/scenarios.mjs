// Pages whose client, or a gateway, adds a header to each call.
const keys = async ({ db, rows }, n) => (await rows(db.from('creators').select('id').order('handle').limit(n))).map(({ id }) => id)
const profile = (db, id) => db.from('creator_payout_profiles').select('method').eq('creator_id', id).maybeSingle()

// Pages one after another; on each, the profiles of all creators at once, with the header that `line` gives a call.
async function pages(stage, line) {
  const ids = await keys(stage, 30)
  for (const page of [1, 2]) {
    const db = stage.page(page)
    await Promise.all(ids.map((id, n) => stage.rows(profile(db, id).setHeader(...line(page, n)))))
  }
}

// The profiles of a page one after another, with the header that `line` gives a call.
async function inTurn(stage, line) {
  const ids = await keys(stage, 14)
  for (const [n, id] of ids.entries()) await stage.rows(profile(stage.db, id).setHeader(...line(n)))
}

// The same creator read by several parts of a page, at once or in turn, with the header that `line` gives a call.
const read = (db, n, line) => db.from('creators').select('id,handle').order('handle').limit(3).setHeader(...line(n))
const parts = ({ db, rows }, count, line) => Promise.all(Array.from({ length: count }, (_, n) => rows(read(db, n, line))))

async function partsInTurn({ db, rows }, count, line) {
  for (let n = 0; n < count; n++) await rows(read(db, n, line))
}

export default {
  'profiles, each call with an id of its own': (stage) => pages(stage, (page, n) => ['X-Call', `${page}-${n}`]),
  'profiles, one id per page': (stage) => pages(stage, (page) => ['X-Call', `page-${page}`]),
  'profiles of four tenants': (stage) => pages(stage, (_, n) => ['X-Shop', `shop-${n % 4}`]),
  'profiles in turn, each call with a request id': (stage) => inTurn(stage, (n) => ['X-Request-Id', `r-${n}`]),
  'profiles in turn, each call with an idempotency key': (stage) => inTurn(stage, (n) => ['Idempotency-Key', `k-${n}`]),
  'profiles in turn, each call with a span of its own': (stage) => inTurn(stage, (n) => ['X-Span', `s-${n}`]),
  'one list for five parts of a page, each call with a request id': (stage) => parts(stage, 5, () => ['X-Request-Id', crypto.randomUUID()]),
  'one list in turn, each call with a call id': (stage) => partsInTurn(stage, 4, (n) => ['X-Call-Id', `${n}`]),
  'one list for two parts of a page, each call with a request id': (stage) => parts(stage, 2, () => ['X-Request-Id', crypto.randomUUID()]),
  'one list for five tenants': (stage) => parts(stage, 5, (n) => ['X-Tenant', `t-${n}`]),
}
