// What the scripts of launch days share: settings, calls of challenge-service as a player, and events as the platform sends them.
import http from 'k6/http';
import grpc from 'k6/net/grpc';

const BASE_URL = (__ENV.BASE_URL || 'http://localhost:8000/challenge').replace(/\/+$/, '');
const EVENT_HANDLER_ADDR = __ENV.EVENT_HANDLER_ADDR || 'localhost:6566';
const NAMESPACE = __ENV.NAMESPACE || 'test';

const logins = new grpc.Client();
logins.load(['../../proto/accelbyte-asyncapi'], 'iam/account/v1/account.proto');
const statistics = new grpc.Client();
statistics.load(['../../proto/accelbyte-asyncapi'], 'social/statistic/v1/statistic.proto');
let connected = false;
let sent = 0;

export const summaryTrendStats = ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'];

export function positiveInteger(name, fallback) {
  const value = Number(__ENV[name] || fallback);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name}=${__ENV[name]}: a whole number above 0 is needed`);
  return value;
}

/** Begins the names of this run's players and events: the tables keep those of earlier runs. */
export function newRun() {
  return `${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;
}

/** A request as `player`, in the form that http.batch() takes. */
export function request(player, method, path, { body = '', name = path, answers = [200] } = {}) {
  return {
    method,
    url: `${BASE_URL}/v1/challenges${path}`,
    body,
    params: {
      headers: { 'Content-Type': 'application/json', 'X-Mock-User-Id': player },
      tags: { name },
      responseCallback: http.expectedStatuses(...answers),
    },
  };
}

export function call(...of) {
  const { method, url, body, params } = request(...of);
  return http.request(method, url, body, params);
}

export function initialize(player) {
  return call(player, 'POST', '/initialize', { body: '{}', name: 'initialize' });
}

/** The player's goals, each with its challenge's id; none when the answer is no list. */
export function goalsOf(player, { activeOnly = false } = {}) {
  const answer = call(player, 'GET', `?active_only=${activeOnly}`, { name: activeOnly ? 'list active' : 'list' });
  if (answer.status !== 200) return [];
  return answer.json('challenges').flatMap(({ challengeId, goals }) => goals.map((goal) => ({ ...goal, challengeId })));
}

/** Whether the handler has stored that the player logged in. */
export function logIn(player) {
  return send(logins, 'accelbyte.iam.account.v1.UserAuthenticationUserLoggedInService/OnMessage', player, { name: 'userLoggedIn' });
}

/** Whether the handler has stored that the player's statistic rose by `inc` to `latestValue`. */
export function updateStatistic(player, statCode, latestValue, inc) {
  return send(statistics, 'accelbyte.social.statistic.v1.StatisticStatItemUpdatedService/OnMessage', player, {
    name: 'statItemUpdated',
    payload: { namespace: NAMESPACE, statCode, userId: player, latestValue, inc },
  });
}

function send(client, method, player, event) {
  try {
    if (!connected) for (const each of [logins, statistics]) each.connect(EVENT_HANDLER_ADDR, { plaintext: true });
    connected = true;
  } catch (_) {
    return false; // The next event tries again.
  }
  sent += 1; // An event's id is its own: the handler ignores one that it has already seen.
  const id = `${player}-${__VU}-${sent}`;
  const envelope = { id, version: 1, namespace: NAMESPACE, userId: player, timestamp: new Date().toISOString() };
  return client.invoke(method, { ...envelope, ...event }).status === grpc.StatusOK;
}
