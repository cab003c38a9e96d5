
import http from 'k6/http';
const t = (f) => { try { return f(); } catch (e) { for (const k in e); return String(e); } };
const url = 'http://' + __ENV.SERVER, events = ': c\n\nevent: e\nid: 1\nretry: 5\ndata: one\n\ndata: two\n\n';
const open = () => http.post(url + '/echo', events, { responseType: 'stream', tags: { a: 'b' } }).body;
export default async function () {
  t(() => { for (const e of open().events()) JSON.stringify(e); });
  t(() => { for (const bytes of open()) { bytes.length; break; } });
  t(() => open().text()); t(() => { const body = open(); body.close(); return body.read(); });
  try { for await (const e of open().events()) e.data; } catch (e) { t(() => String(e)); }
  try { const { body } = await http.asyncRequest('POST', url + '/echo', events, { responseType: 'stream' }); const first = body[Symbol.asyncIterator]().next(); body.close(); await first; } catch (e) { t(() => String(e)); }
  t(() => http.get('http://127.0.0.1:1/', { responseType: 'stream' }).body);
}
