// k6/html: CSS selectors.
import { parseHTML } from 'k6/html';
const sorted = (v) => (v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.keys(v).sort().map((k) => [k, v[k]])) : v);

const D=`<!doctype html><html lang="en"><head><title>T &amp; t</title><base href="/b/"></head><body class="a b">
<h1 id="top" data-x="1" data-json='{"a":1}' data-t="true" data-n="null" data-f="1.5" data-s="01" data-camel-case="cc">Head <b>bold</b></h1>
<ul><li class="x">one</li><li class="x y">two</li><li>three</li></ul><!-- c -->
<form id="f" action="/go?x=1" method="POST"><input name="a" value="1"><input type="checkbox" name="c1" value="yes" checked><input type="checkbox" name="c2"><input type="radio" name="r" value="r1"><input type="radio" name="r" value="r2" checked>
<select name="s"><option value="o1">O1</option><option selected>O2</option></select><select name="m" multiple><option selected value="m1">1<option selected value="m2">2<option>3</select><textarea name="t">
 text</textarea><input type="submit" name="go" value="Go"><input type="file" name="fi"><input name="dis" value="d" disabled><button name="bt" value="bv">B</button><input value="noname"></form>
<a href="rel?q=1#h" id="l" target="_blank" rel="x">link</a><p></p><div>a<span>b</span>c</div></body></html>`;
const t=(n,f)=>{try{const r=f(); console.log(n, typeof r, r&&r.size?('SEL'+r.size()+' '+r.text().slice(0,60)):(r&&r.nodeName?('EL '+r.nodeName()):(typeof r=='object'?JSON.stringify(sorted(r)):r)));}catch(e){console.log(n,'THROW',String(e));}};
export default function () {
 const d=parseHTML(D);
 const F=(s)=>d.find(s);
 for (const s of ['li:first-child','li:last-child','li:nth-child(2)','li:nth-child(odd)','li:nth-child(2n+1)','li:nth-last-child(1)','li:nth-of-type(2)','li:only-child','b:only-child','p:empty','li:not(.x)','ul:has(.y)','li:contains("two")','li:contains(two)','[data-x]','[data-x="1"]','[class~=y]','[href^=rel]','[href$="h"]','[href*="q="]','[lang|=en]','input[type!=checkbox]','ul > li','li + li','li ~ li','h1 b','*','#top','.x.y','LI','input:checked','input:disabled','input:enabled',':input',':root','li:first','li:eq(1)','a:link','div:matchesOwn(a)','li:matches(t.*)','[class#=x]','input[name="a"]','form input[type=radio][checked]','li:first-of-type','li:last-of-type','li:only-of-type','option:selected', ':first-child:not(b)', 'li, zz', 'a::before','li:hover','li:nth-child(-n+2)', 'li:haschild(b)', 'div:containsOwn(b)', 'h1:lang(en)','li:is(.y)']) t('css '+s,()=>F(s).size()+' '+F(s).first().text().slice(0,10));
}
