// Fan-outs of N parallel fetches against several base URLs in turn; prints the seconds of each round as JSON.
// node fanout.cjs ROUNDS TOKEN TARGETS.json NAME=URL…
const { readFileSync } = require("node:fs");

const [rounds, token, file, ...sides] = process.argv.slice(2);
const targets = JSON.parse(readFileSync(file, "utf8"));
const headers = { Authorization: `Bearer ${token}` };

async function once(base) {
  const began = performance.now();
  await Promise.all(
    targets.map(async (target) => {
      const response = await fetch(base + target, { headers });
      if (response.status !== 200) throw new Error(`${response.status} for ${target}`);
      await response.text();
    }),
  );
  return (performance.now() - began) / 1000;
}

(async () => {
  const seconds = {};
  for (let round = 0; round <= Number(rounds); round++) {
    for (const side of sides) {
      const [name, url] = side.split(/=(.*)/s);
      const took = await once(url);
      if (round > 0) (seconds[name] ??= []).push(took);
    }
  }
  console.log(JSON.stringify(seconds));
})();
