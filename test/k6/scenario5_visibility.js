// Scenario 5: from an event to its effect in the API. Players of this test alone get one tagged event after another (a
// statistic value that nothing else sends); after each, the API is asked again and again until it shows that value.
//
//   k6 run test/k6/scenario5_visibility.js          beside scenario 2, which makes the load
//
// Metrics, all in ms: event_to_visibility, from the moment the event is sent; acknowledged_to_visibility, from the
// handler's answer; visibility_resolution, how long before it was seen it may have become visible (the time between the
// start of the last two polls): the truth lies between value and value minus resolution.
// DURATION (5m); PROBES (4) players; BASE_URL, EVENT_HANDLER_ADDR, NAMESPACE as in the other scenarios.
// Runs unchanged on k6 1.8 and on Gauntlet's engine.
import http from 'k6/http';
import grpc from 'k6/net/grpc';
import exec from 'k6/execution';
import { check, sleep } from 'k6';
import { Trend, Counter } from 'k6/metrics';

const BASE_URL = (__ENV.BASE_URL || 'http://localhost:8000/challenge').replace(/\/+$/, '');
const EVENT_HANDLER_ADDR = __ENV.EVENT_HANDLER_ADDR || 'localhost:6566';
const NAMESPACE = __ENV.NAMESPACE || 'test';
const PROBES = Number(__ENV.PROBES || 4);
const GIVE_UP_MS = 10000;
const PAUSE_S = 0.2; // between an event seen and the next one
const STAT_METHOD = 'accelbyte.social.statistic.v1.StatisticStatItemUpdatedService/OnMessage';

export const options = {
  scenarios: { visibility: { executor: 'constant-vus', vus: PROBES, duration: __ENV.DURATION || '5m', gracefulStop: '15s' } },
  thresholds: { checks: ['rate>0.99'] },
  summaryTrendStats: ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'],
};

const toVisibility = new Trend('event_to_visibility', true);
const fromAcknowledgement = new Trend('acknowledged_to_visibility', true);
const resolution = new Trend('visibility_resolution', true);
const unseen = new Counter('events_never_seen');

const statistics = new grpc.Client();
statistics.load(['../../proto/accelbyte-asyncapi'], 'social/statistic/v1/statistic.proto');
let connected = false;

/** Gives each probing player its goals, and finds one that shows a statistic's value as its progress. */
export function setup() {
  const run = `${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;
  const players = [];
  for (let i = 0; i < PROBES; i += 1) {
    const id = `visibility-${run}-${i}`;
    const answer = http.post(`${BASE_URL}/v1/challenges/initialize`, '{}', { headers: headersOf(id) });
    if (answer.status !== 200) throw new Error(`initialize answered ${answer.status}: ${answer.body}`);
    const goal = answer.json('assignedGoals').find((g) => g.requirement.statCode !== 'login_count');
    if (!goal) throw new Error('no goal that is given at once follows a statistic: make the fixtures with --active 2 or more');
    players.push({ id, goalId: goal.goalId, statCode: goal.requirement.statCode });
  }
  return { run, players };
}

export default function (data) {
  const player = data.players[(exec.vu.idInTest - 1) % data.players.length];
  if (!connected) {
    statistics.connect(EVENT_HANDLER_ADDR, { plaintext: true });
    connected = true;
  }
  const value = exec.vu.iterationInScenario + 1;
  const sent = now();
  const answer = statistics.invoke(STAT_METHOD, {
    id: `${player.id}-${value}`, version: 1, namespace: NAMESPACE, name: 'statItemUpdated', userId: player.id, timestamp: new Date().toISOString(),
    payload: { namespace: NAMESPACE, statCode: player.statCode, userId: player.id, latestValue: value, inc: 1 },
  });
  const acknowledged = now();
  if (!check(answer, { 'event: acknowledged': (r) => r.status === grpc.StatusOK })) return;
  let lastPoll = acknowledged;
  for (;;) {
    const polled = now();
    const seen = progressOf(player) >= value;
    const at = now();
    if (seen) {
      toVisibility.add(at - sent);
      fromAcknowledgement.add(at - acknowledged);
      resolution.add(at - lastPoll);
    }
    if (seen || at - sent > GIVE_UP_MS) {
      if (!seen) unseen.add(1);
      check(seen, { 'event: seen in the API': (ok) => ok });
      break;
    }
    lastPoll = polled;
  }
  sleep(PAUSE_S);
}

function progressOf(player) {
  const response = http.get(`${BASE_URL}/v1/challenges?active_only=true`, { headers: headersOf(player.id), tags: { name: 'poll challenges' } });
  if (response.status !== 200) return -1;
  for (const challenge of response.json('challenges')) {
    const goal = challenge.goals.find((g) => g.goalId === player.goalId);
    if (goal) return goal.progress;
  }
  return -1;
}

/** Milliseconds with fractions, where Date.now() has whole ones. */
function now() {
  return exec.instance.currentTestRunDuration;
}

function headersOf(id) {
  return { 'Content-Type': 'application/json', 'X-Mock-User-Id': id };
}
