// Runs printed supabase-js code, one piece per line of standard input, in one process: { code, calls, schema }.
// node fix_runner.cjs NODE_MODULES URL SERVICE_TOKEN; prints a line per piece: { results, requests } or { error }.
const { createInterface } = require('node:readline')
const { clientOf } = require('./supabase_client.cjs')
const [modules, url, token] = process.argv.slice(2)

let requests = 0
const send = globalThis.fetch
globalThis.fetch = (...request) => { requests += 1; return send(...request) }
const clients = new Map()

function client(schema) {
  if (!clients.has(schema)) clients.set(schema, clientOf(modules, url, token, { schema }))
  return clients.get(schema)
}

function functionOf(code, schema) {
  const plain = code.replace('import { cache } from "react";', 'const cache = (read) => read;').replaceAll('export const', 'const')
  const names = [...plain.matchAll(/^(?:async function|const) (\w+)/gm)].map(([, name]) => name)
  const name = names.filter((one) => one !== 'cache' && one !== 'columns').at(0)
  return new Function('supabase', `${plain}\nreturn ${name}`)(client(schema))
}

const shown = (value) => (value instanceof Map ? { map: [...value] } : value ?? null)

async function run({ code, calls, schema }) {
  requests = 0
  try {
    const call = functionOf(code, schema)
    const results = []
    for (const args of calls) results.push(shown(await call(...args)))
    return { results, requests }
  } catch (error) {
    return { error: error.message ?? String(error) }
  }
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await run(JSON.parse(line))) + '\n')
  }
}

main()
