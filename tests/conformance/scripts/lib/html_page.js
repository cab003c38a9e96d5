// What the scripts about k6/html share: a page, and how they log what a call gave.
import { parseHTML } from 'k6/html';

/// A page with a bit of everything: headings with data, lists, a form with all kinds of fields, a link.
const PAGE = `<!doctype html><html lang="en"><head><title>T &amp; t</title><base href="/b/"></head><body class="a b">
<h1 id="top" data-x="1" data-json='{"a":1}' data-t="true" data-n="null" data-f="1.5" data-s="01" data-camel-case="cc">Head <b>bold</b></h1>
<ul><li class="x">one</li><li class="x y">two</li><li>three</li></ul><!-- c -->
<form id="f" action="/go?x=1" method="POST"><input name="a" value="1"><input type="checkbox" name="c1" value="yes" checked><input type="checkbox" name="c2"><input type="radio" name="r" value="r1"><input type="radio" name="r" value="r2" checked>
<select name="s"><option value="o1">O1</option><option selected>O2</option></select><select name="m" multiple><option selected value="m1">1<option selected value="m2">2<option>3</select><textarea name="t">
 text</textarea><input type="submit" name="go" value="Go"><input type="file" name="fi"><input name="dis" value="d" disabled><button name="bt" value="bv">B</button><input value="noname"></form>
<a href="rel?q=1#h" id="l" target="_blank" rel="x">link</a><p></p><div>a<span>b</span>c</div></body></html>`;

/// The page as a Selection.
export const page = () => parseHTML(PAGE);

/// An object with its keys in order; k6 gives some in none.
export const sorted = (v) => (v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.keys(v).sort().map((k) => [k, v[k]])) : v);

/// A result as text: of a Selection its size and the beginning of its text, of an Element what `describe` says.
const shown = (r, describe) => {
  if (r && r.size) return `SEL${r.size()} ${r.text().slice(0, 60)}`;
  if (r && r.nodeName) return `EL ${describe(r)}`;
  return typeof r === 'object' ? JSON.stringify(sorted(r)) : r;
};

/// Logs what `f` gives or throws, under a name.
export const teller = (describe = (element) => element.nodeName()) => (name, f) => {
  try {
    const r = f();
    console.log(name, typeof r, shown(r, describe));
  } catch (e) {
    console.log(name, 'THROW', String(e));
  }
};
