// Claim rush: minutes before the daily reset, everybody claims what would be lost. Each player has one finished goal; one in ten
// taps twice, and must be given the reward once.
//
//   RATE=200 k6 run test/k6/claim_rush.js
//
// RATE (20) players a second for SECONDS (30), made ready by setup(); BASE_URL, EVENT_HANDLER_ADDR, NAMESPACE as in the
// scenarios. Of the goals that players are given at once, one that rotates daily is taken if there is any.
// Runs unchanged on k6 1.8 and on Gauntlet's engine.
import http from 'k6/http';
import exec from 'k6/execution';
import { check } from 'k6';
import { Counter } from 'k6/metrics';
import { call, goalsOf, initialize, logIn, newRun, positiveInteger, request, summaryTrendStats, updateStatistic } from './launch.js';

const RATE = positiveInteger('RATE', 20);
const SECONDS = positiveInteger('SECONDS', 30);
const rewards = new Counter('rewards');

export const options = {
  setupTimeout: '10m',
  scenarios: {
    rush: { executor: 'constant-arrival-rate', rate: RATE, duration: `${SECONDS}s`, preAllocatedVUs: RATE, maxVUs: RATE * 4 },
  },
  thresholds: {
    checks: ['rate==1'],
    'http_req_duration{name:claim}': ['p(95)<1000'],
    'http_req_failed{name:claim}': ['rate==0'],
    dropped_iterations: ['count<1'],
  },
  summaryTrendStats,
};

export function setup() {
  const players = `rush-${newRun()}`;
  const goal = goalToFinish(`${players}-first`);
  for (let i = 0; i <= RATE * SECONDS; i += 1) finish(goal, `${players}-${i}`); // An iteration may be due at either end.
  const { status } = goalsOf(`${players}-0`).find(({ goalId }) => goalId === goal.goalId);
  if (status !== 'completed') throw new Error(`one event does not finish ${goal.goalId}: it is ${status}`);
  return { players, goal };
}

/** Of the goals that a player is given at once, one that a single event finishes, and that is lost at the end of the day. */
function goalToFinish(player) {
  const finishable = initialize(player)
    .json('assignedGoals')
    .filter(({ target, requirement }) => target === 1 || requirement.statCode !== 'login_count');
  if (finishable.length === 0) throw new Error('no goal that is given at once can be finished by one event');
  const rotation = ({ challengeId }) => call(player, 'GET', `/${challengeId}/rotation`, { name: 'rotation' }).json('rotation');
  return finishable.find((goal) => rotation(goal).schedule === 'daily') || finishable[0];
}

function finish({ requirement, target }, player) {
  initialize(player);
  const stored = requirement.statCode === 'login_count' ? logIn(player) : updateStatistic(player, requirement.statCode, target, target);
  if (!stored) throw new Error(`the event of ${player} was not stored`);
}

export default function ({ players, goal }) {
  const player = `${players}-${exec.scenario.iterationInTest}`;
  const taps = exec.scenario.iterationInTest % 10 === 0 ? 2 : 1;
  const claim = request(player, 'POST', `/${goal.challengeId}/goals/${goal.goalId}/claim`, { body: '{}', name: 'claim', answers: [200, 409] });
  const statuses = http.batch(Array(taps).fill(claim)).map((answer) => answer.status).sort();
  rewards.add(statuses.filter((status) => status === 200).length);
  check(statuses, { 'one reward, whatever is tapped': (all) => all.join() === [200, 409].slice(0, taps).join() });
  const { status } = goalsOf(player).find(({ goalId }) => goalId === goal.goalId) || {};
  check(status, { 'list: claimed': (shown) => shown === 'claimed' });
}
