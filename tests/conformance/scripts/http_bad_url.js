import http from 'k6/http';
export default function () {
  for (const u of ['', 'nonsense', 'ftp://127.0.0.1/', 'http://']) {
    try { const r = http.get(u); console.log(JSON.stringify(u), r.status, r.error_code); } catch (e) { console.log(JSON.stringify(u), 'threw'); }
  }
}
