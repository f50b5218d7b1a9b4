// The everyday calls of supabase-js, all in flight at once, in three rounds. Prints what the application got, as JSON.
// node everyday_calls.cjs NODE_MODULES URL root|mount AUTHORS_JSON TOKENS_JSON
const { clientOf, together } = require('./supabase_client.cjs')
const [modules, url, where, authorsJson, tokensJson] = process.argv.slice(2)
const authors = JSON.parse(authorsJson)
const tokens = JSON.parse(tokensJson)
const ROUNDS = 3
const KEYS = 8 // of which the last is missing

const client = (token, schema = 'app') => clientOf(modules, url, token, { schema, root: where === 'root' })
const db = client(tokens.service)
const ann = client(tokens.ann)
const nobody = client(tokens.anon)

// Look-alikes that differ in one key.
const fans = {
  'maybeSingle by uuid': (n) => db.from('author').select('*').eq('id', authors[n]).maybeSingle(),
  'array by uuid': (n) => db.from('author').select('id,name').eq('id', authors[n]),
  'single by number': (n) => db.from('book').select('title').eq('id', n < 7 ? 20 + n : 5000).single(),
  'count by number': (n) => db.from('book').select('id', { count: 'exact' }).eq('id', 30 + n),
  'embed by number': (n) => db.from('book').select('title,author(name)').eq('id', 40 + n).maybeSingle(),
  'two filters': (n) => db.from('book').select('price').eq('id', 50 + n).gt('price', 1).maybeSingle(),
  'limit by uuid': (n) => db.from('author').select('name').eq('id', authors[n]).limit(1).maybeSingle(),
  'without nulls': (n) => db.from('author').select('name,note').eq('id', authors[n]).stripNulls(),
  'one without nulls': (n) => db.from('book').select('id,price').eq('id', n < 7 ? 60 + n : 5000).stripNulls().single(),
  'own row': (n) => ann.from('secret').select('words').eq('id', 1 + n).maybeSingle(),
  'several rows in order': (n) => db.from('book').select('id,title').eq('author_id', authors[n]).order('id'),
  'several rows': (n) => db.from('book').select('id,at').eq('author_id', authors[n]),
  'head by number': (n) => db.from('book').select('*', { count: 'exact', head: true }).eq('id', 70 + n),
  'csv by number': (n) => db.from('book').select('id,title').eq('id', 80 + n).csv(),
  'text key': (n) => db.from('author').select('born').eq('name', `author ${n}`).maybeSingle(),
  'json key': (n) => db.from('book').select('id').eq('extra->>pages', String(90 + n)).maybeSingle(),
  'function by GET': (n) => db.rpc('plus', { a: n, b: 1 }, { get: true }),
  'function by POST': (n) => db.rpc('plus', { a: n, b: 2 }),
}

const reads = {
  'all': () => db.from('author').select().order('id'),
  'order': () => db.from('book').select('id,price').order('price', { ascending: false, nullsFirst: true }).order('id'),
  'range': () => db.from('book').select('id').order('id').range(10, 19),
  'range beyond the end': () => db.from('book').select('id', { count: 'exact' }).order('id').range(500, 509),
  'limit': () => db.from('book').select('id,title').order('at', { ascending: false }).limit(3),
  'not equal': () => db.from('book').select('id').neq('id', 3).lt('id', 9).order('id'),
  'between': () => db.from('book').select('id').gte('price', 10).lte('price', 20.5).gt('id', 2).order('id'),
  'like': () => db.from('book').select('id').like('title', '%1%').ilike('title', 'BOOK 1%').order('id'),
  'is null': () => db.from('author').select('name').is('note', null).order('id'),
  'in a list': () => db.from('book').select('id,title').in('id', [5, 3, 99, 4000]).order('id'),
  'in a list of text': () => db.from('author').select('name').in('name', ['author 1', 'a,b', '"q"', '']).order('id'),
  'contains': () => db.from('book').select('id').contains('tags', ['t1']).contains('extra', { kind: 'k1' }).order('id'),
  'overlaps': () => db.from('book').select('id').overlaps('tags', ['t4', 't2']).order('id').limit(9),
  'contained by': () => db.from('book').select('id').containedBy('tags', ['t0', 't1']).order('id'),
  'or': () => db.from('book').select('id').or('id.eq.1,and(id.gt.5,id.lt.8),title.like.*20*').order('id'),
  'not': () => db.from('book').select('id').not('id', 'in', '(1,2,3)').lt('id', 6).order('id'),
  'match': () => db.from('book').select('id').match({ id: 7, title: 'book 7 of the sea' }),
  'filter': () => db.from('book').select('id').filter('extra->>kind', 'eq', 'k2').order('id').limit(4),
  'text search': () => db.from('book').select('id').textSearch('title', `'sea' & '12'`, { config: 'english' }),
  'embed in order': () => db.from('author').select('name,book(title)').order('id').limit(5)
    .order('title', { referencedTable: 'book' }).limit(2, { referencedTable: 'book' }),
  'inner embed': () => db.from('book').select('id,author!inner(name)').eq('author.name', 'author 4').order('id'),
  'json paths': () => db.from('book').select('id,extra->kind,pages:extra->>pages').order('id').limit(3),
  'planned count': () => db.from('book').select('id', { count: 'planned' }).eq('id', 1),
  'estimated count': () => db.from('book').select('id', { count: 'estimated' }).gt('id', 100).order('id'),
  'head': () => db.from('book').select('*', { count: 'exact', head: true }),
  'csv': () => db.from('author').select('name,note').order('id').csv(),
  'csv of nothing': () => db.from('author').select('name').eq('name', 'nobody').csv(),
  'rows behind a policy': () => ann.from('secret').select('*').lt('id', 20).order('id'),
  'rows for nobody': () => nobody.from('secret').select('*'),
  'function with rows': () => db.rpc('books_of', { author: authors[1] }).gt('id', 10).order('id'),
  'function with rows by GET': () => db.rpc('books_of', { author: authors[2] }, { get: true, count: 'exact' }).limit(2),
  'function head': () => db.rpc('books_of', { author: authors[3] }, { head: true, count: 'exact' }),
  'function, one row of it': () => db.rpc('books_of', { author: authors[4] }).eq('id', 3).maybeSingle(),
}

const failures = {
  'single of several': () => db.from('book').select('id').lt('id', 4).single(),
  'single of none': () => db.from('book').select('id').eq('id', 6000).single(),
  'maybeSingle of several': () => db.from('book').select('id').lt('id', 4).maybeSingle(),
  'an error thrown': () => db.from('book').select('id').eq('id', 7000).single().throwOnError(),
  'unknown column': () => db.from('book').select('nope').eq('id', 1),
  'unknown column in a filter': () => db.from('book').select('id').eq('nope', 1),
  'unknown column in the order': () => db.from('book').select('id').eq('id', 1).order('nope'),
  'unknown table': () => db.from('nowhere').select().eq('id', 1),
  'unknown embed': () => db.from('book').select('id,nowhere(id)').eq('id', 1),
  'unknown schema': () => db.schema('nowhere').from('book').select().eq('id', 1),
  'unknown function': () => db.rpc('nothing', { a: 1 }),
  'bad uuid': () => db.from('author').select('name').eq('id', 'not-a-uuid'),
  'bad number': () => db.from('book').select('id').eq('id', 'x'),
  'no such person': () => client('a.bad.token').from('book').select('id').eq('id', 1),
  'a table that is closed': () => nobody.from('closed').select().eq('id', 1),
  'a plan that nobody may see': () => db.from('book').select().explain(),
  'a function that fails': () => db.rpc('fail', { what: 'x' }),
  'a function that fails by GET': () => db.rpc('fail', { what: 'y' }, { get: true }),
}

// Each write has a row of its own: those of round r are r * 100 + 1 to r * 100 + 99.
const writes = (r, row = (n) => r * 100 + n) => ({
  'insert': () => db.from('item').insert({ id: 1000 + row(1), slug: `new ${row(1)}` }),
  'insert and read': () => db.from('item').insert({ id: 1000 + row(2), slug: `new ${row(2)}` }).select(),
  'insert and read one': () => db.from('item').insert({ id: 1000 + row(3), slug: `é ${row(3)}` }).select('slug,qty').single(),
  'insert several': () => db.from('item').insert([4, 5].map((n) => ({ id: 1000 + row(n), slug: `new ${row(n)}` })), { count: 'exact' }).select('id'),
  'insert with defaults': () => db.from('item').insert([{ id: 1000 + row(6), slug: `new ${row(6)}` }, { id: 1000 + row(7), slug: `new ${row(7)}`, qty: 7 }], { defaultToNull: false }).select('id,qty'),
  'insert a number of its own': () => db.from('log').insert({ what: `line ${row(1)}` }).select('what').single(),
  'upsert of a new row': () => db.from('item').upsert({ id: 1000 + row(8), slug: `new ${row(8)}` }).select(),
  'upsert of an old row': () => db.from('item').upsert({ id: row(9), slug: `slug-${row(9)}`, qty: 900 }).select(),
  'upsert by slug': () => db.from('item').upsert({ id: row(10), slug: `slug-${row(10)}`, name: 'other' }, { onConflict: 'slug' }).select().single(),
  'upsert that leaves it': () => db.from('item').upsert({ id: row(11), slug: 'x' }, { ignoreDuplicates: true }).select(),
  'update': () => db.from('item').update({ qty: 12 }).eq('id', row(12)),
  'update and read': () => db.from('item').update({ qty: 13 }).eq('id', row(13)).select().single(),
  'update and count': () => db.from('item').update({ name: 'many' }, { count: 'exact' }).in('id', [row(14), row(15)]),
  'update of none': () => db.from('item').update({ qty: 1 }).eq('id', 9999).select(),
  'update of one that is none': () => db.from('item').update({ qty: 1 }).eq('id', 9999).select().single(),
  'delete': () => db.from('item').delete().eq('id', row(16)),
  'delete and read': () => db.from('item').delete({ count: 'exact' }).eq('id', row(17)).select('id,name'),
  'delete of none': () => db.from('item').delete().eq('id', 9999).select(),
  'function that writes': () => db.rpc('rename', { item: row(18), name: 'renamed' }),
  'own row written': () => ann.from('secret').update({ words: `round ${r}` }).eq('id', 30 + 2 * r).select(),
  'another one\'s row written': () => ann.from('secret').update({ words: 'stolen' }).eq('id', 31).select(),
  'unique violation': () => db.from('item').insert({ id: 2000 + row(1), slug: 'slug-50' }).select(),
  'key taken': () => db.from('item').insert({ id: 50, slug: 'y' }),
  'check violation': () => db.from('item').update({ qty: -1 }).eq('id', row(50)).select(),
  'foreign key violation': () => db.from('item').update({ author_id: '00000000-0000-0000-0000-000000000000' }).eq('id', row(51)),
  'null violation': () => db.from('item').insert({ id: 2000 + row(2) }),
  'unknown column written': () => db.from('item').insert({ id: 2000 + row(3), nope: 1 }),
  'a row refused by its policy': () => ann.from('secret').insert({ id: 100 + r, owner: 'bob', words: 'w' }),
  'a row refused to nobody': () => nobody.from('secret').insert({ id: 200 + r, owner: 'bob', words: 'w' }).select(),
  'function that fails to write by GET': () => db.rpc('rename', { item: row(52), name: 'never' }, { get: true }),
})

function callsOf(round) {
  const calls = Object.entries({ ...reads, ...failures, ...writes(round) })
  for (const [name, fan] of Object.entries(fans)) {
    for (let n = 0; n < KEYS; n++) calls.push([`${name} ${n}`, () => fan(n)])
  }
  // Who is whose neighbour differs from round to round.
  const piles = [1, 7, 1][round]
  return Array.from({ length: piles }, (_, pile) => calls.filter((_, at) => at % piles === pile)).flat()
}

async function main() {
  const rounds = []
  for (let round = 0; round < ROUNDS; round++) rounds.push(await together(callsOf(round)))
  process.stdout.write(JSON.stringify(rounds))
}

main()
