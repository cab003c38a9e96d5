// Scenario 2: event load. Players log in (20 %) and change statistics (80 %); each event is one OnMessage call, as the
// Extend platform makes it.
//
//   TARGET_EPS=1000 k6 run test/k6/scenario2_event_load.js
//
// TARGET_EPS (1000) events a second; DURATION (30m); EVENT_HANDLER_ADDR (localhost:6566); NAMESPACE (test);
// EVENT_VUS (1000) virtual users held ready, half as many again at most: each keeps its own two connections.
// Runs unchanged on k6 1.8 and on Gauntlet's engine.
import grpc from 'k6/net/grpc';
import { check } from 'k6';
import { SharedArray } from 'k6/data';

const TARGET_EPS = positiveInteger('TARGET_EPS', 1000);
const EVENT_VUS = positiveInteger('EVENT_VUS', 1000);
const EVENT_HANDLER_ADDR = __ENV.EVENT_HANDLER_ADDR || 'localhost:6566';
const NAMESPACE = __ENV.NAMESPACE || 'test';
const LOGIN_SHARE = 0.2;
const STAT_CODES = ['enemy_kills', 'games_played', 'headshots', 'wins'];
const LOGIN_METHOD = 'accelbyte.iam.account.v1.UserAuthenticationUserLoggedInService/OnMessage';
const STAT_METHOD = 'accelbyte.social.statistic.v1.StatisticStatItemUpdatedService/OnMessage';

const users = new SharedArray('users', () => JSON.parse(open('../fixtures/users.json')));

// One client per event source, as the platform has one connection per subscription.
const logins = new grpc.Client();
logins.load(['../../proto/accelbyte-asyncapi'], 'iam/account/v1/account.proto');
const statistics = new grpc.Client();
statistics.load(['../../proto/accelbyte-asyncapi'], 'social/statistic/v1/statistic.proto');
let connected = false;

export const options = {
  scenarios: {
    event_load: {
      executor: 'constant-arrival-rate',
      rate: TARGET_EPS,
      timeUnit: '1s',
      duration: __ENV.DURATION || '30m',
      preAllocatedVUs: EVENT_VUS,
      maxVUs: Math.ceil(EVENT_VUS * 1.5),
    },
  },
  thresholds: {
    grpc_req_duration: ['p(95)<500'],
    checks: ['rate>0.99'],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'],
};

/** Event ids must differ between runs too: the handler ignores an event that it has already seen. */
export function setup() {
  return { run: `${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}` };
}

export default function (data) {
  const acknowledged = connect() && sendEvent(`${data.run}-${__VU}-${__ITER}`);
  check(acknowledged, { 'event: acknowledged': (ok) => ok });
}

/** Connects this virtual user's two clients the first time; false when the handler cannot be reached. */
function connect() {
  if (connected) return true;
  try {
    logins.connect(EVENT_HANDLER_ADDR, { plaintext: true });
    statistics.connect(EVENT_HANDLER_ADDR, { plaintext: true });
    connected = true;
  } catch (_) {
    // Counted by the check; the next iteration tries again.
  }
  return connected;
}

function sendEvent(id) {
  const userId = users[Math.floor(Math.random() * users.length)].id;
  const envelope = { id, version: 1, namespace: NAMESPACE, userId, timestamp: new Date().toISOString() };
  const response =
    Math.random() < LOGIN_SHARE
      ? logins.invoke(LOGIN_METHOD, { ...envelope, name: 'userLoggedIn' })
      : statistics.invoke(STAT_METHOD, { ...envelope, name: 'statItemUpdated', payload: randomStatItem(userId) });
  return response.status === grpc.StatusOK;
}

function randomStatItem(userId) {
  return {
    namespace: NAMESPACE,
    statCode: STAT_CODES[Math.floor(Math.random() * STAT_CODES.length)],
    userId,
    latestValue: Math.floor(Math.random() * 1000),
    inc: 1,
  };
}

function positiveInteger(name, fallback) {
  const text = __ENV[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name}=${text}: a whole number above 0 is needed`);
  return value;
}
