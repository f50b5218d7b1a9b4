// Game tournaments: standings, check-in, brackets, profiles and clans.
import { createHash } from 'node:crypto'

const numbers = (n, from = 1) => Array.from({ length: n }, (_, at) => at + from)
const uuid = (text) => createHash('md5').update(text).digest('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
const newest = { ascending: false }

export const together = {
  async 'bracket opened duel by duel'({ db, rows, sleep }) {
    for (const id of [401, 403, 407, 402, 431, 455]) {
      await rows(db.from('duels').select('round,score').eq('id', id).single())
      await sleep(900 + id)
    }
  },
  async 'standings refetched at each message of the channel'({ db, rows, sleep }) {
    for (const wait of [900, 1600, 700, 2100, 1200]) {
      await rows(db.from('gamers').select('handle,elo').order('elo', newest).limit(20))
      await sleep(wait)
    }
  },
  async 'profiles fetched ahead under the pointer'({ db, rows, sleep }) {
    for (const n of [5, 9, 12, 31, 8, 40]) {
      await rows(db.from('gamers').select('handle,avatar').eq('id', uuid(`p${n}`)).single())
      await sleep(310 + 17 * n)
    }
  },
  async 'feed of a clan scrolled page after page'({ db, rows, sleep }) {
    for (let from = 0; from < 100; from += 20) {
      await rows(db.from('clan_posts').select('id,body').order('id', newest).range(from, from + 19))
      await sleep(850)
    }
  },
}

export default {
  async 'standings that count the wins of each gamer'({ db, rows }) {
    const top = await rows(db.from('gamers').select('id,handle,elo').order('elo', newest).limit(25))
    await Promise.all(top.map(({ id }) => db.from('duels').select('id', { count: 'exact', head: true }).eq('winner_id', id)))
  },
  async 'standings that await the rank of each gamer'({ db, rows }) {
    const top = await rows(db.from('gamers').select('id,handle').order('elo', newest).limit(20))
    for (const { id } of top) await db.rpc('gamer_rank', { gamer: id })
  },
  async 'rank of one gamer'({ db, rows }) {
    await rows(db.from('gamers').select('handle,elo').eq('id', uuid('p6')).single())
    await db.rpc('gamer_rank', { gamer: uuid('p6') })
  },
  async 'handles of both sides of each duel'({ db, rows }) {
    const duels = await rows(db.from('duels').select('id,left_id,right_id').eq('tournament_id', 12).order('id').limit(16))
    await Promise.all(duels.flatMap((duel) => [rows(db.from('gamers').select('handle').eq('id', duel.left_id).single()), rows(db.from('gamers').select('handle').eq('id', duel.right_id).single())]))
  },
  async 'handles of both sides by one list'({ db, rows }) {
    const duels = await rows(db.from('duels').select('id,left_id,right_id').eq('tournament_id', 13).order('id').limit(16))
    await rows(db.from('gamers').select('id,handle').in('id', duels.flatMap((duel) => [duel.left_id, duel.right_id])))
  },
  async 'last duel of each pair of a draw'({ db, rows }) {
    const pairs = numbers(12).map((n) => [uuid(`p${1 + n}`), uuid(`p${1 + n * 13}`)])
    for (const [left, right] of pairs) await rows(db.from('duels').select('score,played_on').eq('left_id', left).eq('right_id', right).order('id', newest).limit(1))
  },
  async 'entries read tournament after tournament'({ db, rows }) {
    for (const { id } of await rows(db.from('tournaments').select('id,title').eq('state', 'running').order('id').limit(18))) {
      await rows(db.from('tournament_entries').select('gamer_id,seed').eq('tournament_id', id).order('seed').limit(8))
    }
  },
  async 'entries embedded in their tournaments'({ db, rows }) {
    await rows(db.from('tournaments').select('id,title,tournament_entries(gamer_id,seed)').eq('state', 'running').order('id').limit(18))
  },
  async 'clans resolved by a list of one for each gamer'({ db, rows }) {
    for (const gamer of await rows(db.from('gamers').select('handle,clan_id').order('handle').limit(15))) {
      await rows(db.from('clans').select('tag,name').in('id', [gamer.clan_id]))
    }
  },
  async 'members of each clan by an embedded filter'({ db, rows }) {
    const clans = await rows(db.from('clans').select('id,tag').order('level', newest).order('id').limit(14))
    await Promise.all(clans.map(({ tag }) => rows(db.from('gamers').select('handle,clans!inner(tag)').eq('clans.tag', tag).order('elo', newest).limit(5))))
  },
  async 'three columns of a board by their fixed states'({ db, rows }) {
    await Promise.all(['open', 'running', 'over'].map((state) => rows(db.from('tournaments').select('id,title').eq('state', state).order('starts_on').limit(10))))
  },
  async 'check-in sent gamer by gamer'({ db, rows }) {
    const entries = await rows(db.from('tournament_entries').select('id').eq('tournament_id', 20).order('seed').limit(24))
    for (const { id } of entries) await rows(db.from('tournament_entries').update({ checked_in: true }).eq('id', id))
  },
  async 'check-in sent for all of a list'({ db, rows }) {
    const entries = await rows(db.from('tournament_entries').select('id').eq('tournament_id', 21).order('seed').limit(24))
    await rows(db.from('tournament_entries').update({ checked_in: true }).in('id', entries.map(({ id }) => id)))
  },
  async 'seeds written with an upsert for each entry'({ db, rows }) {
    const entries = await rows(db.from('tournament_entries').select('id,tournament_id,gamer_id').eq('tournament_id', 22).order('id').limit(16))
    await Promise.all(entries.map((entry, at) => rows(db.from('tournament_entries').upsert({ ...entry, seed: at }, { onConflict: 'id' }))))
  },
  async 'seeds written with one upsert'({ db, rows }) {
    const entries = await rows(db.from('tournament_entries').select('id,tournament_id,gamer_id').eq('tournament_id', 23).order('id').limit(16))
    await rows(db.from('tournament_entries').upsert(entries.map((entry, at) => ({ ...entry, seed: at }))))
  },
  async 'bracket made round by round with a row for each duel'({ db, rows }) {
    for (const round of [1, 2, 3]) {
      for (const n of numbers(8 / 2 ** (round - 1), 50)) {
        await rows(db.from('duels').insert({ tournament_id: 30, round, left_id: uuid(`p${n}`), right_id: uuid(`p${n + 20}`), played_on: '2026-01-01' }))
      }
    }
  },
  async 'three rounds of a bracket in three inserts'({ db, rows }) {
    for (const round of [1, 2, 3]) {
      await rows(db.from('duels').insert(numbers(8 / 2 ** (round - 1), 50).map((n) => ({ tournament_id: 31, round, left_id: uuid(`p${n}`), right_id: uuid(`p${n + 20}`), played_on: '2026-01-01' }))))
    }
  },
  async 'achievement given unless the gamer has it'({ db, rows }) {
    for (const n of numbers(10, 100)) {
      const found = await rows(db.from('gamer_achievements').select('won_on').eq('gamer_id', uuid(`p${n}`)).eq('achievement_code', 'a19'))
      if (!found.length) await rows(db.from('gamer_achievements').insert({ gamer_id: uuid(`p${n}`), achievement_code: 'a19', won_on: '2026-11-02' }))
    }
  },
  async 'achievement given to all, those who have it left alone'({ db, rows }) {
    await rows(db.from('gamer_achievements').upsert(numbers(10, 120).map((n) => ({ gamer_id: uuid(`p${n}`), achievement_code: 'a19', won_on: '2026-11-02' })), { ignoreDuplicates: true }))
  },
  async 'preferences read by layout, header, page and player'({ db, rows }) {
    for (const table of ['clans', 'game_modes', 'achievements', '']) {
      await rows(db.from('gamer_prefs').select('theme,locale').eq('gamer_id', uuid('p3')).single())
      if (table === 'clans') await rows(db.from('tournaments').select('id,title').eq('slug', 'cup-5').single())
    }
  },
  async 'preferences read before and after they were saved'({ db, rows }) {
    for (const theme of ['light', 'dark', 'blue', 'green']) {
      await rows(db.from('gamer_prefs').select('theme').eq('gamer_id', uuid('p8')).single())
      await rows(db.from('gamer_prefs').update({ theme }).eq('gamer_id', uuid('p8')))
    }
  },
  async 'game modes read again for each tournament that is made'({ db, rows }) {
    for (const n of numbers(7, 30)) {
      const modes = await rows(db.from('game_modes').select('code,name'))
      await rows(db.from('tournaments').update({ mode_code: modes[n % 6].code }).eq('slug', `cup-${n}`))
    }
  },
  async 'profile that finds its gamer in the list of all'({ db, rows }) {
    const gamer = (await rows(db.from('gamers').select('id,handle,elo').order('elo', newest))).find(({ handle }) => handle === 'gamer420')
    await rows(db.from('gamer_achievements').select('achievement_code,won_on').eq('gamer_id', gamer.id))
    await rows(db.from('duels').select('score,played_on').eq('winner_id', gamer.id).limit(5))
  },
  async 'profile that finds its gamer by handle'({ db, rows }) {
    const gamer = await rows(db.from('gamers').select('id,handle,elo').eq('handle', 'gamer421').single())
    await rows(db.from('gamer_achievements').select('achievement_code,won_on').eq('gamer_id', gamer.id))
  },
  async 'latest winner taken from all duels with their winners'({ db, rows }) {
    const duels = await rows(db.from('duels').select('id,winner_id,played_on').order('played_on', newest).limit(600))
    await rows(db.from('gamers').select('handle,elo').eq('id', duels[0].winner_id).single())
  },
  async 'current tournament picked from a short list'({ db, rows }) {
    const [first] = await rows(db.from('tournaments').select('id,title,starts_on').eq('state', 'running').order('starts_on').limit(5))
    await rows(db.from('tournament_entries').select('gamer_id,seed').eq('tournament_id', first.id).limit(30))
  },
  async 'clan page in five awaits'({ db, rows }) {
    await rows(db.from('clans').select('tag,name,level').eq('id', 17).single())
    await rows(db.from('gamers').select('handle,elo').eq('clan_id', 17).order('elo', newest).limit(10))
    await rows(db.from('clan_posts').select('body').eq('clan_id', 17).order('id', newest).limit(10))
    await rows(db.from('tournaments').select('title,starts_on').eq('state', 'open').order('starts_on').limit(5))
    await rows(db.from('game_modes').select('code,name'))
  },
  async 'numbers of the start page counted in turn'({ db }) {
    await db.from('gamers').select('id', { count: 'exact', head: true })
    await db.from('clans').select('id', { count: 'exact', head: true })
    await db.from('tournaments').select('id', { count: 'exact', head: true }).eq('state', 'running')
    await db.from('clan_posts').select('id', { count: 'exact', head: true })
  },
  async 'numbers of the start page counted at once'({ db }) {
    await Promise.all([db.from('gamers').select('id', { count: 'exact', head: true }), db.from('clans').select('id', { count: 'exact', head: true }),
      db.from('tournaments').select('id', { count: 'exact', head: true }).eq('state', 'running'), db.from('clan_posts').select('id', { count: 'exact', head: true })])
  },
  async 'handler that saves the visit and then reads three things in turn'({ db, rows }) {
    await rows(db.from('gamer_prefs').update({ locale: 'en' }).eq('gamer_id', uuid('p31')))
    await rows(db.from('tournaments').select('id,title').eq('state', 'open').order('id').limit(10))
    await rows(db.from('gamers').select('handle,elo').order('elo', newest).limit(10))
    await rows(db.from('clan_posts').select('id,body').order('id', newest).limit(10))
    await rows(db.from('achievements').select('code,title,points').order('points'))
  },
  async 'duels of the season counted by their modes in the page'({ db, rows }) {
    await rows(db.from('duels').select('tournament_id,winner_id'))
  },
  async 'duels of the season read up to nine thousand'({ db, rows }) {
    await rows(db.from('duels').select('id,winner_id').order('id').range(0, 8999))
  },
  async 'duels of the season read in pages that the server cuts'({ db, rows }) {
    for (let from = 0, page; !page || page.length; from += 2500) page = await rows(db.from('duels').select('id,round').order('id').range(from, from + 2499))
  },
  async 'duels of the season read after the last id'({ db, rows }) {
    for (let last = 0, page; !page || page.length === 1000; last = page.at(-1).id) page = await rows(db.from('duels').select('id,round').gt('id', last).order('id').limit(1000))
  },
  async 'all gamers for a select box'({ db, rows }) {
    await rows(db.from('gamers').select('id,handle').order('handle'))
  },
  async 'all posts of the clans for the moderator'({ db, rows }) {
    await rows(db.from('clan_posts').select('id,clan_id,body').order('id', newest))
  },
  async 'gamers of the ladder with every column'({ db, rows }) {
    await rows(db.from('gamers').select('*').order('elo', newest).limit(300))
  },
  async 'history of duels at page two hundred'({ db, rows }) {
    await rows(db.from('duels').select('id,score').order('id').range(5000, 5024))
  },
  async 'history of duels with an exact total on each page'({ db, rows }) {
    for (let from = 0; from < 125; from += 25) await rows(db.from('duels').select('id,score', { count: 'exact' }).eq('round', 2).order('id').range(from, from + 24))
  },
  async 'bracket followed to the final'({ db, rows }) {
    for (let id = 10, n = 0; n < 7; n++) id = (await rows(db.from('duels').select('round,next_duel_id').eq('id', id).single())).next_duel_id
  },
  async 'results written and the open duels counted after each'({ db, rows }) {
    for (const id of numbers(6, 700)) {
      await rows(db.from('duels').update({ score: '2:1' }).eq('id', id))
      await db.from('duels').select('id', { count: 'exact', head: true }).eq('tournament_id', 40).eq('score', '')
    }
  },
  async 'duel report on six screens'({ page, rows }) {
    for (const n of numbers(6)) await rows(page(n).from('duel_report').select('round,duels'))
  },
  async 'game modes read by each of twenty-eight pages'({ page, rows }) {
    for (const n of numbers(28)) {
      await rows(page(n).from('game_modes').select('code,name').order('name'))
      await rows(page(n).from('tournaments').select('title,state').eq('slug', `cup-${n}`).single())
    }
  },
  async 'avatars of a whole ladder asked for by one long list'({ db }) {
    await db.from('gamers').select('id,avatar').in('id', numbers(860).map((n) => uuid(`p${n}`)))
  },
  async 'avatars of forty gamers asked for by one list'({ db, rows }) {
    await rows(db.from('gamers').select('id,avatar').in('id', numbers(40).map((n) => uuid(`p${n}`))))
  },
}
