// Fan-outs of N parallel fetches against several sides in turn; prints the seconds of each round as JSON.
// node fanout.cjs ROUNDS TOKEN SIDES.json, with [{name, url, targets, first}]: where first is given, it is fetched and
// read before the targets are fetched together.
const { readFileSync } = require("node:fs");

const [rounds, token, file] = process.argv.slice(2);
const sides = JSON.parse(readFileSync(file, "utf8"));
const headers = { Authorization: `Bearer ${token}` };

async function read(url) {
  const response = await fetch(url, { headers });
  if (response.status !== 200) throw new Error(`${response.status} for ${url}`);
  await response.text();
}

async function once({ url, targets, first }) {
  const began = performance.now();
  if (first) await read(first);
  await Promise.all(targets.map((target) => read(url + target)));
  return (performance.now() - began) / 1000;
}

(async () => {
  const seconds = {};
  for (let round = 0; round < Number(rounds) + 3; round++) {
    for (const side of sides) {
      const took = await once(side);
      if (round > 2) (seconds[side.name] ??= []).push(took);
    }
  }
  console.log(JSON.stringify(seconds));
})();
