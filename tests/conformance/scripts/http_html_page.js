// Response.html(), submitForm() and clickLink().
import http from 'k6/http';

const attempt = (name, f) => {
  try {
    const r = f();
    if (r.size) console.log(name, r.size(), r.text(), r.url.replace(__ENV.BASE, ''));
    else console.log(name, r.status, r.request.method, r.url.replace(__ENV.BASE, ''), r.request.body);
  } catch (e) {
    console.log(name, 'threw', String(e));
  }
};

export default function () {
  const page = http.get(`${__ENV.BASE}/forms/page?x=1`);
  attempt('page', () => page.html('title'));
  attempt('links', () => page.html('a'));
  attempt('no selector', () => page.html('['));
  console.log(page.html('a').get(1).href(), page.html('#first').get(0).action(), page.html('img').get(0).src());
  attempt('all forms', () => page.submitForm());
  attempt('first', () => page.submitForm({ formSelector: '#first' }));
  attempt('fields', () => page.submitForm({ formSelector: '#first', fields: { a: 'new', z: [1, 2] } }));
  attempt('button', () => page.submitForm({ formSelector: '#first', submitSelector: 'button' }));
  attempt('no button', () => page.submitForm({ formSelector: '#first', submitSelector: '#none' }));
  attempt('bare', () => page.submitForm({ formSelector: '#bare' }));
  attempt('get', () => page.submitForm({ formSelector: '#get', fields: { k: '\u00e9 &' } }));
  attempt('params', () => page.submitForm({ formSelector: '#get', params: { tags: { own: 'tag' } } }));
  attempt('no form', () => page.submitForm({ formSelector: '#none' }));
  attempt('click', () => page.clickLink());
  attempt('click other', () => page.clickLink({ selector: '#other' }));
  attempt('click nothing', () => page.clickLink({ selector: '#none' }));
  attempt('click without href', () => page.clickLink({ selector: '#bare-link' }));
  const empty = http.get(`${__ENV.BASE}/forms/page`, { responseType: 'none' });
  attempt('none html', () => empty.html());
  attempt('none form', () => empty.submitForm());
  attempt('none link', () => empty.clickLink());
}
