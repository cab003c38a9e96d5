// Scenario 1: API load. Players list their challenges (80 %), or list them and claim a finished goal (20 %).
//
//   TARGET_RPS=500 k6 run test/k6/scenario1_api_load.js
//
// TARGET_RPS (100) iterations a second; DURATION (30m); BASE_URL (http://localhost:8000/challenge).
// Runs unchanged on k6 1.8 and on Gauntlet's engine.
import http from 'k6/http';
import { check } from 'k6';
import { SharedArray } from 'k6/data';

const TARGET_RPS = positiveInteger('TARGET_RPS', 100);
const BASE_URL = (__ENV.BASE_URL || 'http://localhost:8000/challenge').replace(/\/+$/, '');
const CLAIM_SHARE = 0.2;

const users = new SharedArray('users', () => JSON.parse(open('../fixtures/users.json')));
const tokens = new SharedArray('tokens', () => JSON.parse(open('../fixtures/tokens.json')));
if (tokens.length < users.length) {
  throw new Error(`test/fixtures/tokens.json holds ${tokens.length} tokens for ${users.length} users: make them anew with test/scripts/generate_tokens.sh`);
}

export const options = {
  scenarios: {
    api_load: {
      executor: 'constant-arrival-rate',
      rate: TARGET_RPS,
      timeUnit: '1s',
      duration: __ENV.DURATION || '30m',
      preAllocatedVUs: Math.min(TARGET_RPS, 1000),
      maxVUs: Math.min(TARGET_RPS * 2, 2000),
    },
  },
  thresholds: {
    http_req_duration: ['p(95)<2000'],
    http_req_failed: ['rate<0.01'],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'],
};

export default function () {
  const headers = headersOf(Math.floor(Math.random() * users.length));
  const challenges = listChallenges(headers);
  if (challenges !== null && Math.random() < CLAIM_SHARE) {
    claimFinishedGoal(challenges, headers);
  }
}

/** The player's challenges, or null when the answer was not one. */
function listChallenges(headers) {
  const response = http.get(`${BASE_URL}/v1/challenges`, { headers, tags: { name: 'list challenges' } });
  const challenges = challengesOf(response);
  check(response, {
    'list: status is 200': (r) => r.status === 200,
    'list: challenges are there': () => challenges !== null && challenges.length > 0,
  });
  return challenges;
}

function challengesOf(response) {
  if (response.status !== 200) return null;
  try {
    const body = JSON.parse(response.body);
    return Array.isArray(body.challenges) ? body.challenges : null;
  } catch (_) {
    return null;
  }
}

/** Claims the first goal that is active, completed and not yet claimed; does nothing when there is none. */
function claimFinishedGoal(challenges, headers) {
  for (const challenge of challenges) {
    const goal = challenge.goals.find((g) => g.status === 'completed' && g.isActive && !g.claimedAt);
    if (!goal) continue;
    const response = http.post(`${BASE_URL}/v1/challenges/${challenge.challengeId}/goals/${goal.goalId}/claim`, '{}', {
      headers,
      tags: { name: 'claim goal' },
      // 409: another virtual user was quicker to claim for the same player. That is an answer, not a failure.
      responseCallback: http.expectedStatuses(200, 409),
    });
    check(response, { 'claim: status is 200 or 409': (r) => r.status === 200 || r.status === 409 });
    return;
  }
}

function headersOf(player) {
  return {
    Authorization: `Bearer ${tokens[player]}`,
    'Content-Type': 'application/json',
    'X-Mock-User-Id': users[player].id,
  };
}

function positiveInteger(name, fallback) {
  const text = __ENV[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name}=${text}: a whole number above 0 is needed`);
  return value;
}
