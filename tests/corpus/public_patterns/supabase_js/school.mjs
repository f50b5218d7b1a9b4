// A school and a forum: lesson pages, threads, counters and settings.
const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)

export default {
  async 'courses in the menu of each lesson page'({ page, rows }) {
    for (const n of numbers(26)) {
      await Promise.all([rows(page(n).from('courses').select('id,slug,title')), rows(page(n).from('lessons').select('title,content').eq('id', n).single())])
    }
  },
  async 'lesson pages that read their own course'({ page, rows }) {
    for (const n of numbers(12)) await rows(page(n).from('lessons').select('title,courses(title)').eq('id', n).single())
  },
  async 'replies added, the thread counted after each'({ db, rows }) {
    for (const n of numbers(8)) {
      await rows(db.from('replies').insert({ post_id: 12, author_id: n, body: 'So do I' }))
      await db.from('replies').select('*', { count: 'exact', head: true }).eq('post_id', 12)
    }
  },
  async 'a reply added, the thread read again'({ db, rows }) {
    await rows(db.from('replies').insert({ post_id: 13, author_id: 5, body: 'So do I' }))
    await rows(db.from('replies').select('id,body').eq('post_id', 13).order('id').limit(30))
  },
  async 'replies of a third of the forum in one read'({ db, rows }) {
    await rows(db.from('replies').select('id,post_id,body').lt('post_id', 120))
  },
  async 'all learners for a mail merge'({ db, rows }) {
    await rows(db.from('learners').select('id,name,email').order('name'))
  },
  async 'learners for a mail merge, two hundred at a time'({ db, rows }) {
    for (let last = 0, n = 0; n < 2; n++) last = (await rows(db.from('learners').select('id,name').gt('id', last).order('id').limit(200))).at(-1).id
  },
  async 'lessons of ten courses with every column'({ db, rows }) {
    await rows(db.from('lessons').select('*').in('course_id', numbers(10)).order('position').limit(100))
  },
  async 'posts counted for a badge on each page'({ page }) {
    for (const n of numbers(6)) await page(n).from('posts').select('*', { count: 'exact', head: true })
  },
  async 'replies in a grid with their number'({ db }) {
    for (const n of numbers(4, 0)) await db.from('replies').select('id,body', { count: 'exact' }).order('id').range(n * 30, n * 30 + 29)
  },
  async 'settings in four awaits'({ db, rows }) {
    await rows(db.from('members').select('name,role').eq('email', 'member5@example.net').single())
    await rows(db.from('plans').select('key,name').order('seats').limit(5))
    await rows(db.from('locales').select('code,name').order('code').limit(10))
    await rows(db.from('workspaces').select('name,slug').eq('slug', 'ws-9').single())
  },
  async 'lesson page in six awaits'({ db, rows }) {
    await rows(db.from('lessons').select('title,content').eq('id', 61).single())
    await rows(db.from('courses').select('title').eq('slug', 'course-2').single())
    await rows(db.from('submissions').select('id,score').eq('lesson_id', 61).order('id').limit(10))
    await rows(db.from('enrollments').select('progress').eq('learner_id', 19).limit(10))
    await rows(db.from('posts').select('id,title').order('id', { ascending: false }).limit(5))
    await rows(db.from('authors').select('username').order('id').limit(5))
  },
  async 'lesson page in two awaits'({ db, rows }) {
    const lesson = await rows(db.from('lessons').select('title,course_id').eq('id', 62).single())
    await rows(db.from('courses').select('title').eq('id', lesson.course_id).single())
  },
  async 'names of authors, for each reply of a thread'({ db, rows }) {
    const thread = await rows(db.from('replies').select('id,author_id').order('id', { ascending: false }).limit(24))
    for (const one of thread) await rows(db.from('authors').select('username').eq('id', one.author_id).single())
  },
}
