import http from 'k6/http';

const port = __ENV.BASE.split(':')[2];
export const options = { dns: { ttl: '0', select: 'first', policy: 'onlyIPv4' }, iterations: 2 };

export default function () {
  const r = http.get(`http://localhost:${port}/json`);
  console.log(r.status, r.remote_ip);
  const nowhere = http.get('http://no-such-host.invalid/', { tags: { name: 'nowhere' } });
  console.log(nowhere.status, nowhere.error_code, nowhere.error);
}
