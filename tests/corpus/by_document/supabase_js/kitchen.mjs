// Recipes: cards, shopping lists, ratings and editors.
const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)

export default {
  async 'recipe cards, a cook awaited per card'({ db, rows }) {
    const cards = await rows(db.from('recipes').select('id,title,cook_id').order('id').limit(16))
    for (const card of cards) await rows(db.from('cooks').select('handle').eq('id', card.cook_id).single())
  },
  async 'recipe cards, cooks by a list'({ db, rows }) {
    const cards = await rows(db.from('recipes').select('id,title,cook_id').order('id').limit(16))
    await rows(db.from('cooks').select('id,handle').in('id', cards.map(({ cook_id }) => cook_id)))
  },
  async 'recipe index with whole recipes'({ db, rows }) {
    await rows(db.from('recipes').select('*').eq('is_published', true).order('title').limit(60))
  },
  async 'recipe index with titles'({ db, rows }) {
    await rows(db.from('recipes').select('id,title').eq('is_published', true).order('title').limit(60))
  },
  async 'one recipe with all it has'({ db, rows }) {
    await rows(db.from('recipes').select('*,ingredients(*)').eq('id', 31).single())
  },
  async 'ingredients added with a request each'({ db, rows }) {
    for (const n of numbers(9)) await rows(db.from('ingredients').insert({ recipe_id: 12, name: `New ${n}`, grams: n }))
  },
  async 'ingredients added as an array'({ db, rows }) {
    await rows(db.from('ingredients').insert(numbers(9).map((n) => ({ recipe_id: 13, name: `New ${n}`, grams: n }))))
  },
  async 'shopping list of five recipes'({ db, rows }) {
    for (const id of [3, 9, 27, 81, 243]) await rows(db.from('ingredients').select('name,grams').eq('recipe_id', id).order('id'))
  },
  async 'shopping list of four recipes'({ db, rows }) {
    for (const id of [3, 9, 27, 81]) await rows(db.from('ingredients').select('name,grams').eq('recipe_id', id).order('id'))
  },
  async 'one cook for header, sidebar and footer'({ db, rows }) {
    await Promise.all([1, 2, 3].map(() => rows(db.from('cooks').select('id,handle,bio').eq('handle', 'cook8').single())))
  },
  async 'one cook for header and sidebar'({ db, rows }) {
    await Promise.all([1, 2].map(() => rows(db.from('cooks').select('id,handle,bio').eq('handle', 'cook9').single())))
  },
  async 'units on each recipe page'({ page, rows }) {
    for (const n of numbers(24)) {
      await Promise.all([rows(page(n).from('units').select('code,label')), rows(page(n).from('recipes').select('title,steps').eq('id', n).single())])
    }
  },
  async 'recipe pages that read their own rows'({ page, rows }) {
    for (const n of numbers(24)) await rows(page(n).from('recipes').select('title,ingredients(name)').eq('id', 100 + n).single())
  },
  async 'mean of the stars of all ratings'({ db, rows }) {
    const all = await rows(db.from('ratings').select('stars'))
    all.reduce((sum, one) => sum + one.stars, 0)
  },
  async 'mean of the stars of a recipe'({ db, rows }) {
    await rows(db.from('ratings').select('stars').eq('recipe_id', 8))
  },
  async 'ratings paged with their number'({ db }) {
    for (const n of numbers(4, 0)) await db.from('ratings').select('id,stars', { count: 'exact' }).order('id').range(20 * n, 20 * n + 19)
  },
  async 'ratings paged without their number'({ db, rows }) {
    for (const n of numbers(4, 0)) await rows(db.from('ratings').select('id,stars').order('id').range(20 * n, 20 * n + 19))
  },
  async 'recipes of a cuisine for a select box'({ db, rows }) {
    await rows(db.from('recipes').select('id,title').eq('cuisine', 'greek'))
  },
  async 'ingredients of the first sixty recipes'({ db, rows }) {
    await rows(db.from('ingredients').select('recipe_id,name').lte('recipe_id', 60))
  },
  async 'a score for each recipe of a feed'({ db, rows }) {
    const feed = await rows(db.from('recipes').select('id').order('id', { ascending: false }).limit(10))
    for (const { id } of feed) await rows(db.rpc('recipe_score', { recipe: id }))
  },
  async 'a score for the open recipe'({ db, rows }) {
    await rows(db.rpc('recipe_score', { recipe: 5 }))
  },
  async 'translations written, the glossary read before each'({ db, rows }) {
    for (const n of numbers(6)) {
      await rows(db.from('units').select('code,label').eq('code', 'cup').single())
      await rows(db.from('translations').insert({ recipe_id: n, language: 'fr', body: 'Remuez' }))
    }
  },
  async 'translations written, the glossary read once'({ db, rows }) {
    await rows(db.from('units').select('code,label').eq('code', 'cup').single())
    await rows(db.from('translations').insert(numbers(6).map((n) => ({ recipe_id: n, language: 'de', body: 'Rühren' }))))
  },
  async 'editor that saves, and shows what was saved'({ db, rows }) {
    await rows(db.from('recipes').update({ title: 'Better' }).eq('id', 55))
    await rows(db.from('recipes').select('id,title').eq('id', 55).single())
  },
}
