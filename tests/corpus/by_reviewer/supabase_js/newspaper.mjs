// A newspaper: front page, stories, comments, digests and the newsroom.
import { createHash } from 'node:crypto'

const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)
const uuid = (text) => createHash('md5').update(text).digest('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
const newest = { ascending: false }

export const together = {
  async 'draft saved while the reporter writes'({ db, rows, sleep }) {
    for (const n of numbers(6)) {
      await rows(db.from('stories').update({ headline: `Draft ${n}` }).eq('id', 1300))
      await sleep(1500)
    }
  },
  async 'health of the service asked for every second'({ db, rows, sleep }) {
    for (const _ of numbers(6)) {
      await rows(db.from('news_sections').select('code').limit(1))
      await sleep(1000)
    }
  },
  async 'tags suggested while a word is typed'({ db, rows, sleep }) {
    for (const typed of ['w', 'wo', 'wor', 'word', 'word1', 'word12']) {
      await rows(db.from('news_tags').select('id,word').like('word', `${typed}%`).limit(5))
      await sleep(190 + 20 * typed.length)
    }
  },
  async 'reader moves through a gallery of stories'({ db, rows, sleep }) {
    await rows(db.from('stories').select('id,headline').eq('is_front', true).order('id').limit(20))
    for (const n of numbers(6)) {
      await sleep(1200 + 100 * n)
      await rows(db.from('stories').select('headline,body').eq('id', 25 * n).single())
    }
  },
}

export default {
  async 'front page that asks for the reporter of each story'({ db, rows }) {
    const stories = await rows(db.from('stories').select('id,headline,reporter_id').eq('is_front', true).order('published_on', newest).limit(22))
    await Promise.all(stories.map((story) => rows(db.from('reporters').select('name').eq('id', story.reporter_id).maybeSingle())))
  },
  async 'front page with the reporters embedded'({ db, rows }) {
    await rows(db.from('stories').select('id,headline,reporters(name)').eq('is_front', true).order('published_on', newest).limit(22))
  },
  async 'newest story of each section'({ db, rows }) {
    const sections = await rows(db.from('news_sections').select('code,name').order('place'))
    await Promise.all(sections.map(({ code }) => rows(db.from('stories').select('id,headline').eq('section_code', code).order('published_on', newest).limit(3))))
  },
  async 'newest story of two sections of the front page'({ db, rows }) {
    await Promise.all(['s1', 's4'].map((code) => rows(db.from('stories').select('id,headline').eq('section_code', code).order('published_on', newest).limit(3))))
  },
  async 'comments with a query for the replies of each'({ db, rows }) {
    const shown = await rows(db.from('reader_comments').select('id,body').is('parent_id', null).order('id').limit(18))
    for (const { id } of shown) await rows(db.from('reader_comments').select('id,body').eq('parent_id', id).order('id').limit(5))
  },
  async 'replies read level after level'({ db, rows }) {
    let level = [{ id: 5 }]
    for (let depth = 0; depth < 4 && level.length; depth++) level = await rows(db.from('reader_comments').select('id,body').in('parent_id', level.map(({ id }) => id)).limit(50))
  },
  async 'page of a story in its steps'({ db, rows }) {
    const story = await rows(db.from('stories').select('id,headline,reporter_id').eq('slug', 'story-310').single())
    await rows(db.from('reporters').select('name,bio').eq('id', story.reporter_id).single())
  },
  async 'page of a story that waits for four things around it'({ db, rows }) {
    await rows(db.from('stories').select('headline,body').eq('slug', 'story-311').single())
    await rows(db.from('news_sections').select('code,name').order('place'))
    await rows(db.from('news_banners').select('body').eq('is_active', true))
    await rows(db.from('stories').select('id,headline').eq('is_front', true).order('published_on', newest).limit(5))
    await rows(db.from('news_tags').select('word').order('word').limit(20))
  },
  async 'sidebar in three awaits of constants'({ db, rows }) {
    await rows(db.from('stories').select('id,headline').eq('section_code', 's2').order('published_on', newest).limit(6))
    await rows(db.from('reporters').select('id,name').order('name').limit(10))
    await rows(db.from('news_banners').select('id,body').eq('is_active', true))
  },
  async 'story by its id with comments, tags and views in turn'({ db, rows }) {
    await rows(db.from('stories').select('headline,body').eq('id', 77).single())
    await rows(db.from('reader_comments').select('id,body').eq('story_id', 77).eq('is_spam', false).order('id').limit(30))
    await rows(db.from('story_tags').select('tag_id').eq('story_id', 77))
    await db.from('story_views').select('id', { count: 'exact', head: true }).eq('story_id', 77)
  },
  async 'story with comments and tags embedded'({ db, rows }) {
    await rows(db.from('stories').select('headline,body,reader_comments(id,body),story_tags(tag_id)').eq('id', 78).single())
  },
  async 'words of a story resolved one by one'({ db, rows }) {
    for (const word of ['word3', 'word8', 'word21', 'word34', 'word55', 'word89', 'word99', 'word120', 'word133', 'word14']) {
      await rows(db.from('news_tags').select('id').ilike('word', word).limit(1))
    }
  },
  async 'words of a story resolved by a list'({ db, rows }) {
    await rows(db.from('news_tags').select('id,word').in('word', ['word3', 'word8', 'word21', 'word34', 'word55', 'word89', 'word99', 'word120']))
  },
  async 'tags of a story replaced one by one'({ db, rows }) {
    await rows(db.from('story_tags').delete().eq('story_id', 900))
    for (const tag of numbers(9, 60)) await rows(db.from('story_tags').insert({ story_id: 900, tag_id: tag }))
  },
  async 'tags of a story replaced in two calls'({ db, rows }) {
    await rows(db.from('story_tags').delete().eq('story_id', 901))
    await rows(db.from('story_tags').insert(numbers(9, 60).map((tag) => ({ story_id: 901, tag_id: tag }))))
  },
  async 'spam removed comment by comment'({ db, rows }) {
    const spam = await rows(db.from('reader_comments').select('id').eq('is_spam', true).order('id').limit(20))
    await Promise.all(spam.map(({ id }) => rows(db.from('reader_comments').delete().eq('id', id))))
  },
  async 'spam removed by one call'({ db, rows }) {
    await rows(db.from('reader_comments').delete().eq('is_spam', true).eq('story_id', 12))
  },
  async 'digest that reads and marks reader after reader'({ db, rows, sleep }) {
    for (const reader of await rows(db.from('news_readers').select('id,email').eq('wants_digest', true).order('email').limit(14))) {
      await rows(db.from('reader_comments').select('id,body').eq('reader_id', reader.id).order('id', newest).limit(3))
      await sleep(60) // the mail service
      await rows(db.from('news_readers').update({ wants_digest: true }).eq('id', reader.id))
    }
  },
  async 'subscription found by address after all readers were read'({ db, rows }) {
    const readers = await rows(db.from('news_readers').select('id,email,plan'))
    const reader = readers.find(({ email }) => email === 'reader333@example.com')
    await rows(db.from('news_readers').update({ plan: 'paid' }).eq('id', reader.id))
  },
  async 'reporter found by address after all were read'({ db, rows }) {
    const reporter = (await rows(db.from('reporters').select('id,name,email').order('name'))).find(({ email }) => email === 'reporter88@example.com')
    await rows(db.from('stories').select('id,headline').eq('reporter_id', reporter.id).order('published_on', newest).limit(10))
  },
  async 'tag found by its word after all were read'({ db, rows }) {
    const tag = (await rows(db.from('news_tags').select('id,word'))).find(({ word }) => word === 'word77')
    await rows(db.from('story_tags').select('story_id').eq('tag_id', tag.id))
  },
  async 'tag found by its word'({ db, rows }) {
    const tag = await rows(db.from('news_tags').select('id,word').eq('word', 'word78').single())
    await rows(db.from('story_tags').select('story_id').eq('tag_id', tag.id))
  },
  async 'menu of sections, and the stories of a fixed one'({ db, rows }) {
    await rows(db.from('news_sections').select('code,name').order('place'))
    await rows(db.from('stories').select('id,headline').eq('section_code', 's3').order('published_on', newest).limit(12))
  },
  async 'reader asked for by four parts of a page'({ db, rows }) {
    await Promise.all(['header', 'paywall', 'comments', 'footer'].map(() => rows(db.from('news_readers').select('name,plan').eq('id', uuid('r50')).single())))
  },
  async 'reader asked for by header and paywall'({ db, rows }) {
    await Promise.all(['header', 'paywall'].map(() => rows(db.from('news_readers').select('name,plan').eq('id', uuid('r51')).single())))
  },
  async 'sections read once for every story that is imported'({ db, rows }) {
    for (const n of numbers(8)) {
      const sections = await rows(db.from('news_sections').select('code,name'))
      await rows(db.from('stories').insert({ slug: `wire-${n}`, headline: `Wire ${n}`, body: 'News.', section_code: sections[n].code, reporter_id: n, is_front: false, published_on: '2026-11-02' }))
    }
  },
  async 'stories imported in one insert after the sections'({ db, rows }) {
    const sections = await rows(db.from('news_sections').select('code,name'))
    await rows(db.from('stories').insert(numbers(8, 20).map((n) => ({ slug: `wire-${n}`, headline: `Wire ${n}`, body: 'News.', section_code: sections[n % 9].code, reporter_id: n, is_front: false, published_on: '2026-11-02' }))))
  },
  async 'views of each story of a list by a function'({ db, rows }) {
    const stories = await rows(db.from('stories').select('id,headline').order('id', newest).limit(16))
    for (const { id } of stories) await db.rpc('story_heat', { story: id }, { get: true })
  },
  async 'view of one story noted'({ db, rows }) {
    await rows(db.from('stories').select('headline').eq('id', 44).single())
    await db.rpc('add_view', { story: 44 })
  },
  async 'comments of all stories counted in the browser'({ db, rows }) {
    await rows(db.from('reader_comments').select('story_id').eq('is_spam', false))
  },
  async 'comments exported as a file'({ db }) {
    await db.from('reader_comments').select('id,story_id,body').order('id').csv()
  },
  async 'site map of all stories'({ db, rows }) {
    await rows(db.from('stories').select('slug,published_on').order('published_on', newest).limit(20000))
  },
  async 'views of a month read with their total'({ db }) {
    await db.from('story_views').select('story_id', { count: 'exact' }).gte('seen_on', '2026-02-01').lt('seen_on', '2026-03-01')
  },
  async 'newest hundred views with an exact total'({ db, rows }) {
    await rows(db.from('story_views').select('id,story_id', { count: 'exact' }).order('id', newest).limit(100))
  },
  async 'newest hundred views with a planned total'({ db, rows }) {
    await rows(db.from('story_views').select('id,story_id', { count: 'planned' }).order('id', newest).limit(100))
  },
  async 'archive of comments far behind'({ db, rows }) {
    await rows(db.from('reader_comments').select('id,body').order('id').range(7000, 7049))
  },
  async 'list of a section with whole stories'({ db, rows }) {
    await rows(db.from('stories').select('*').eq('section_code', 's5').order('published_on', newest).limit(150))
  },
  async 'all readers on the page of the editor'({ db, rows }) {
    await rows(db.from('news_readers').select('id,name,plan').order('name'))
  },
  async 'comments approved and counted again after each'({ db, rows }) {
    for (const n of numbers(5, 2000)) {
      await rows(db.from('reader_comments').update({ is_spam: false }).eq('id', n))
      const left = await rows(db.from('reader_comments').select('id').eq('story_id', 200).eq('is_spam', true))
      await rows(db.from('stories').update({ comment_count: left.length }).eq('id', 200))
    }
  },
  async 'report of views for seven editors'({ page, rows }) {
    for (const n of numbers(7)) await rows(page(n).from('view_report').select('seen_on,views'))
  },
  async 'banners read by each of thirty pages'({ page, rows }) {
    for (const n of numbers(30)) {
      await rows(page(n).from('news_banners').select('id,body').order('id'))
      await rows(page(n).from('stories').select('headline,body').eq('slug', `story-${n}`).single())
    }
  },
  async 'save tried again after a lost connection'({ page, rows, sleep }) {
    let tries = 0
    const flaky = (...request) => (++tries < 4 ? fetch(...request).then(() => { throw new TypeError('fetch failed') }) : fetch(...request))
    const db = page(1, flaky)
    for (let n = 0; n < 4; n++) {
      const { error } = await db.from('stories').select('headline').eq('id', 12).single()
      if (!error) break
      await sleep(150 * 2 ** n)
    }
    await rows(db.from('stories').select('id,headline').eq('id', 12))
  },
}
