// Season start: new challenges are in the config, both services have been restarted, and everybody looks, takes the season's
// goals and plays for them. Two scenarios: players arrive, and the matches of those who have arrived are reported.
//
//   SEASON=winter-season PEAK=100 MATCHES=500 k6 run test/k6/season_start.js
//
// SEASON (winter-season) is the new challenge's id; PEAK (20) arrivals a second, reached after RAMP_S (10) seconds and held for
// HOLD_S (50); MATCHES (100) a second, from RAMP_S on; BASE_URL, EVENT_HANDLER_ADDR, NAMESPACE as in the scenarios.
// Runs unchanged on k6 1.8 and on Gauntlet's engine.
import exec from 'k6/execution';
import { check } from 'k6';
import { call, goalsOf, initialize, newRun, positiveInteger, summaryTrendStats, updateStatistic } from './launch.js';

const SEASON = __ENV.SEASON || 'winter-season';
const PEAK = positiveInteger('PEAK', 20);
const MATCHES = positiveInteger('MATCHES', 100);
const RAMP_S = positiveInteger('RAMP_S', 10);
const HOLD_S = positiveInteger('HOLD_S', 50);
const EARLY = Math.ceil((PEAK * RAMP_S) / 4); // so many have surely arrived when the first match ends

export const options = {
  scenarios: {
    arrive: {
      executor: 'ramping-arrival-rate',
      exec: 'arrive',
      startRate: 0,
      stages: [{ target: PEAK, duration: `${RAMP_S}s` }, { target: PEAK, duration: `${HOLD_S}s` }],
      preAllocatedVUs: PEAK,
      maxVUs: PEAK * 4,
    },
    play: {
      executor: 'constant-arrival-rate',
      exec: 'play',
      rate: MATCHES,
      duration: `${HOLD_S}s`,
      startTime: `${RAMP_S}s`,
      preAllocatedVUs: Math.ceil(MATCHES / 10),
      maxVUs: MATCHES,
    },
  },
  thresholds: {
    'checks{scenario:arrive}': ['rate>0.99'],
    'checks{scenario:play}': ['rate>0.99'],
    'http_req_duration{scenario:arrive}': ['p(95)<1000'],
    'grpc_req_duration{scenario:play}': ['p(95)<500'],
    dropped_iterations: ['count<1'],
  },
  summaryTrendStats,
};

export function setup() {
  const run = newRun();
  const all = goalsOf(`season-${run}-first`);
  const goals = all.filter(({ challengeId }) => challengeId === SEASON);
  if (goals.length === 0) {
    const known = [...new Set(all.map(({ challengeId }) => challengeId))];
    throw new Error(`SEASON=${SEASON}: the service has no such challenge; it has ${known.join(', ') || 'none, or does not answer'}`);
  }
  const season = goals.map(({ goalId, requirement }) => ({ goalId, statCode: requirement.statCode }));
  const played = season.filter(({ statCode }) => statCode !== 'login_count');
  if (played.length === 0) throw new Error(`SEASON=${SEASON}: matches move none of its goals`);
  return { run, season, played };
}

export function arrive({ run, season }) {
  const player = `season-${run}-${exec.scenario.iterationInTest}`;
  check(initialize(player), { 'initialize: 200': (r) => r.status === 200 });
  check(goalsOf(player), { 'list: the season is there': (all) => all.some(({ challengeId }) => challengeId === SEASON) });
  const body = JSON.stringify({ goal_ids: season.map(({ goalId }) => goalId), replace_existing: false });
  const selected = call(player, 'POST', `/${SEASON}/goals/batch-select`, { body, name: 'select' });
  check(selected, { 'select: all are active': (r) => r.status === 200 && r.json('totalActiveGoals') === season.length });
}

/** A match of one who has arrived; one in ten looks at the goal before and after. */
export function play({ run, played }) {
  const match = exec.scenario.iterationInTest;
  const player = `season-${run}-${match % EARLY}`;
  const { goalId, statCode } = played[Math.floor(match / EARLY) % played.length];
  const shown = () => goalsOf(player, { activeOnly: true }).find((goal) => goal.goalId === goalId);
  const before = match % 10 === 0 && shown();
  check(updateStatistic(player, statCode, match + 1, 1), { 'match: stored': (stored) => stored });
  if (before) check(shown(), { 'list: the match counts': (goal) => goal?.progress > 0 });
}
