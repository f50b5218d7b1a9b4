// Query budgets for vitest, node:test or any other runner. With `--headers on`, fanin adds to each answer the number of
// queries of its trace so far. The application under test calls fanin instead of PostgREST.

import { randomUUID } from 'node:crypto'

/** A finding, with more members than these: docs/reference/audit.md of fanin has them all.
 *  @typedef {{ code: string, impact: string, title: string, problem: string, evidence: string[] }} Finding */

/**
 * Runs `work(fetch)`; the requests sent with that `fetch` are one trace named `route`. Returns the result of `work`, the numbers
 * of the trace, and `summary`, the numbers as text for the message of an assertion.
 * Throws for an answer without the numbers: it did not come through fanin, or fanin runs without `--headers on`.
 *
 * With `admin`, the address of fanin's admin port, the trace is closed, and `findings` has what the rules found in it.
 * @template T @param {string} route @param {(fetch: typeof globalThis.fetch) => T | PromiseLike<T>} work
 * @param {string} [admin]
 * @returns {Promise<{ result: T, queries: number, saved: number, findings: Finding[], summary: string }>}
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
    const count = answer.headers.get('X-Fanin-Queries')
    if (answer.headers.get('X-Fanin-Trace') !== id || count === null) {
      await answer.body?.cancel()
      throw new Error(`no X-Fanin-Queries from ${answer.url}: is it fanin, with --headers on?`)
    }
    queries = Math.max(queries, Number(count))
    saved = Math.max(saved, Number(answer.headers.get('X-Fanin-Saved')))
    return answer
  }
  const result = await work(traced)
  const findings = admin ? await closeTrace(admin, id) : []
  const lines = [`${route}: ${queries} queries, ${saved} saved`, ...findings.map(({ code, title }) => `${code}: ${title}`)]
  return { result, queries, saved, findings, summary: lines.join('\n') }
}

/** Closes the trace and returns its findings. */
async function closeTrace(admin, id) {
  const json = { 'Content-Type': 'application/json' }
  const answer = await fetch(`${admin}/api/traces/${id}/close`, { method: 'POST', headers: json, body: '{}' })
  if (!answer.ok) throw new Error(`fanin answers ${answer.status}: ${await answer.text()}`)
  const { open, parts } = await answer.json()
  if (open) throw new Error('requests are still in flight: await them')
  return parts.flatMap((part) => part.findings.map((view) => view.finding))
}
