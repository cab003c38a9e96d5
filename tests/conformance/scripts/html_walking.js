// words: invalid argument, cannot use a '\S+' as a selector|(?<=GoError: )[a-z ]+ is no selector: give a text, a Selection or a function
// k6/html: walking from node to node, filtering, each and map.
import { page, sorted, teller } from './lib/html_page.js';

const t = teller();
export default function () {
 const d = page();
 const F=(s)=>d.find(s);
 t('str',()=>String(d)); t('json',()=>JSON.stringify(d));
 t('each',()=>{const r=[]; const x=F('li').each((i,e)=>{r.push(i+e.nodeName()+e.textContent());}); return JSON.stringify(sorted(r))+(x&&x.size());});
 t('each stop',()=>{const r=[]; F('li').each((i,e)=>{r.push(i); return false;}); return r;}); t('each bad',()=>F('li').each(3));
 t('map',()=>F('li').map((i,e)=>i+e.text())); t('map el',()=>F('li').map(function(i,e){return typeof e.text+typeof e.nodeName})); t('map bad',()=>F('li').map(3)); t('map undef',()=>F('li').map((i)=>i?i:undefined));
 t('filter',()=>F('li').filter('.x')); t('filter fn',()=>F('li').filter((i,e)=>i==1)); t('filter fn2',()=>F('li').filter((i,e)=>typeof e.text+typeof e.nodeName=='functionundefined')); t('filter sel',()=>F('li').filter(F('.y'))); t('filter bad',()=>F('li').filter(3));
 t('not',()=>F('li').not('.x')); t('not fn',()=>F('li').not((i,e)=>i==1)); t('not sel',()=>F('li').not(F('.y'))); t('is',()=>F('li').is('.y')); t('is fn',()=>F('li').is((i,e)=>i==5)); t('is sel',()=>F('li').is(F('.y'))); t('has',()=>F('ul').has('.y'));t('has2',()=>F('p').has('.y'));
 t('eq',()=>F('li').eq(1)); t('eq-1',()=>F('li').eq(-1)); t('eq9',()=>F('li').eq(9)); t('first',()=>F('li').first()); t('last',()=>F('li').last()); t('get',()=>F('li').get(1)); t('get-1',()=>F('li').get(-1)); t('get9',()=>F('li').get(9));  t('toArray',()=>F('li').toArray().length+typeof F('li').toArray()[0].text); t('slice',()=>F('li').slice(1)); t('slice2',()=>F('li').slice(0,2)); t('slice-',()=>F('li').slice(-2,-1));
 t('children',()=>F('ul').children()); t('children s',()=>F('ul').children('.x')); t('contents',()=>F('div').contents()); t('closest',()=>F('li').closest('ul')); t('parent',()=>F('li').parent()); t('parent s',()=>F('li').parent('ol')); t('parents',()=>F('li').parents()); t('parents s',()=>F('li').parents('body').size()); t('parentsUntil',()=>F('li').parentsUntil('body')); t('pu none',()=>F('li').parentsUntil().size());
 t('next',()=>F('li').next()); t('next s',()=>F('li').next('.y')); t('nextAll',()=>F('li').first().nextAll()); t('nextUntil',()=>F('li').first().nextUntil(':contains(three)')); t('prev',()=>F('li').prev()); t('prevAll',()=>F('li').last().prevAll()); t('prevUntil',()=>F('li').last().prevUntil('.x')); t('prevAll order',()=>F('li').last().prevAll().first().text());t('nu sel',()=>F('li').first().nextUntil(F('.y')));
 t('nextUntil f',()=>F('li').first().nextUntil('zz','.y'));
 t('find chain',()=>F('ul').find('li').find('b')); t('find bad',()=>F('li[')); t('find empty',()=>F('')); t('find comma',()=>F('b, .y, h1')); t('find num',()=>F(3)); t('find undef',()=>F()); t('find sel',()=>F(F('li')));
}
