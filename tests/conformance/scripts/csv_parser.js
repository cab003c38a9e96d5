// k6/experimental/csv: Parser, row by row, and the shared array of parse().
import { open } from 'k6/experimental/fs';
import csv from 'k6/experimental/csv';

const attempt = async (name, f) => {
  try {
    console.log(name, JSON.stringify(await f()));
  } catch (e) {
    console.log(name, 'threw', String(e));
  }
};
const rows = new csv.Parser(await open('lib/people.csv'), { skipFirstLine: true });
const empty = new csv.Parser(await open('lib/empty.csv'), {});
const shared = await csv.parse(await open('lib/people.csv'), { skipFirstLine: true });

export default async function () {
  for (let i = 0; i < 5; i++) await attempt('next', () => rows.next());
  await attempt('empty', () => empty.next());
  console.log(shared.length, shared[1].join('|'), shared.map((row) => row[0]).join());
  for (const change of [() => { shared[0] = 1; }, () => { shared.push(1); }]) {
    try {
      change();
      console.log('changed');
    } catch (e) {
      console.log(e.name);
    }
  }
  try {
    new csv.Parser(null);
  } catch (e) {
    console.log('late', String(e));
  }
}
