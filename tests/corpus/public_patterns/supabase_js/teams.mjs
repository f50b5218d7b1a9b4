// Teams with projects and tasks: dashboards, resolvers, bulk edits, webhooks and authorisation per request.
const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)
const some = ({ db, rows }, table, n, columns = 'id') => rows(db.from(table).select(columns).order('id').limit(n))

export default {
  async 'project cards that load their workspace'(stage) {
    const projects = await some(stage, 'projects', 20, 'id,name,workspace_id')
    await Promise.all(projects.map((one) => stage.rows(stage.db.from('workspaces').select('name,slug').eq('id', one.workspace_id).single())))
  },
  async 'project cards with workspaces by one list'(stage) {
    const projects = await some(stage, 'projects', 20, 'id,name,workspace_id')
    await stage.rows(stage.db.from('workspaces').select('id,name').in('id', projects.map((one) => one.workspace_id)))
  },
  async 'resolver of assignees without batching'({ db, rows }) {
    const tasks = await rows(db.from('tasks').select('id,assignee').eq('state', 'doing').order('id').limit(25))
    await Promise.all(tasks.map(async ({ id, assignee }) => {
      await rows(db.from('members').select('name,role').eq('id', assignee).single())
      await rows(db.from('task_files').select('path').eq('task_id', id))
    }))
  },
  async 'resolver of assignees with a batch'({ db, rows }) {
    const tasks = await rows(db.from('tasks').select('id,assignee').eq('state', 'doing').order('id').limit(25))
    await Promise.all([rows(db.from('members').select('id,name').in('id', tasks.map((one) => one.assignee))),
      rows(db.from('task_files').select('task_id,path').in('task_id', tasks.map((one) => one.id)))])
  },
  async 'progress bars, two counts per project'({ db }) {
    await Promise.all(numbers(14).flatMap((id) => [
      db.from('tasks').select('id', { count: 'exact', head: true }).eq('project_id', id),
      db.from('tasks').select('id', { count: 'exact', head: true }).eq('project_id', id).eq('state', 'done')]))
  },
  async 'progress bars from one read'({ db, rows }) {
    await rows(db.from('tasks').select('project_id,state').in('project_id', numbers(14)).limit(800))
  },
  async 'files of tasks, awaited in a reduce'(stage) {
    const tasks = await some(stage, 'tasks', 16)
    await tasks.reduce((before, { id }) => before.then(() => stage.rows(stage.db.from('task_files').select('path').eq('task_id', id))), Promise.resolve())
  },
  async 'workspace by slug, three at a time'({ db, rows }) {
    for (let at = 1; at <= 24; at += 3) {
      await Promise.all([at, at + 1, at + 2].map((n) => rows(db.from('workspaces').select('id,name').eq('slug', `ws-${n}`).single())))
    }
  },
  async 'membership checked before each of seven actions'({ db, rows }) {
    for (const id of numbers(7, 300)) {
      await rows(db.from('members').select('role').eq('email', 'member20@example.net').single())
      await rows(db.from('tasks').select('id,title').eq('project_id', id - 290).limit(5))
    }
  },
  async 'membership checked once per request'({ page, rows }) {
    for (const n of numbers(8)) {
      await rows(page(n).from('members').select('id,workspace_id,role').eq('email', `member${n}@example.net`).single())
      await rows(page(n).from('tasks').select('id,title').eq('project_id', n).order('position').limit(20))
    }
  },
  async 'same plan asked for by every widget'({ db, rows }) {
    await Promise.all(numbers(6).map(() => rows(db.from('plans').select('name,seats').eq('key', 'team').single())))
  },
  async 'hook used in nine cells of a grid'({ db, rows }) {
    await Promise.all(numbers(9).map(() => rows(db.from('workspaces').select('id,name,plan').eq('slug', 'ws-3').single())))
  },
  async 'plans on every request of an API'({ page, rows }) {
    for (const n of numbers(28)) {
      await rows(page(n).from('plans').select('key,name,seats'))
      await rows(page(n).from('workspaces').select('id,name,plan').eq('slug', `ws-${n}`).single())
    }
  },
  async 'languages and plans with each render'({ page, rows }) {
    for (const n of numbers(26)) {
      await Promise.all([rows(page(n).from('locales').select('code,name')), rows(page(n).from('projects').select('name').eq('id', n).single())])
    }
  },
  async 'newest tasks of a team on each render'({ page, rows }) {
    for (const n of numbers(24)) {
      await rows(page(n).from('tasks').select('id,title').eq('project_id', n).order('id', { ascending: false }).limit(5))
      if (n % 3 === 0) await rows(page(200 + n).from('tasks').insert({ project_id: n, title: `New ${n}`, description: '', state: 'todo', position: 0, checklist: [] }))
    }
  },
  async 'board reordered with a write per card'({ db, rows }) {
    await Promise.all(numbers(18, 40).map((id, position) => rows(db.from('tasks').update({ position }).eq('id', id))))
  },
  async 'checklist created item by item'({ db, rows }) {
    for (const n of numbers(12)) await rows(db.from('task_files').insert({ task_id: 7, path: `new/${n}` }))
  },
  async 'checklist created in one insert'({ db, rows }) {
    await rows(db.from('task_files').insert(numbers(12).map((n) => ({ task_id: 8, path: `new/${n}` }))))
  },
  async 'selected tasks deleted one by one'({ db, rows }) {
    for (const id of numbers(11, 50)) await rows(db.from('task_files').delete().eq('id', id))
  },
  async 'selected tasks deleted by a list'({ db, rows }) {
    await rows(db.from('task_files').delete().in('id', numbers(11, 80)))
  },
  async 'a task and its three kinds of parts'({ db, rows }) {
    const task = await rows(db.from('tasks').insert({ project_id: 3, title: 'A', description: '', state: 'todo', position: 0, checklist: [] }).select('id').single())
    await rows(db.from('task_files').insert({ task_id: task.id, path: 'a' }))
    await rows(db.from('billing').insert({ workspace_id: (await rows(db.from('projects').select('workspace_id').eq('id', 3).single())).workspace_id, amount: 1, state: 'open' }))
  },
  async 'files added, the list counted after each'({ db, rows }) {
    for (const n of numbers(9)) {
      await rows(db.from('task_files').insert({ task_id: 31, path: `x/${n}` }))
      await rows(db.from('task_files').select('id').eq('task_id', 31))
    }
  },
  async 'tasks ticked, the open ones counted after each'({ db, rows }) {
    for (const { id } of await rows(db.from('tasks').select('id').eq('project_id', 12).order('id').limit(8))) {
      await rows(db.from('tasks').update({ state: 'done' }).eq('id', id))
      await db.from('tasks').select('id', { count: 'exact' }).eq('project_id', 12).neq('state', 'done')
    }
  },
  async 'a task ticked, the list read again'({ db, rows }) {
    await rows(db.from('tasks').update({ state: 'done' }).eq('id', 500))
    await rows(db.from('tasks').select('id,title,state').eq('project_id', 21).order('position').limit(50))
  },
  async 'webhooks, each in its own request'({ page, db, rows }) {
    for (const n of numbers(10)) {
      const seen = await rows(page(n).from('webhook_events').select('id,done').eq('event', `evt_${n}`).maybeSingle())
      await rows(page(n).from('billing').update({ state: 'paid' }).eq('id', n))
      await rows(page(n).from('webhook_events').update({ done: true }).eq('id', seen.id))
    }
  },
  async 'webhook that settles the lines of an invoice'({ db, rows }) {
    const lines = await rows(db.from('billing').select('id,amount').eq('state', 'open').order('id').limit(15))
    for (const { id, amount } of lines) await rows(db.from('billing').update({ amount: amount + 1, state: 'paid' }).eq('id', id))
  },
  async 'tasks of a list with every column'({ db, rows }) {
    await rows(db.from('tasks').select('*').eq('state', 'todo').order('position').limit(150))
  },
  async 'posts of a blog index with every column'({ db, rows }) {
    await rows(db.from('posts').select('*').order('id', { ascending: false }).limit(100))
  },
  async 'all tasks to find one by title'({ db, rows }) {
    const all = await rows(db.from('tasks').select('id,title').order('id').limit(900))
    const one = all.find(({ title }) => title === 'Task 612')
    await rows(db.from('task_files').select('path').eq('task_id', one.id))
  },
  async 'all members to find an owner'({ db, rows }) {
    const all = await rows(db.from('members').select('id,email,role'))
    const one = all.find(({ email }) => email === 'member311@example.net')
    await rows(db.from('tasks').select('id,title').eq('assignee', one.id).limit(10))
  },
  async 'members listed, and one page of tasks'({ db, rows }) {
    await Promise.all([rows(db.from('members').select('id,name').order('name').limit(40)), rows(db.from('tasks').select('id,title').order('id').limit(40))])
  },
  async 'spend summed in the browser'({ db, rows }) {
    const all = await rows(db.from('billing').select('amount,state'))
    all.reduce((sum, one) => sum + one.amount, 0)
  },
  async 'tasks of every project at once'({ db, rows }) {
    await rows(db.from('tasks').select('id,project_id,state'))
  },
  async 'log of tasks, counted on each page'({ db }) {
    for (const n of numbers(6, 0)) await db.from('tasks').select('id,title', { count: 'exact' }).order('id').range(n * 50, n * 50 + 49)
  },
  async 'log of tasks, page after page to the end'({ db, rows }) {
    for (let at = 0; at < 2400; at += 100) await rows(db.from('tasks').select('id,state').order('id').range(at, at + 99))
  },
  async 'log of tasks, by the last id'({ db, rows }) {
    for (let last = 0, n = 0; n < 12; n++) {
      const page = await rows(db.from('tasks').select('id,state').gt('id', last).order('id').limit(100))
      last = page.at(-1).id
    }
  },
  async 'admin home of forty widgets'({ db, rows }) {
    const tables = ['tasks', 'billing', 'task_files', 'webhook_events', 'replies', 'posts', 'appointments', 'scans', 'shipments', 'submissions']
    await Promise.all(tables.flatMap((table) => [rows(db.from(table).select('id').order('id').limit(5)), rows(db.from(table).select('id').order('id', { ascending: false }).limit(7)),
      rows(db.from(table).select('id').gt('id', 40).order('id').limit(9)), rows(db.from(table).select('*').lt('id', 3).order('id').limit(2))]))
  },
  async 'admin home of eight widgets'({ db, rows }) {
    await Promise.all(['tasks', 'billing', 'task_files', 'webhook_events', 'replies', 'posts', 'scans', 'shipments'].map((table) => rows(db.from(table).select('id').order('id').limit(5))))
  },
  async 'posts of a feed, each asked whether I like it'({ db, rows }) {
    const feed = await rows(db.from('posts').select('id,title').order('id').limit(20))
    for (const { id } of feed) await rows(db.rpc('has_liked', { post: id, who: 9 }))
  },
  async 'posts of a feed, each asked at once whether I like it'({ db, rows }) {
    const feed = await rows(db.from('posts').select('id,title').order('id').limit(16))
    await Promise.all(feed.map(({ id }) => rows(db.rpc('has_liked', { post: id, who: 9 }))))
  },
  async 'posts of a feed by one function'({ db, rows }) {
    await rows(db.rpc('feed_for', { who: 9, size: 20 }))
  },
  async 'request ids in a header of each read'({ page, rows }) {
    for (const n of [1, 2]) {
      await Promise.all(numbers(20, 20 * n).map((id) => rows(page(n).from('tasks').select('title').eq('id', id).single().setHeader('X-Request-Id', `r-${n}-${id}`))))
    }
  },
  async 'timestamps in a header of each read'({ page, rows }) {
    for (const n of [1, 2]) {
      await Promise.all(numbers(24, 30 * n).map((id, at) => rows(page(n).from('posts').select('title').eq('id', id).single().setHeader('X-Sent-At', `${1700000000 + 997 * at + n}`))))
    }
  },
  async 'feature of a tenant in a header of each page'({ page, rows }) {
    for (const n of [1, 2]) await rows(page(n).from('tasks').select('title').eq('id', n).single().setHeader('X-Tenant', `t-${n}`))
  },
}
