// The back office: boards, grids, forms, imports and workers.
const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)
const statuses = ['placed', 'paid', 'shipped', 'returned', 'lost', 'refunded']
const TILES = (db, country) => [
  db.from('customers').select('id').eq('country', country).limit(5),
  db.from('customers').select('email').eq('country', country).eq('segment', 'new').limit(5),
  db.from('customers').select('id,orders(total)').eq('country', country).limit(5),
  db.from('countries').select('vat').eq('code', country),
  db.from('countries').select('name,currency').eq('code', country),
  db.from('orders').select('id,customers!inner(country)').eq('customers.country', country).limit(5),
  db.from('orders').select('total,customers!inner(country)').eq('customers.country', country).order('total').limit(5),
  db.from('notifications').select('id,customers!inner(country)').eq('customers.country', country).limit(5),
  db.from('notifications').select('body,customers!inner(country)').eq('customers.country', country).is('read_at', null).limit(5),
  db.from('customers').select('name').eq('country', country).order('created_at').limit(5),
  db.from('customers').select('created_at').eq('country', country).eq('segment', 'gone').limit(5),
  db.from('orders').select('placed_at,customers!inner(country)').eq('customers.country', country).eq('status', 'returned').limit(5),
]

export default {
  async 'board whose cards load their assignee'({ db, rows }) {
    const cards = await rows(db.from('tickets').select('id,subject,assignee_id').order('position').limit(40))
    await Promise.all(cards.map((card) => rows(db.from('staff').select('name,avatar_url').eq('id', card.assignee_id).single())))
  },
  async 'grid whose rows count their comments'({ db, rows }) {
    const tickets = await rows(db.from('tickets').select('id,subject').order('id').limit(25))
    await Promise.all(tickets.map(({ id }) => db.from('ticket_comments').select('*', { count: 'exact', head: true }).eq('ticket_id', id)))
  },
  async 'grid with embedded counts'({ db, rows }) {
    await rows(db.from('tickets').select('id,subject,ticket_comments(count)').order('id').limit(25))
  },
  async 'newest message of each room'({ db, rows }) {
    await Promise.all(numbers(12).map((room) =>
      rows(db.from('messages').select('body,sent_at').eq('room_id', room).order('id', { ascending: false }).limit(1).maybeSingle())))
  },
  async 'badges of six folders'({ db }) {
    await Promise.all(statuses.map((status) => db.from('orders').select('*', { count: 'exact', head: true }).eq('status', status)))
  },
  async 'rights asked row by row'({ db, rows }) {
    await Promise.all(numbers(20).map((ticket) => rows(db.rpc('can_edit', { ticket, who: 3 }))))
  },
  async 'rights asked row by row with GET'({ db, rows }) {
    await Promise.all(numbers(20).map((ticket) => rows(db.rpc('can_edit', { ticket, who: 3 }, { get: true }))))
  },
  async 'positions saved card by card'({ db, rows }) {
    await Promise.all(numbers(25).map((id) => rows(db.from('tickets').update({ position: 100 + id }).eq('id', id))))
  },
  async 'positions saved by one upsert'({ db, rows }) {
    const cards = await rows(db.from('tickets').select('*').order('id').limit(25))
    await rows(db.from('tickets').upsert(cards.map((card) => ({ ...card, position: card.position + 1 }))))
  },
  async 'notifications marked as read one by one'({ db, rows }) {
    const unread = await rows(db.from('notifications').select('id').eq('customer_id', 5).is('read_at', null).order('id').limit(15))
    for (const { id } of unread) await rows(db.from('notifications').update({ read_at: '2025-01-01' }).eq('id', id))
  },
  async 'notifications marked as read at once'({ db, rows }) {
    await rows(db.from('notifications').update({ read_at: '2025-01-01' }).eq('customer_id', 6).is('read_at', null))
  },
  async 'basket lines deleted and inserted again'({ db, rows }) {
    for (const { id, product_id } of await rows(db.from('order_items').select('id,product_id').in('order_id', [11, 12, 13]))) {
      await rows(db.from('order_items').delete().eq('id', id))
      await rows(db.from('order_items').insert({ order_id: 11, product_id, quantity: 1, price: 1 }))
    }
  },
  async 'invoice lines saved, the total read after each'({ db, rows }) {
    const lines = await rows(db.from('order_items').select('id').in('order_id', [21, 22, 23]).limit(7))
    for (const { id } of lines) {
      await rows(db.from('order_items').update({ quantity: 2 }).eq('id', id))
      const all = await rows(db.from('order_items').select('quantity,price').in('order_id', [21, 22, 23]))
      await rows(db.from('orders').update({ total: all.reduce((sum, one) => sum + one.quantity * one.price, 0) }).eq('id', 21))
    }
  },
  async 'changed by a list, then read row by row'({ db, rows }) {
    const ids = numbers(10, 60)
    await rows(db.from('tickets').update({ status: 'closed' }).in('id', ids))
    await Promise.all(ids.map((id) => rows(db.from('tickets').select('id,status').eq('id', id).single())))
  },
  async 'forms saved by eight people'({ page, rows }) {
    await Promise.all(numbers(8).map(async (n) => {
      await rows(page(n).from('customers').select('name,email').eq('id', n).single())
      await rows(page(n).from('customers').update({ segment: 'regular' }).eq('id', n))
      await rows(page(n).from('audit_log').insert({ what: `customer ${n} changed` }))
    }))
  },
  async 'a free name for an article'({ db }) {
    for (const slug of ['news', 'news-2', 'news-3', 'news-4', 'news-5', 'news-6', 'news-7']) {
      const { error } = await db.from('articles').insert({ slug, title: 'News' })
      if (!error) break
    }
  },
  async 'outbox sent letter by letter'({ db, rows, sleep }) {
    for (let n = 0; n < 8; n++) {
      const [letter] = await rows(db.from('outbox').select('id,address').eq('status', 'waiting').order('id').limit(1))
      await sleep(150)
      await rows(db.from('outbox').update({ status: 'sent' }).eq('id', letter.id))
    }
  },
  async 'invoices printed one after another'({ db, rows, sleep }) {
    const orders = await rows(db.from('orders').select('id,customer_id').eq('status', 'paid').order('id').limit(12))
    for (const { customer_id } of orders) {
      await rows(db.from('customers').select('name,email').eq('id', customer_id).single())
      await sleep(90)
    }
  },
  async 'tickets of a list with their texts'({ db, rows }) {
    await rows(db.from('tickets').select('*').order('updated_at', { ascending: false }))
  },
  async 'tickets of a list by name'({ db, rows }) {
    await rows(db.from('tickets').select('id,subject,status').order('updated_at', { ascending: false }).limit(50))
  },
  async 'one ticket with all columns for its form'({ db, rows }) {
    await Promise.all([rows(db.from('tickets').select('*').eq('id', 80).single()), rows(db.from('ticket_comments').select('*').eq('ticket_id', 80))])
  },
  async 'shipped orders for a spreadsheet'({ db, rows }) {
    await rows(db.from('orders').select('id,total').eq('status', 'shipped'))
  },
  async 'revenue added up by the application'({ db, rows }) {
    await rows(db.from('orders').select('total'))
  },
  async 'revenue added up in pages of a thousand'({ db, rows }) {
    for (let last = 0, page; !page || page.length === 1000; last = page.at(-1)?.id) {
      page = await rows(db.from('orders').select('id,total').gt('id', last).order('id').limit(1000))
    }
  },
  async 'page ninety of the orders'({ db, rows }) {
    await rows(db.from('orders').select('id,status,total').order('placed_at', { ascending: false }).range(1780, 1799))
  },
  async 'pages one, two, three and seven of the orders'({ db, rows }) {
    for (const n of [1, 2, 3, 7]) {
      await rows(db.from('orders').select('id,status,total').order('placed_at', { ascending: false }).range(20 * n - 20, 20 * n - 1))
    }
  },
  async 'grid that counts on every page'({ db, rows }) {
    for (let at = 0; at < 125; at += 25) {
      await rows(db.from('orders').select('id,total', { count: 'exact' }).eq('status', 'paid').order('id').range(at, at + 24))
    }
  },
  async 'start page of thirty-six tiles'({ db, rows }) {
    for (const country of ['FR', 'DE', 'SE']) await Promise.all(TILES(db, country).map(rows))
  },
  async 'start page of twelve tiles'({ db, rows }) {
    await Promise.all(TILES(db, 'PL').map(rows))
  },
  async 'sixteen hundred videos by their ids'({ db, rows }) {
    const ids = []
    for (const at of [0, 800]) ids.push(...(await rows(db.from('videos').select('id').order('id').range(at, at + 799))).map(({ id }) => id))
    await db.from('videos').select('id,status').in('id', ids) // refused
  },
  async 'a wish list of a hundred and eighty ids'({ db, rows }) {
    await rows(db.from('products').select('id,name,stock').in('id', numbers(180)))
  },
  async 'a chart that takes long, once a month'({ page, rows }) {
    for (const n of numbers(2)) await rows(page(n).from('revenue_by_country').select('country,orders').order('orders').limit(3))
  },
  async 'a script without names that loops'({ anonymous, rows, sleep }) {
    await sleep(300) // until the traces before it have closed
    for (const id of numbers(15, 200)) await rows(anonymous().from('products').select('stock').eq('id', id).single())
    await sleep(300)
  },
  async 'a script without names that reads in pages'({ anonymous, rows, sleep }) {
    for (let last = 0, n = 0; n < 6; n++) {
      last = (await rows(anonymous().from('notifications').select('id,body').gt('id', last).order('id').limit(100))).at(-1).id
    }
    await sleep(300)
  },
}
