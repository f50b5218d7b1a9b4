// Says what is wrong with custom resources of the Prometheus operator, read as a JSON array from standard input.
// First argument: where the packages are.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const operator = `${process.argv[2]}/@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/index.js`;
const kinds = await import(pathToFileURL(operator));

const wrong = [];
for (const resource of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    new kinds[resource.kind](resource).validate();
  } catch (error) {
    wrong.push(`${resource.kind}: ${error.message}`);
  }
}
console.log(JSON.stringify(wrong));
