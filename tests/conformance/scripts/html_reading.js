// k6/html: reading text, attributes, data and fields.
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
 t('size',()=>d.size()); t('html',()=>d.html()); t('text',()=>d.find('body').text());
 t('h1 html',()=>F('h1').html()); t('none html',()=>F('zz').html()); t('none text',()=>F('zz').text()); t('none attr',()=>F('zz').attr('id')); t('attr def',()=>F('h1').attr('zz','def')); t('attr',()=>F('h1').attr('id')); t('attr none',()=>F('h1').attr('zz'));
 t('data',()=>F('h1').data()); for (const k of ['x','json','t','n','f','s','camelCase','camel-case','zz']) t('data '+k,()=>F('h1').data(k));
 t('none data',()=>F('zz').data('x'));t('none data all',()=>F('zz').data());
 t('val input',()=>F('input').val()); t('val sel',()=>F('select[name=s]').val()); t('val multi',()=>F('select[name=m]').val()); t('val ta',()=>F('textarea').val()); t('val btn',()=>F('button').val()); t('val opt',()=>F('option').val()); t('val opt2',()=>F('option[selected]').first().val()); t('val none',()=>F('zz').val());t('val p',()=>F('p').val());
 t('ser',()=>F('form').serialize()); t('serA',()=>F('form').serializeArray()); t('serO',()=>F('form').serializeObject()); t('ser inputs',()=>F('input').serializeArray());t('ser none',()=>F('p').serialize());t('ser noneA',()=>F('p').serializeArray());
}
