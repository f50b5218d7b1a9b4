// For node:test, take `import { test } from 'node:test'`; the rest is the same.
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

test('the export takes two queries, whatever its size', async () => {
  for (const size of [2, 20]) {
    const { result, queries, told } = await counted('export', (fetch) => exportCreators(fetch, size))
    assert.ok(result.length > 0)
    assert.equal(queries, 2, told)
  }
})

test('what is asked once a row is seen', async () => {
  const { queries, findings, told } = await counted('export', async (fetch) => {
    const creators = await (await fetch(`${base}/creators?select=id&order=id&limit=20`, { headers })).json()
    const profile = `${base}/creator_payout_profiles?select=*&creator_id=eq`
    await Promise.all(creators.map(async ({ id }) => (await fetch(`${profile}.${id}`, { headers })).json()))
  })
  assert.equal(queries, 21, told)
  // Sent at once they are FAN001; where each is answered before the next one has left, they look like a loop: FAN002.
  assert.ok(findings.some((finding) => ['FAN001', 'FAN002'].includes(finding.code)), told)
})

test('an answer that came past fanin is an error', async () => {
  const past = counted('export', (fetch) => fetch(process.env.POSTGREST_URL, { headers }))
  await assert.rejects(past, /is it fanin, with --headers on/)
})
