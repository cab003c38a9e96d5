// flags: --iterations 2
import http from 'k6/http';
import { check } from 'k6';

const query = `
  query Player($id: ID!) {
    player(id: $id) { name, "quests": { done } }
  }`;

export const options = {
  thresholds: { 'http_req_duration{operation:Player}': ['p(95)<2000'], checks: ['rate==1'] },
  summaryTrendStats: ['avg', 'p(99)', 'count'],
};

export default () => {
  const params = {
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${__ENV.TOKEN ?? 'none'}` },
    tags: { operation: 'Player' },
    timeout: '10s',
  };
  const response = http.post(http.url`${__ENV.BASE}/echo?v=${__ITER}`, JSON.stringify({ query, variables: { id: `p-${__VU}` } }), params);
  const sent = JSON.parse(response.json().body);
  check(response, {
    'status was 200': (r) => r.status == 200,
    'query arrived whole': () => sent.query === query,
    'variables arrived': () => sent.variables?.id === 'p-1',
    'authorised': (r) => r.json('headers.authorization') === 'Bearer none',
    'no errors': (r) => (r.json('errors') ?? []).length === 0,
  });
  const { name = 'nobody', ...rest } = { name: undefined, body: response.status_text, proto: response.proto };
  console.log(name, JSON.stringify(rest), response.request.method, response.error_code);
};
