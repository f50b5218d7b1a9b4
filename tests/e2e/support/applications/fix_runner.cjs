// Runs printed supabase-js code, one piece per line of standard input, in one process: { code, calls, steps, schema }.
// `calls` are the arguments of each call of its first function, `steps` are [[function, argument, …], …].
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

// React's cache calls the function itself, outside the rendering of a page.
const react = { cache: (read) => (...args) => read(...args) }

// The functions of the code by their names. A function body has no import and no export: only these words are replaced.
function functionsOf(code, schema) {
  const plain = code.replace('import { cache } from "react";', 'const { cache } = react;').replaceAll('export const', 'const')
  const names = [...plain.matchAll(/^(?:async function|const) (\w+)/gm)].map(([, name]) => name).filter((name) => name !== 'columns')
  const body = `${plain}\nreturn { ${names.join(', ')} }`
  return new Function('supabase', 'react', body)(client(schema), react)
}

const shown = (value) => (value instanceof Map ? { map: [...value] } : value ?? null)

async function run({ code, calls = [], steps = [], schema }) {
  requests = 0
  try {
    const functions = functionsOf(code, schema)
    const results = []
    for (const args of calls) results.push(shown(await Object.values(functions)[0](...args)))
    for (const [name, ...args] of steps) results.push(shown(await stepOf(functions, name)(...args)))
    return { results, requests }
  } catch (error) {
    return { error: error.message ?? String(error) }
  }
}

// `name` or `name.method`.
function stepOf(functions, name) {
  const [first, method] = name.split('.')
  return method ? functions[first][method] : functions[first]
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await run(JSON.parse(line))) + '\n')
  }
}

main()
