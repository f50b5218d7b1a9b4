// Podcasts: feeds, players, playlists, moderation, exports and a push job.
import { createHash } from 'node:crypto'

const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)
const uuid = (text) => createHash('md5').update(text).digest('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')

export const together = {
  async 'listener picked from the whole list after a while'({ db, rows, sleep }) {
    const list = await rows(db.from('subscribers').select('id,name').order('name'))
    await sleep(1300)
    await rows(db.from('listens').select('episode_id,seconds').eq('subscriber_id', list[40].id).limit(20))
  },
  async 'position of the player saved now and then'({ db, rows, sleep }) {
    for (const seconds of numbers(8)) {
      await rows(db.from('listens').insert({ episode_id: 9, subscriber_id: uuid('s9'), seconds: seconds * 10, at: '2026-04-01' }))
      await sleep(600 + 40 * (seconds % 3))
    }
  },
  async 'podcast search while a word is typed'({ db, rows, sleep }) {
    for (let typed = 2; typed < 10; typed++) {
      await rows(db.from('podcasts').select('id,title').ilike('title', `%${'Podcast 17'.slice(0, typed)}%`).limit(6))
      await sleep(140 + 35 * (typed % 4))
    }
  },
  async 'host cards under a moving pointer'({ db, rows, sleep }) {
    for (const id of [3, 11, 4, 28, 19, 7, 33]) {
      await rows(db.from('hosts').select('name,bio').eq('id', id).single())
      await sleep(230 + 9 * id)
    }
  },
  async 'transcript polled until it is there'({ db, rows, sleep }) {
    for (let n = 0; n < 8; n++) {
      await rows(db.from('episodes').select('notes').eq('id', 31).single())
      await sleep(450)
    }
  },
  async 'next episode opened when one ends'({ db, rows, sleep }) {
    for (const id of [5, 18, 31, 44, 57, 70]) {
      await rows(db.from('episodes').select('title,seconds').eq('id', id).single())
      await sleep(700)
    }
  },
}

export default {
  async 'podcast cards that each load their host'({ db, rows }) {
    const cards = await rows(db.from('podcasts').select('id,title,host_id').order('id').limit(24))
    await Promise.all(cards.map((card) => rows(db.from('hosts').select('name').eq('id', card.host_id).single())))
  },
  async 'podcast cards with their host embedded'({ db, rows }) {
    await rows(db.from('podcasts').select('id,title,hosts(name)').order('id').limit(24))
  },
  async 'feed that counts the listens of each episode'({ db, rows }) {
    const feed = await rows(db.from('episodes').select('id,title').order('id').limit(15))
    await Promise.all(feed.map(({ id }) => db.from('listens').select('id', { count: 'exact', head: true }).eq('episode_id', id)))
  },
  async 'feed that awaits the last comment of each episode'({ db, rows }) {
    for (const { id } of await rows(db.from('episodes').select('id,title').order('id').limit(14))) {
      await rows(db.from('episode_comments').select('body').eq('episode_id', id).order('id', { ascending: false }).limit(1))
    }
  },
  async 'authors of comments resolved through a map'({ db, rows }) {
    const names = new Map()
    for (const { subscriber_id: id } of await rows(db.from('episode_comments').select('id,subscriber_id,body').order('id').limit(20))) {
      if (!names.has(id)) names.set(id, await rows(db.from('subscribers').select('name').eq('id', id).single()))
    }
  },
  async 'authors of comments resolved by a list'({ db, rows }) {
    const comments = await rows(db.from('episode_comments').select('id,subscriber_id,body').order('id').limit(20))
    await rows(db.from('subscribers').select('id,name').in('id', comments.map((one) => one.subscriber_id)))
  },
  async 'short playlist that loads each of its episodes'({ db, rows }) {
    const items = await rows(db.from('playlist_items').select('episode_id').eq('playlist_id', 12).order('place').limit(4))
    await Promise.all(items.map((item) => rows(db.from('episodes').select('title').eq('id', item.episode_id).single())))
  },
  async 'account page in three awaits of one listener'({ db, rows }) {
    const id = uuid('s21')
    await rows(db.from('subscribers').select('name,plan').eq('id', id).single())
    await rows(db.from('player_settings').select('speed,theme').eq('subscriber_id', id).single())
    await rows(db.from('playlists').select('id,title').eq('subscriber_id', id))
  },
  async 'account page of one listener at once'({ db, rows }) {
    const id = uuid('s22')
    await Promise.all([rows(db.from('subscribers').select('name,plan').eq('id', id).single()), rows(db.from('player_settings').select('speed,theme').eq('subscriber_id', id).single()),
      rows(db.from('playlists').select('id,title').eq('subscriber_id', id))])
  },
  async 'start page in three awaits'({ db, rows }) {
    await rows(db.from('topics').select('code,label'))
    await rows(db.from('podcasts').select('id,title').eq('is_published', true).order('id', { ascending: false }).limit(10))
    await rows(db.from('episodes').select('id,title').order('published_on', { ascending: false }).limit(10))
  },
  async 'playlists of a listener who is known by address'({ db, rows }) {
    const { id } = await rows(db.from('subscribers').select('id').eq('email', 'listener30@example.com').single())
    const [list] = await rows(db.from('playlists').select('id,title').eq('subscriber_id', id))
    await rows(db.from('playlist_items').select('episode_id,place').eq('playlist_id', list.id).order('place'))
  },
  async 'listener found by address in the whole list'({ db, rows }) {
    const found = (await rows(db.from('subscribers').select('id,email'))).find(({ email }) => email.toLowerCase() === 'listener77@example.com')
    await rows(db.from('listens').select('episode_id,seconds').eq('subscriber_id', found.id).limit(20))
  },
  async 'listener found by address with a filter'({ db, rows }) {
    const found = await rows(db.from('subscribers').select('id,email').eq('email', 'listener78@example.com').single())
    await rows(db.from('listens').select('episode_id,seconds').eq('subscriber_id', found.id).limit(20))
  },
  async 'newest podcast taken from the list of all'({ db, rows }) {
    const [newest] = await rows(db.from('podcasts').select('id,title').order('id', { ascending: false }))
    await rows(db.from('episodes').select('id,title').eq('podcast_id', newest.id).order('id').limit(10))
  },
  async 'catalogue of thirty with the first one opened'({ db, rows }) {
    const [first] = await rows(db.from('podcasts').select('id,title,slug').order('title').limit(30))
    await rows(db.from('episodes').select('id,title').eq('podcast_id', first.id).order('id').limit(10))
  },
  async 'plan of a listener changed after a look through all'({ db, rows }) {
    const found = (await rows(db.from('subscribers').select('id,name,plan').order('name').limit(300))).find(({ name }) => name === 'Listener 150')
    await rows(db.from('subscribers').update({ plan: 'plus' }).eq('id', found.id))
  },
  async 'settings read for the loudest listener of a list'({ db, rows }) {
    const list = await rows(db.from('listens').select('subscriber_id,seconds').order('seconds', { ascending: false }).order('id').limit(250))
    await rows(db.from('player_settings').select('speed').eq('subscriber_id', list[0].subscriber_id).single())
  },
  async 'episodes exported without a limit'({ db, rows }) {
    await rows(db.from('episodes').select('id,title,seconds').order('id'))
  },
  async 'episodes exported as CSV without a limit'({ db }) {
    await db.from('episodes').select('id,title,published_on').order('id').csv()
  },
  async 'sitemap of episodes with a limit of five thousand'({ db, rows }) {
    await rows(db.from('episodes').select('id,published_on').order('published_on', { ascending: false }).limit(5000))
  },
  async 'statistics of episodes by a range up to 9999'({ db, rows }) {
    await rows(db.from('episodes').select('podcast_id,seconds').range(0, 9999))
  },
  async 'episodes exported in pages of two thousand'({ db, rows }) {
    for (let from = 0; ; from += 2000) {
      const page = await rows(db.from('episodes').select('id,title').order('id').range(from, from + 1999))
      if (page.length < 2000) break
    }
  },
  async 'episodes exported by key, a thousand a page'({ db, rows }) {
    for (let last = 0, page; !page || page.length === 1000; last = page.at(-1).id) {
      page = await rows(db.from('episodes').select('id,title').gt('id', last).order('id').limit(1000))
    }
  },
  async 'comments exported in pages of three hundred'({ db, rows }) {
    for (let from = 0, page; !page || page.length === 300; from += 300) {
      page = await rows(db.from('episode_comments').select('id,body').order('id').range(from, from + 299))
    }
  },
  async 'newest thousand listens'({ db, rows }) {
    await rows(db.from('listens').select('id,seconds').order('id', { ascending: false }).limit(1000))
  },
  async 'all comments on the page of the moderator'({ db, rows }) {
    await rows(db.from('episode_comments').select('id,body,is_hidden').order('id'))
  },
  async 'hidden comments on the page of the moderator'({ db, rows }) {
    await rows(db.from('episode_comments').select('id,body').eq('is_hidden', true).order('id'))
  },
  async 'archive of listens, page ninety'({ db, rows }) {
    await rows(db.from('listens').select('id,seconds').order('id').range(8900, 8999))
  },
  async 'table of listens with its exact total'({ db, rows }) {
    await rows(db.from('listens').select('id,seconds,at', { count: 'exact' }).order('id').range(0, 19))
  },
  async 'table of listens with an estimated total'({ db, rows }) {
    await rows(db.from('listens').select('id,seconds,at', { count: 'estimated' }).order('id').range(0, 19))
  },
  async 'comments paged with the total in each page'({ db, rows }) {
    for (let from = 0; from < 200; from += 50) {
      await rows(db.from('episode_comments').select('id,body', { count: 'exact' }).order('id').range(from, from + 49))
    }
  },
  async 'number of listeners shown once'({ db }) {
    await db.from('subscribers').select('id', { count: 'exact', head: true })
  },
  async 'list of titles read with every column'({ db, rows }) {
    await rows(db.from('episodes').select('*').order('published_on').limit(250))
  },
  async 'one episode read with every column'({ db, rows }) {
    await rows(db.from('episodes').select('*').eq('id', 400).single())
  },
  async 'order of a playlist saved row by row'({ db, rows }) {
    const items = await rows(db.from('playlist_items').select('id').eq('playlist_id', 20).order('place').limit(12))
    await Promise.all(items.map(({ id }, place) => rows(db.from('playlist_items').update({ place }).eq('id', id))))
  },
  async 'order of a playlist saved by an upsert'({ db, rows }) {
    const items = await rows(db.from('playlist_items').select('id,playlist_id,episode_id').eq('playlist_id', 21).order('place').limit(12))
    await rows(db.from('playlist_items').upsert(items.map((item, place) => ({ ...item, place }))))
  },
  async 'devices registered in a loop of inserts'({ db, rows }) {
    for (const n of numbers(9, 200)) await rows(db.from('push_devices').insert({ subscriber_id: uuid(`s${n}`), token: `device ${n}`, last_sent: '2026-01-01' }))
  },
  async 'devices registered in one insert'({ db, rows }) {
    await rows(db.from('push_devices').insert(numbers(9, 220).map((n) => ({ subscriber_id: uuid(`s${n}`), token: `device ${n}`, last_sent: '2026-01-01' }))))
  },
  async 'layout, header and player each read the settings'({ db, rows }) {
    for (const _ of ['layout', 'header', 'player']) await rows(db.from('player_settings').select('speed,theme').eq('subscriber_id', uuid('s40')).single())
  },
  async 'header and player each read the settings'({ db, rows }) {
    for (const _ of ['header', 'player']) await rows(db.from('player_settings').select('speed,theme').eq('subscriber_id', uuid('s41')).single())
  },
  async 'speed changed three times and read back'({ db, rows }) {
    for (const speed of [110, 125, 150]) {
      await rows(db.from('player_settings').update({ speed }).eq('subscriber_id', uuid('s42')))
      await rows(db.from('player_settings').select('speed').eq('subscriber_id', uuid('s42')).single())
    }
  },
  async 'episodes uploaded, and counted after each'({ db, rows }) {
    for (const n of numbers(4)) {
      await rows(db.from('episodes').insert({ podcast_id: 50, title: `New ${n}`, seconds: 900, published_on: '2026-11-01' }))
      const all = await rows(db.from('episodes').select('id').eq('podcast_id', 50).order('id').limit(100))
      await rows(db.from('podcasts').update({ episode_count: all.length }).eq('id', 50))
    }
  },
  async 'push job that reads each listener before it sends'({ db, rows, sleep }) {
    for (const device of await rows(db.from('push_devices').select('id,subscriber_id,token').is('last_sent', null).order('id').limit(12))) {
      await rows(db.from('subscribers').select('name,plan').eq('id', device.subscriber_id).single())
      await sleep(110) // the push service
      await rows(db.from('push_devices').update({ last_sent: '2026-11-02' }).eq('id', device.id))
    }
  },
  async 'column that is not there, asked for five times'({ db, sleep }) {
    for (const id of numbers(5)) {
      await db.from('podcasts').select('rating').eq('id', id)
      await sleep(30)
    }
  },
  async 'series followed from one episode to the next'({ db, rows }) {
    for (let n = 0, id = 100; n < 8; n++) id = (await rows(db.from('episodes').select('title,next_id').eq('id', id).single())).next_id
  },
  async 'minutes of each podcast by a function'({ db, rows }) {
    const shown = await rows(db.from('podcasts').select('id,title').order('id').limit(10))
    await Promise.all(shown.map(({ id }) => rows(db.rpc('listen_minutes', { podcast: id }))))
  },
  async 'minutes of all podcasts by one function'({ db, rows }) {
    const shown = await rows(db.from('podcasts').select('id,title').order('id').limit(10))
    await rows(db.rpc('listen_minutes_all', { podcasts: shown.map(({ id }) => id) }))
  },
  async 'topics read by each of twenty-four pages'({ page, rows }) {
    for (const n of numbers(24)) {
      await rows(page(n).from('topics').select('code,label').order('label'))
      await rows(page(n).from('podcasts').select('title').eq('slug', `pod-${n}`).single())
    }
  },
  async 'topics read by each of eight pages'({ page, rows }) {
    for (const n of numbers(8)) {
      await rows(page(n).from('topics').select('code,label').order('code'))
      await rows(page(n).from('podcasts').select('title').eq('slug', `pod-${n + 30}`).single())
    }
  },
  async 'report of listeners opened six times'({ page, rows }) {
    for (const n of numbers(6)) await rows(page(n).from('listen_report').select('plan,listeners'))
  },
}
