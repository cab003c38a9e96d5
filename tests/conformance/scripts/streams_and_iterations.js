// k6/experimental/streams: a read that nobody answers does not keep an iteration from ending; a stream outlives it.
import { ReadableStream } from 'k6/experimental/streams';
import exec from 'k6/execution';

export const options = { scenarios: { s: { executor: 'per-vu-iterations', vus: 1, iterations: 3 } } };

let controller;
const reader = new ReadableStream({ start(given) { controller = given; } }).getReader();

export default async function () {
  const iteration = exec.vu.iterationInScenario;
  if (iteration === 0) {
    new ReadableStream().getReader().read().then(() => console.log('never'));
    console.log('a read is left behind');
  } else if (iteration === 1) {
    setTimeout(() => controller.enqueue('from a timer'), 5);
    console.log((await reader.read()).value);
  } else {
    controller.enqueue('kept');
    reader.read().then(({ value }) => console.log('after the function', value));
    console.log('the function ends');
  }
}
