// Logs in by OAuth 2 (password grant), calls with the access token, and refreshes it before it runs out or when it is refused.
//   BASE_URL=http://127.0.0.1:8000 gauntlet run test/examples/oauth.js
import http from 'k6/http';
import { check, fail, sleep } from 'k6';
import { Counter } from 'k6/metrics';

const base = __ENV.BASE_URL || 'http://127.0.0.1:8000';
const refreshes = new Counter('token_refreshes');

export const options = {
  scenarios: { users: { executor: 'constant-vus', vus: 5, duration: __ENV.DURATION || '10s' } },
  thresholds: { checks: ['rate>0.99'], 'http_req_duration{name:profile}': ['p(95)<500'] },
};

function token(form) {
  const answer = http.post(`${base}/oauth/token`, form, { tags: { name: 'token' } });
  if (!check(answer, { 'token granted': (r) => r.status === 200 })) fail(`no token: ${answer.status}`);
  const granted = answer.json();
  return { access: granted.access_token, refresh: granted.refresh_token, until: Date.now() + (granted.expires_in - 1) * 1000 };
}

// Each virtual user logs in once. What is returned here is the second argument of its iterations.
export function setupVU() {
  return { token: token({ grant_type: 'password', username: `user-${__VU}`, password: 'secret', client_id: 'load-test' }) };
}

export default function (data, user) {
  const refresh = () => {
    user.token = token({ grant_type: 'refresh_token', refresh_token: user.token.refresh, client_id: 'load-test' });
    refreshes.add(1);
  };
  const profile = () => http.get(`${base}/profile`, { headers: { Authorization: `Bearer ${user.token.access}` }, tags: { name: 'profile' } });
  if (Date.now() >= user.token.until) refresh();
  let answer = profile();
  if (answer.status === 401) {
    refresh();
    answer = profile();
  }
  check(answer, { 'is my own profile': (r) => r.status === 200 && r.json('name') === `user-${__VU}` });
  sleep(0.1);
}

export function teardownVU(data, user) {
  http.post(`${base}/oauth/revoke`, { token: user.token.refresh, client_id: 'load-test' }, { tags: { name: 'revoke' } });
}
