// What people, timers, caches and sockets do over seconds; these are played at the same time.
const post = (db, id) => db.from('posts').select('id,title,body').eq('id', id).single()
const uneven = [420, 690, 510, 880, 460, 730, 590, 650]

export const together = {
  async 'links of a feed under a moving pointer'({ db, rows, sleep }) {
    const feed = await rows(db.from('posts').select('id,title').order('id').limit(20))
    for (const [n, pause] of uneven.entries()) {
      await sleep(pause)
      await rows(post(db, feed[2 * n].id))
    }
  },
  async 'user name checked as it is typed'({ db, sleep }) {
    for (let typed = 2; typed < 9; typed++) {
      await db.from('authors').select('id').eq('username', 'user1199x'.slice(0, typed)).maybeSingle()
      await sleep(190 + 37 * (typed % 3))
    }
  },
  async 'rows of a table opened by hand'({ db, rows, sleep }) {
    for (const [n, pause] of uneven.entries()) {
      await rows(db.from('replies').select('id,body').eq('post_id', 30 + n).order('id').limit(10))
      await sleep(pause + 300)
    }
  },
  async 'a list that polls every second'({ db, rows, sleep }) {
    for (let n = 0; n < 6; n++) {
      await rows(db.from('webhook_events').select('id,kind').eq('done', false).order('id', { ascending: false }).limit(10))
      await sleep(1000)
    }
  },
  async 'progress of a job polled twice a second'({ db, rows, sleep }) {
    for (let n = 0; n < 8; n++) {
      await rows(db.from('email_queue').select('state').eq('id', 17).single())
      await sleep(500)
    }
  },
  async 'every change of a socket reads the list again'({ page, rows, sleep }) {
    for (let n = 0; n < 7; n++) {
      const at = page(n + 1)
      await rows(at.from('tasks').update({ position: n }).eq('id', 900 + n))
      await rows(at.from('tasks').select('id,title,position').eq('project_id', 61).order('position').limit(40))
      await sleep(uneven[n])
    }
  },
  async 'a change of a socket reads its row'({ db, rows, sleep }) {
    for (const [n, pause] of uneven.entries()) {
      await sleep(pause + 150)
      await rows(db.from('replies').select('id,body,author_id').eq('id', 1000 + 7 * n).single())
    }
  },
  async 'focus makes a cache revalidate'({ db, rows, sleep }) {
    for (let n = 0; n < 3; n++) {
      await Promise.all([rows(db.from('authors').select('username,avatar').eq('id', 44).single()), rows(db.from('posts').select('id,title').eq('author_id', 44).order('id').limit(10))])
      await sleep(1700 + 90 * n)
    }
  },
  async 'endless scroll of a feed'({ db, rows, sleep }) {
    for (let last = 361, n = 0; n < 6; n++) {
      const page = await rows(db.from('posts').select('id,title').lt('id', last).order('id', { ascending: false }).limit(20))
      last = page.at(-1).id
      await sleep(uneven[n])
    }
  },
  async 'endless scroll that loads each author'({ db, rows, sleep }) {
    for (let last = 361, n = 0; n < 3; n++) {
      const page = await rows(db.from('posts').select('id,author_id').lt('id', last).order('id', { ascending: false }).limit(15))
      await Promise.all(page.map((one) => rows(db.from('authors').select('username,avatar').eq('id', one.author_id).single())))
      last = page.at(-1).id
      await sleep(uneven[n])
    }
  },
  async 'a post liked, then unliked, then liked'({ db, rows, sleep }) {
    for (let n = 0; n < 3; n++) {
      await rows(db.from('post_likes').upsert({ post_id: 2, author_id: 3 }))
      await sleep(uneven[n])
      await rows(db.from('post_likes').delete().eq('post_id', 2).eq('author_id', 3))
      await sleep(uneven[n + 1])
    }
  },
  async 'a long form with a save per field'({ db, rows, sleep }) {
    for (const [n, pause] of uneven.entries()) {
      await rows(db.from('courses').update({ summary: `Draft ${n}` }).eq('id', 14))
      await sleep(pause)
    }
  },
  async 'tabs of a page, each opened in turn'({ db, rows, sleep }) {
    await rows(db.from('courses').select('title,summary').eq('id', 5).single())
    await sleep(900)
    await rows(db.from('lessons').select('id,title').eq('course_id', 5).order('position').limit(20))
    await sleep(1200)
    await rows(db.from('enrollments').select('learner_id,progress').eq('course_id', 5).order('learner_id').limit(20))
    await sleep(800)
    await rows(db.from('submissions').select('id,score').eq('lesson_id', 5).order('id').limit(20))
  },
  async 'filters of a search changed by hand'({ db, rows, sleep }) {
    for (const [n, region] of ['north', 'south', 'north', 'south', 'north'].entries()) {
      await rows(db.from('depots').select('code,name').eq('region', region).ilike('name', `%${n}%`).limit(10))
      await sleep(uneven[n] + 200)
    }
  },
  async 'two tabs open the same post'({ page, rows, sleep }) {
    await rows(post(page(1), 77))
    await sleep(400)
    await rows(post(page(2), 77))
  },
  async 'a second attempt after a row that is not there'({ db, rows, sleep }) {
    for (let n = 0; n < 3; n++) {
      await rows(db.from('webhook_events').select('id').eq('event', 'evt_none').maybeSingle())
      await sleep(300 * 2 ** n)
    }
  },
}
