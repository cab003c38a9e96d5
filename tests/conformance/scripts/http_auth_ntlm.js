import http from 'k6/http';

export default function () {
  const base = __ENV.BASE.replace('http://', '');
  for (const [user, path] of [['user:secret@', 'NTLM'], ['user:secret@', 'Negotiate'], ['group%5Cuser:secret@', 'NTLM'], ['user:wrong@', 'NTLM'], ['', 'NTLM']]) {
    const r = http.get(`http://${user}${base}/ntlm/${path}`, { auth: 'ntlm', tags: { name: `${path} as ${user.split(':')[0]}` } });
    console.log(path, user.split(':')[0], r.status, r.body, r.request.headers.Authorization);
  }
  const posted = http.post(`http://user:secret@${base}/ntlm/NTLM`, 'body', { auth: 'ntlm', tags: { name: 'posted' } });
  console.log(posted.status, posted.body);
  const open = http.get(`http://user:secret@${base}/json`, { auth: 'ntlm', tags: { name: 'open' } });
  console.log(open.status);
}
