// An application server: each request runs a handler that is a trace of deploy/clients.
import http from 'node:http'
import { trace, tracedFetch } from '../../deploy/clients/fanin.mjs'

const PROJECT = 'http://project.test'

// Asks a new server for `count` requests at once; `answer(db, n)` answers each.
export async function withServer({ name, url, token, createClient }, answer, count) {
  const db = createClient(PROJECT, token, {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: class {} }, // Node 20 has no WebSocket, and none is opened
    global: { fetch: tracedFetch({ project: PROJECT, fanin: url, callers: true }) },
  })
  const server = http.createServer(async (request, response) => {
    response.end(JSON.stringify(await trace(name, () => answer(db, Number(request.url.slice(1))))))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const at = `http://127.0.0.1:${server.address().port}`
  await Promise.all(Array.from({ length: count }, async (_, n) => (await fetch(`${at}/${n}`)).text()))
  server.closeAllConnections()
  server.close()
}
