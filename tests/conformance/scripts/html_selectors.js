// k6/html: CSS selectors.
import { page, teller } from './lib/html_page.js';

const t = teller();
export default function () {
 const d = page();
 const F=(s)=>d.find(s);
 for (const s of ['li:first-child','li:last-child','li:nth-child(2)','li:nth-child(odd)','li:nth-child(2n+1)','li:nth-last-child(1)','li:nth-of-type(2)','li:only-child','b:only-child','p:empty','li:not(.x)','ul:has(.y)','li:contains("two")','li:contains(two)','[data-x]','[data-x="1"]','[class~=y]','[href^=rel]','[href$="h"]','[href*="q="]','[lang|=en]','input[type!=checkbox]','ul > li','li + li','li ~ li','h1 b','*','#top','.x.y','LI','input:checked','input:disabled','input:enabled',':input',':root','li:first','li:eq(1)','a:link','div:matchesOwn(a)','li:matches(t.*)','[class#=x]','input[name="a"]','form input[type=radio][checked]','li:first-of-type','li:last-of-type','li:only-of-type','option:selected', ':first-child:not(b)', 'li, zz', 'a::before','li:hover','li:nth-child(-n+2)', 'li:haschild(b)', 'div:containsOwn(b)', 'h1:lang(en)','li:is(.y)']) t('css '+s,()=>F(s).size()+' '+F(s).first().text().slice(0,10));
}
