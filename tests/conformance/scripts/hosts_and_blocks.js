import http from 'k6/http';

const port = __ENV.BASE.split(':')[2];
export const options = {
  hosts: { 'named.test': '127.0.0.1', '*.many.test': '127.0.0.1', 'other.test:80': __ENV.BASE.replace('http://', ''), 'away.test': '10.1.2.3' },
  blockHostnames: ['blocked.test', '*.blocked.test'],
  blacklistIPs: ['10.0.0.0/8'],
};

export default function () {
  for (const host of [`named.test:${port}`, `a.many.test:${port}`, 'other.test', 'blocked.test', 'a.blocked.test', 'away.test', '10.9.9.9']) {
    const r = http.get(`http://${host}/json`, { tags: { name: host.split(':')[0] } });
    console.log(host, r.status, r.error_code, r.error, r.remote_ip);
  }
}
