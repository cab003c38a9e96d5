
import { parseHTML } from 'k6/html';
const t = (f) => { try { return f(); } catch (e) { for (const k in e); return String(e); } };
const page = "<!doctype html><form id=f action='/x?y=1'><input name=a value=1 data-x='{\"y\":[1]}' data-user-id=7><textarea name=t>x</textarea><select name=s multiple><option selected>1<option selected value=2>2</select><button name=b>b</button></form><a href='//h/p?q#f' class='b c'>l</a><ul><li>1<li>2<li>3</ul><pre>\n\nx</pre><!-- c --><table><tr><td colspan=2>x</table>";
export default function () {
  const d = t(() => parseHTML(page));
  for (const k of ['a', 'li', 'input', 'select', 'textarea', 'form', ':not(li):has(option)', 'li:nth-child(2n+1)', 'a[href*="p"]', '[', 'td']) {
    const s = t(() => d.find(k));
    for (const m of ['attr', 'children', 'closest', 'contents', 'data', 'end', 'first', 'get', 'has', 'html', 'index', 'is', 'last', 'next', 'nextAll', 'nextUntil', 'not', 'parent', 'parents', 'parentsUntil', 'prev', 'prevAll', 'prevUntil', 'serialize', 'serializeArray', 'serializeObject', 'siblings', 'size', 'slice', 'text', 'toArray', 'val', 'add', 'filter', 'eq']) { t(() => s[m]('li')); t(() => s[m](1, 2)); t(() => s[m]()); }
    t(() => s.each((i, e) => { for (const p of Object.getOwnPropertyNames(Object.getPrototypeOf(e)).concat(Object.keys(e))) t(() => (typeof e[p] === 'function' ? e[p]('class') : e[p])); })); t(() => s.map((i, e) => e.text())); t(() => s.filter((i, e) => i % 2)); t(() => JSON.stringify(s.toArray()));
  }
}
