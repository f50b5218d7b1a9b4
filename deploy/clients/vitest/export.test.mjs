// With node:test, use `import { test } from 'node:test'`; the rest is the same.
import assert from 'node:assert/strict'
import { test } from 'vitest'
import { counted } from './fanin.mjs'

const base = process.env.FANIN_URL
const headers = { Authorization: `Bearer ${process.env.EXAMPLE_TOKEN}` }

async function exportCreators(fetch, size) {
  const creators = await (await fetch(`${base}/creators?select=id&order=id&limit=${size}`, { headers })).json()
  const ids = creators.map((creator) => creator.id).join(',')
  return (await fetch(`${base}/creator_payout_profiles?select=*&creator_id=in.(${ids})`, { headers })).json()
}

test('the export makes two queries, whatever its size', async () => {
  for (const size of [2, 20]) {
    const { result, queries, summary } = await counted('export', (fetch) => exportCreators(fetch, size))
    assert.ok(result.length > 0)
    assert.equal(queries, 2, summary)
  }
})

test('an export that makes one query per row is found', async () => {
  const { queries, findings, summary } = await counted('export', async (fetch) => {
    const creators = await (await fetch(`${base}/creators?select=id&order=id&limit=20`, { headers })).json()
    const profile = `${base}/creator_payout_profiles?select=*&creator_id=eq`
    await Promise.all(creators.map(async ({ id }) => (await fetch(`${profile}.${id}`, { headers })).json()))
  })
  assert.equal(queries, 21, summary)
  // Requests in parallel are FAN001. If each is answered before the next one is sent, they are a loop: FAN002.
  assert.ok(findings.some((finding) => ['FAN001', 'FAN002'].includes(finding.code)), summary)
})

test('an answer that did not come through fanin is an error', async () => {
  const bypassed = counted('export', (fetch) => fetch(process.env.POSTGREST_URL, { headers }))
  await assert.rejects(bypassed, /is it fanin, with --headers on/)
})
