// Login storm: servers open again after maintenance, and everybody comes at once. A player's client initializes, the platform
// reports the login, and the client lists the active goals, where that login must count.
//
//   PEAK=500 k6 run test/k6/login_storm.js
//
// PEAK (50) logins a second, reached after RAMP_S (10) seconds and held for HOLD_S (50); PLAYERS (5000) of whom each is new the
// first time and comes back after the last; BASE_URL, EVENT_HANDLER_ADDR, NAMESPACE as in the scenarios.
// Runs unchanged on k6 1.8 and on Gauntlet's engine.
import exec from 'k6/execution';
import { check } from 'k6';
import { Trend } from 'k6/metrics';
import { goalsOf, initialize, logIn, newRun, positiveInteger, summaryTrendStats } from './launch.js';

const PEAK = positiveInteger('PEAK', 50);
const PLAYERS = positiveInteger('PLAYERS', 5000);
const ramp = `${positiveInteger('RAMP_S', 10)}s`;
const hold = `${positiveInteger('HOLD_S', 50)}s`;
const untilPlaying = new Trend('login_until_playing', true);

export const options = {
  scenarios: {
    storm: {
      executor: 'ramping-arrival-rate',
      startRate: 0,
      stages: [{ target: PEAK, duration: ramp }, { target: PEAK, duration: hold }, { target: 0, duration: ramp }],
      preAllocatedVUs: PEAK,
      maxVUs: PEAK * 4,
    },
  },
  thresholds: {
    checks: ['rate>0.99'],
    login_until_playing: ['p(95)<1000'],
    'http_req_duration{name:initialize}': ['p(95)<500'],
    grpc_req_duration: ['p(95)<500'],
    dropped_iterations: ['count<1'],
  },
  summaryTrendStats,
};

export function setup() {
  return { run: newRun() };
}

export default function ({ run }) {
  const player = `storm-${run}-${exec.scenario.iterationInTest % PLAYERS}`;
  const start = Date.now();
  check(initialize(player), { 'initialize: 200': (r) => r.status === 200 });
  check(logIn(player), { 'login: stored': (stored) => stored });
  const counting = goalsOf(player, { activeOnly: true }).filter((goal) => goal.requirement.statCode === 'login_count');
  check(counting, { 'list: the login counts': (goals) => goals.length > 0 && goals.every((goal) => goal.progress > 0) });
  untilPlaying.add(Date.now() - start);
}
