// Runs the code that a finding prints, with a client of its own: what its functions gave back, and how many calls it took.
// node run_fix.cjs NODE_MODULES URL SERVICE_TOKEN CODE STEPS_JSON, the steps being [[function, argument, …], …]
const { clientOf } = require('./supabase_client.cjs')
const [modules, url, token, code, stepsJson] = process.argv.slice(2)

let calls = 0
const send = globalThis.fetch
globalThis.fetch = (...request) => { calls += 1; return send(...request) }

const names = [...code.matchAll(/^(?:async function|const) (\w+)/gm)].map(([, name]) => name)
const functions = new Function('supabase', `${code}\nreturn { ${names.join(', ')} }`)(clientOf(modules, url, token))

async function main() {
  const results = []
  for (const [name, ...args] of JSON.parse(stepsJson)) {
    const found = await functions[name](...args)
    results.push(found instanceof Map ? Object.fromEntries(found) : found ?? null)
  }
  process.stdout.write(JSON.stringify({ calls, results }))
}

main()
