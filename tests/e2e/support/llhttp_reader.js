// Reads streams of requests with Node's own parser, llhttp, at its most lenient: one stream in Base64 per line of the
// file that is named by the argument. Prints, as JSON, the requests of each: method, and target and body in Base64.
'use strict'
const fs = require('node:fs')
const http = require('node:http')
const net = require('node:net')

const base64 = (text) => Buffer.from(text, 'latin1').toString('base64')
const found = new Map()

const server = http.createServer(
  { insecureHTTPParser: true, requireHostHeader: false, maxHeaderSize: 1 << 20 },
  (request, response) => {
    const pieces = []
    const requests = found.get(request.socket.remotePort)
    request.on('data', (piece) => pieces.push(piece))
    request.on('end', () => {
      requests.push([request.method, base64(request.url), Buffer.concat(pieces).toString('base64')])
      response.end('ok')
    })
  },
)
server.on('checkContinue', (request, response) => server.emit('request', request, response))
server.on('checkExpectation', (request, response) => server.emit('request', request, response))
server.on('clientError', (error, socket) => socket.destroy())

function read(stream) {
  return new Promise((resolve) => {
    const client = net.connect(server.address().port, '127.0.0.1', () => {
      const requests = []
      found.set(client.localPort, requests)
      client.end(stream)
      client.resume()
      client.on('error', () => {})
      client.on('close', () => setImmediate(() => resolve(requests)))
    })
  })
}

server.listen(0, '127.0.0.1', async () => {
  const streams = fs.readFileSync(process.argv[2], 'ascii').split('\n').filter(Boolean)
  const all = []
  for (const stream of streams) all.push(await read(Buffer.from(stream, 'base64')))
  fs.writeFileSync(process.argv[3], JSON.stringify(all))
  process.exit(0)
})
