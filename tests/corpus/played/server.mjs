// An application server as Next.js' App Router is: each request runs a handler that deploy/clients wraps.
import http from 'node:http'
import { tracedFetch } from '../../../deploy/clients/fanin.mjs'
import { withFanin } from '../../../deploy/clients/fanin-next.mjs'

const PROJECT = 'http://project.test'

// Asks a new server for `count` requests at once; `answer(db, n)` answers each.
export async function withServer({ name, url, token, createClient }, answer, count) {
  const db = createClient(PROJECT, token, {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: class {} }, // Node 20 has no WebSocket, and none is opened
    global: { fetch: tracedFetch({ project: PROJECT, fanin: url, callers: true }) },
  })
  const GET = withFanin(async (request) => Response.json(await answer(db, Number(new URL(request.url).pathname.slice(1)))), name)
  const server = http.createServer(async (request, response) => {
    const answered = await GET(new Request(`http://app.test${request.url}`), { params: Promise.resolve({}) })
    response.end(await answered.text())
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const at = `http://127.0.0.1:${server.address().port}`
  await Promise.all(Array.from({ length: count }, async (_, n) => (await fetch(`${at}/${n}`)).text()))
  server.closeAllConnections()
  server.close()
}
