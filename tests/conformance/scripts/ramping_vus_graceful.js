// differs: points: as above
// differs: summary: as above
// differs: log: an iteration cut off at the end of the ramp-down counts as one; k6 leaves it out and warns that none has finished
// differs: exported fields: as above
import { sleep } from 'k6';
export const options = { scenarios: { a: { executor: 'ramping-vus', startVUs: 2, stages: [{ duration: '500ms', target: 0 }], gracefulRampDown: '0s' } } };
export default function () { sleep(5); }
