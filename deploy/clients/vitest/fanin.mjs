// Query budgets for vitest, node:test or any other runner: fanin tells with each answer how many queries its trace has so
// far. Run it with `--headers on`; its address takes the place of PostgREST's.

import { randomUUID } from 'node:crypto'

/**
 * Run `work(fetch)`, whose requests by that `fetch` are one trace of `route`; returns what it returned, its numbers, and
 * `told`, the numbers in words, for the message of an assertion.
 * Answers without the numbers are an error: they came past fanin, or from one that does not tell.
 *
 * With `admin`, the address of fanin's admin port, the trace is closed at once, and `findings` says what rules found.
 */
export async function counted(route, work, admin = process.env.FANIN_ADMIN_URL) {
  const id = randomUUID()
  let queries = 0
  let saved = 0
  const traced = async (input, init = {}) => {
    const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined))
    headers.set('X-Fanin-Trace', id)
    headers.set('X-Fanin-Route', route)
    const answer = await fetch(input, { ...init, headers })
    const told = answer.headers.get('X-Fanin-Queries')
    if (answer.headers.get('X-Fanin-Trace') !== id || told === null) {
      await answer.body?.cancel()
      throw new Error(`no X-Fanin-Queries from ${answer.url}: is it fanin, with --headers on?`)
    }
    queries = Math.max(queries, Number(told))
    saved = Math.max(saved, Number(answer.headers.get('X-Fanin-Saved')))
    return answer
  }
  const result = await work(traced)
  const findings = admin ? await closed(admin, id) : []
  const lines = [`${route}: ${queries} queries, ${saved} saved`, ...findings.map(({ code, title }) => `${code}: ${title}`)]
  return { result, queries, saved, findings, told: lines.join('\n') }
}

/** What rules found in a trace that is over. */
async function closed(admin, id) {
  const json = { 'Content-Type': 'application/json' }
  const answer = await fetch(`${admin}/api/traces/${id}/close`, { method: 'POST', headers: json, body: '{}' })
  if (!answer.ok) throw new Error(`fanin answers ${answer.status}: ${await answer.text()}`)
  const { open, parts } = await answer.json()
  if (open) throw new Error('requests are still in flight: await them')
  return parts.flatMap((part) => part.findings.map((view) => view.finding))
}
