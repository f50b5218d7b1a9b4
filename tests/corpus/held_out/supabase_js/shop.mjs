// The shop's own pages, as customers and Next.js-like handlers ask for them.
const idsOf = async ({ db, rows }, table, n, from = 0) =>
  (await rows(db.from(table).select('id').order('id').range(from, from + n - 1))).map(({ id }) => id)
const itemsOf = (db, order) => db.from('order_items').select('product_id,quantity,price').eq('order_id', order)
const product = (db, id) => db.from('products').select('id,name,price').eq('id', id).single()
const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)

// As the dataloader package: all keys that are asked for in one turn of the loop are one call.
function loader(load) {
  let waiting = []
  return (key) => new Promise((resolve) => {
    waiting.push([key, resolve])
    if (waiting.length > 1) return
    setImmediate(async () => {
      const batch = waiting
      waiting = []
      const found = await load([...new Set(batch.map(([one]) => one))])
      for (const [one, answer] of batch) answer(found.get(one))
    })
  })
}

export default {
  async 'order history with the items of each order'({ db, rows }) {
    const orders = await rows(db.from('orders').select('id,status,total').order('placed_at', { ascending: false }).limit(18))
    await Promise.all(orders.map(({ id }) => rows(itemsOf(db, id))))
  },
  async 'order history with embedded items'({ db, rows }) {
    await rows(db.from('orders').select('id,status,total,order_items(quantity,products(name,price))').order('placed_at', { ascending: false }).limit(18))
  },
  async 'resolvers without a loader'({ db, rows }) {
    const orders = await rows(db.from('orders').select('id').order('id').limit(10))
    await Promise.all(orders.map(async ({ id }) => {
      const items = await rows(itemsOf(db, id))
      await Promise.all(items.map((item) => rows(product(db, item.product_id))))
    }))
  },
  async 'resolvers with a loader'({ db, rows }) {
    const many = (table, column, columns) => loader(async (keys) => {
      const found = new Map(keys.map((key) => [key, []]))
      for (const row of await rows(db.from(table).select(columns).in(column, keys))) found.get(row[column]).push(row)
      return found
    })
    const items = many('order_items', 'order_id', 'order_id,product_id')
    const products = many('products', 'id', 'id,name')
    const orders = await rows(db.from('orders').select('id').order('id').limit(10))
    await Promise.all(orders.map(async ({ id }) => Promise.all((await items(id)).map((item) => products(item.product_id)))))
  },
  async 'flags checked one by one at once'({ db, rows }) {
    await Promise.all(numbers(8).map((n) => rows(db.from('feature_flags').select('enabled').eq('name', `flag_${n}`).maybeSingle())))
  },
  async 'links prefetched as a list appears'({ db, rows }) {
    const list = await rows(db.from('products').select('id,name').order('name').limit(16))
    await Promise.all(list.map(({ id }) => rows(db.from('products').select('*').eq('id', id).single())))
  },
  async 'basket priced line by line'(stage) {
    for (const id of await idsOf(stage, 'products', 14, 40)) await stage.rows(product(stage.db, id))
  },
  async 'basket priced by one list'(stage) {
    const ids = await idsOf(stage, 'products', 14, 40)
    await stage.rows(stage.db.from('products').select('id,price').in('id', ids))
  },
  async 'currency looked up for each line'({ db, rows }) {
    const orders = await rows(db.from('orders').select('id,customers(country)').order('id').limit(24))
    for (const { id } of orders) await rows(db.from('exchange_rates').select('rate').eq('currency', ['EUR', 'USD', 'GBP', 'SEK'][id % 4]).single())
  },
  async 'breadcrumb walked up to the root'({ db, rows }) {
    for (let at = 26; at; ) at = (await rows(db.from('categories').select('id,parent_id,name').eq('id', at).single())).parent_id
  },
  async 'category tree read node by node'({ db, rows }) {
    const left = [1]
    while (left.length) {
      const children = await rows(db.from('categories').select('id,name').eq('parent_id', left.shift()))
      left.push(...children.map(({ id }) => id))
    }
  },
  async 'category tree read at once'({ db, rows }) {
    await rows(db.from('categories').select('id,parent_id,name'))
  },
  async 'session read by layout, header, sidebar and page'({ db, rows, sleep }) {
    await Promise.all([0, 4, 9, 15].map(async (at) => {
      await sleep(at)
      await rows(db.from('customers').select('id,name,segment').eq('email', 'customer_7@example.com').single())
    }))
  },
  async 'nine components without a cache'({ db, rows }) {
    await Promise.all(numbers(9).map(() => rows(db.from('feature_flags').select('name,enabled'))))
  },
  async 'profile checked before each of six reads'({ db, rows }) {
    const reads = [['orders', 'customer_id', 12], ['notifications', 'customer_id', 12], ['tickets', 'assignee_id', 3],
      ['messages', 'author_id', 3], ['ticket_comments', 'author_id', 3], ['products', 'category_id', 3]]
    for (const [table, column, value] of reads) {
      await rows(db.from('customers').select('id,segment').eq('id', 12).single())
      await rows(db.from(table).select('id').eq(column, value).order('id').limit(10))
    }
  },
  async 'a price in the currency of a customer'({ db, rows }) {
    const { country } = await rows(db.from('customers').select('country').eq('id', 30).single())
    const { currency } = await rows(db.from('countries').select('currency').eq('code', country).single())
    await rows(db.from('exchange_rates').select('rate').eq('currency', currency).single())
  },
  async 'related products by way of the category'({ db, rows }) {
    const { category_id } = await rows(db.from('products').select('id,category_id').eq('sku', 'SKU-77').single())
    const { parent_id } = await rows(db.from('categories').select('parent_id').eq('id', category_id).single())
    const siblings = await rows(db.from('categories').select('id').eq('parent_id', parent_id))
    await rows(db.from('products').select('id,name').in('category_id', siblings.map(({ id }) => id)).limit(8))
  },
  async 'a guard, then the page at once'({ db, rows }) {
    await rows(db.from('customers').select('segment').eq('id', 41).single())
    await Promise.all(['orders', 'notifications'].map((table) => rows(db.from(table).select('id').eq('customer_id', 41).limit(20))))
  },
  async 'account page in five awaits'({ db, rows }) {
    await rows(db.from('customers').select('name,email').eq('id', 52).single())
    await rows(db.from('orders').select('id,total').eq('customer_id', 52))
    await rows(db.from('notifications').select('id,body').eq('customer_id', 52).limit(20))
    await rows(db.from('countries').select('code,name'))
    await rows(db.from('feature_flags').select('name,enabled'))
  },
  async 'all products to find one by its article number'({ db, rows }) {
    const found = (await rows(db.from('products').select('id,sku,name'))).find(({ sku }) => sku === 'SKU-123')
    await rows(db.from('order_items').select('order_id,quantity').eq('product_id', found.id).limit(20))
  },
  async 'shoppers who open a product each'({ page, rows }) {
    await Promise.all(numbers(30).map(async (n) => {
      const db = page(n)
      const one = await rows(db.from('products').select('*').eq('id', n).single())
      await Promise.all([rows(db.from('categories').select('name').eq('id', one.category_id)),
        rows(db.from('order_items').select('quantity').eq('product_id', n).limit(10))])
    }))
  },
  async 'countries and flags read at every checkout'({ page, rows }) {
    for (const n of numbers(24)) {
      await Promise.all([rows(page(n).from('countries').select('code,name,vat')), rows(page(n).from('feature_flags').select('*')),
        rows(page(n).from('orders').select('id,total').eq('customer_id', n))])
    }
  },
  async 'newest messages on every page'({ page, rows }) {
    for (const n of numbers(24)) {
      await Promise.all([rows(page(n).from('messages').select('id,body').order('sent_at', { ascending: false }).limit(10)),
        rows(page(n).from('customers').select('name').eq('id', n).single())])
    }
  },
  async 'a slow chart on seven pages'({ page, rows }) {
    for (const n of numbers(7)) await rows(page(n).from('revenue_by_country').select('country,revenue').limit(8))
  },
  async 'handlers that fan out'({ withServer, ...stage }) {
    await withServer(stage, (db, n) => Promise.all(numbers(10, 10 * n + 1).map((id) => stage.rows(product(db, id)))), 6)
  },
  async 'handlers that await in a loop'({ withServer, ...stage }) {
    await withServer(stage, async (db, n) => {
      for (const order of numbers(9, 9 * n + 100)) await stage.rows(itemsOf(db, order))
    }, 3)
  },
  async 'handlers of one page for many'({ withServer, ...stage }) {
    await withServer(stage, async (db, n) => {
      await Promise.all([stage.rows(db.from('feature_flags').select('name,enabled')),
        stage.rows(db.from('customers').select('name').eq('id', n + 1).single()), stage.rows(product(db, n + 1))])
    }, 14)
  },
}
