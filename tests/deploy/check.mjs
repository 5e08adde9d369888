// Checks files of deploy/ by what others have written down of their formats; says what is wrong, a line each.
//
//     node check.mjs dockerfile FILE     by dockerfile-utils, nothing left out
//     node check.mjs kubernetes FILE     each document by the schema of its kind
import { readFileSync } from 'node:fs';
import { validate } from 'dockerfile-utils';
import { parseAllDocuments } from 'yaml';

const [, , kind, file] = process.argv;
const text = readFileSync(file, 'utf8');

async function kubernetes() {
  const wrong = [];
  for (const document of parseAllDocuments(text)) {
    wrong.push(...document.errors.map((error) => error.message));
    const object = document.toJS();
    const models = await import(`kubernetes-models/${object.apiVersion}`);
    try {
      new models[object.kind](object).validate();
    } catch (error) {
      wrong.push(`${object.kind} ${object.metadata.name}: ${error.message}`);
    }
  }
  return wrong;
}

const found =
  kind === 'kubernetes'
    ? await kubernetes()
    : validate(text).map((one) => `${one.range.start.line + 1}: ${one.message}`);
for (const line of found) console.log(line);
