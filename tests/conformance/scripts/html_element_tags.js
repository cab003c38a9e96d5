// k6/html: what single tags have beyond that, with attributes and without.
import { parseHTML } from 'k6/html';
const ATTRIBUTES = `id=idx name=nm href="http://u:p@ex.com:81/p/a?q=1#frag" src="s.js" type=TY value=V target=T rel="r1 r2" title=t alt=AL width=12 height=13 size=7 max=9 min=2 maxlength=6 cols=30 rows=31 span=3 colspan=4 rowspan=5 headers="h1 h2" disabled checked selected autofocus multiple readonly required hreflang=hl media=M cite=CI datetime=DT accesskey=K tabindex=8 download=dl referrerpolicy=no-referrer crossorigin=anonymous autoplay controls loop muted preload=metadata action=/act method=POST enctype=text/plain accept-charset=ac autocomplete=off novalidate formaction=fa formmethod=post formenctype=fe formnovalidate formtarget=ft for=idx form=ff content=C http-equiv=HE high=5 low=1 optimum=3 step=2 pattern=P placeholder=PH accept=AC dirname=DN list=LI charset=CS async defer nomodule usemap=#um ismap srcset=SS sizes=SZ kind=subtitles label=LB srclang=SL default reversed start=4 abbr=AB scope=row sorted wrap=hard autocapitalize=none keytype=rsa challenge=ch mediagroup=mg keysystem=ks allowfullscreen typemustmatch data=DA sortable`;
// every tag, every own method: with attributes and without
const tags='a area audio base button canvas col data datalist del embed fieldset form iframe img input ins keygen label legend li link map meta meter object ol optgroup option output param pre progress script select source style table tbody td textarea tfoot th thead time title tr track ul video'.split(' ');
const common=parseHTML('<p>x</p>').find('p').get(0); const base=new Set(); for(const i in common) base.add(i);
const show=(r)=>{ try { return r===undefined?'undefined':r===null?'null':(typeof r=='object'&&r.nodeName?('EL:'+r.nodeName()):(Array.isArray(r)?'['+r.map(show)+']':(typeof r=='object'?JSON.stringify(r):typeof r+':'+r))); } catch(e) { return 'X'+e; } };
export default function(){
 for (const t of tags) for (const full of [false,true]) {
  const at=full?ATTRIBUTES:'';
  let src='<'+t+' '+at+'>inner</'+t+'>';
  if (['td','th'].includes(t)) src='<table><tr><td>0</td><'+t+' '+at+'>inner</'+t+'></tr></table>';
  if (t=='tr') src='<table><tr><td>0</td></tr><tr '+at+'><td>q</td></tr></table>';
  if (['tbody','tfoot','thead'].includes(t)) src='<table><'+t+' '+at+'><tr><td>q</td></tr></'+t+'></table>';
  if (t=='col') src='<table><colgroup><col '+at+'></colgroup></table>';
  if (['option','optgroup'].includes(t)) src='<form id=ff><select><option>0</option><'+t+' '+at+'>inner</'+t+'></select></form>';
  if (t=='legend') src='<form id=ff><fieldset><legend '+at+'>q</legend></fieldset></form>';
  if (t=='select') src='<form id=ff><label for=idx>L</label><select '+at+'><option value=v1>1<option selected>2</select></form>';
  if (t=='table') src='<table '+at+'><caption>c</caption><thead><tr><td></td></tr></thead><tfoot></tfoot><tbody></tbody></table>';
  if (t=='form') src='<form '+at+'><input name=q><select></select><object></object></form>';
  if (t=='fieldset') src='<form id=ff><fieldset '+at+'><input name=q></fieldset></form>';
  if (['input','button','textarea','keygen','output','object','label','meter','progress'].includes(t)) src='<form id=ff><label for=idx>L</label><'+t+' '+at+'>inner</'+t+'></form>';
  if (t=='map') src='<map '+at+'><area></map><img usemap="#nm">';
  if (t=='datalist') src='<datalist '+at+'><option>1</datalist>';
  const e=parseHTML('<html><head><base href="http://h.x/d/"></head><body>'+src+'</body></html>').find(t).last().get(0);
  if(!e){console.log(t,'none');continue;}
  const k=[]; for(const i in e) if(!base.has(i)&&typeof e[i]=='function') k.push(i);
  for (const m of k.sort()) { if (t === 'map' && m === 'images') continue; let r; try { r=show(e[m]()); } catch(x) { r='THROW '+x; } console.log((full?'F ':'0 ')+t+'.'+m+' = '+r); }
 }
}
