// k6/experimental/csv: parse() with every option.
import { open } from 'k6/experimental/fs';
import csv from 'k6/experimental/csv';

// How often the top level runs is the engine's business, so that only an iteration prints.
const seen = [];
const attempt = async (name, f) => {
  try {
    seen.push(`${name} ${JSON.stringify(await f())}`);
  } catch (e) {
    seen.push(`${name} threw ${e}`);
  }
};
const sorted = (row) => (Array.isArray(row) ? row : Object.fromEntries(Object.keys(row).sort().map((k) => [k, row[k]])));
const all = async (name, options) => Array.from(await csv.parse(await open(name), options)).map(sorted);
for (const options of [{}, { skipFirstLine: true }, { asObjects: true }, { fromLine: 1 }, { fromLine: 1, toLine: 2 }, { toLine: 0 }, { fromLine: 9 },
  { asObjects: true, skipFirstLine: true }, { asObjects: true, fromLine: 1 }, { fromLine: 2, toLine: 1 }, { fromLine: -1 }, { delimiter: 'ab' }, { other: 1 }]) {
  await attempt(JSON.stringify(options), () => all('lib/people.csv', options));
}
await attempt('delimiter', () => all('lib/people.csv', { delimiter: ';' }));
await attempt('ragged', () => all('lib/ragged.csv', {}));
await attempt('unclosed', () => all('lib/unclosed.csv', {}));
await attempt('empty', () => all('lib/empty.csv', {}));
await attempt('empty with header', () => all('lib/empty.csv', { asObjects: true }));

export default function () {
  seen.forEach((line) => console.log(line));
}
