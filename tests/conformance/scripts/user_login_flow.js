// flags: --vus 2 --iterations 4
import http from 'k6/http';
import { check, group, fail } from 'k6';
import { SharedArray } from 'k6/data';
import { Counter, Rate, Trend } from 'k6/metrics';
import exec from 'k6/execution';

const accounts = new SharedArray('accounts', () => [
  { user: 'ann', password: 's3cret' },
  { user: 'bob', password: 'pa55' },
]);
const logins = new Counter('logins');
const loginOk = new Rate('login_ok');
const pageSize = new Trend('page_size');

export const options = {
  thresholds: {
    login_ok: ['rate==1'],
    'http_req_failed{name:profile}': ['rate<0.01'],
    'checks{step:logout}': ['rate>0.99'],
  },
};

export function setup() {
  const config = http.get(`${__ENV.BASE}/json`).json();
  return { itemIds: config.items.map(({ id }) => id) };
}

export default function (data) {
  const account = accounts[exec.scenario.iterationInTest % accounts.length];
  const jar = http.cookieJar();
  group('login', () => {
    const res = http.post(`${__ENV.BASE}/set-cookie?session=${account.user}&theme=dark`, {
      username: account.user,
      password: account.password,
    });
    loginOk.add(check(res, {
      'logged in': (r) => r.status === 200,
      'has session cookie': (r) => r.cookies.session.length === 1 && r.cookies.session[0].value === account.user,
    }));
    logins.add(1);
    if (!jar.cookiesForURL(`${__ENV.BASE}/`).session) fail('no session');
  });
  group('browse', () => {
    const profile = http.get(`${__ENV.BASE}/cookies`, { tags: { name: 'profile' } });
    check(profile, { 'session is sent': ({ body }) => body.includes(`session=${account.user}`) });
    pageSize.add(profile.body.length);
    const responses = http.batch(data.itemIds.map((id) => ['GET', `${__ENV.BASE}/echo?item=${id}`, null, { tags: { name: 'item' } }]));
    check(responses, { 'all items': (all) => all.every((r) => r.json('path').startsWith('/echo?item=')) });
  });
  group('logout', () => {
    jar.clear(`${__ENV.BASE}/`);
    const res = http.get(`${__ENV.BASE}/cookies`);
    check(res, { 'session is gone': (r) => r.body === 'none' }, { step: 'logout' });
  });
}

export function teardown(data) {
  console.log(`done with ${data.itemIds.length} items`);
}
