// words: invalid argument, cannot use a '\S+' as a selector|(?<=GoError: )[a-z ]+ is no selector: give a text, a Selection or a function
// k6/html: fields of forms, index, add, end, and pages that are none.
import { parseHTML } from 'k6/html';
import { teller } from './lib/html_page.js';

const D=`<!doctype html><html lang="en"><head><title>T</title></head><body class="a b"><form id="f" action="/go?x=1"><input name="a" value="1"><input name="nov"><input type="checkbox" name="c1" value="yes" checked="checked"><input type="checkbox" name="c0"><input type="checkbox" name="c2"><input type="radio" name="r" value="r1"><input type="radio" name="r" value="r2" checked="checked"><select name="s"><option>A<option>B</select><select name="mm" multiple><option>A<option>B</select><input type="hidden" name="h" value="a b&c"><input type="image" name="im"><input type="reset" name="re" value=x><input type="button" name="bu" value=x><textarea name=e></textarea></form>
<ul><li id="i1" class="x">one</li><!-- c -->tx<li class="x y">two<b>q</b></li><li>three</li></ul><p>p</p></body></html>`;
const t = teller((element) => `${element.nodeName()} ${element.textContent()}`);
export default function(){ const d=parseHTML(D); const F=s=>d.find(s);
t('ser',()=>F('form').serialize()); t('serO',()=>F('form').serializeObject()); t('val nov',()=>F('[name=nov]').val()); t('val s',()=>F('select').val()); t('val mm',()=>F('[name=mm]').val()); t('val e',()=>F('textarea').val());
t('ser both',()=>F('form, p').serialize()); t('ser li',()=>F('ul').serializeArray());
t('index',()=>F('li').eq(1).index()); t('index sel',()=>F('li.y').index('li')); t('index selection',()=>F('li').index(F('.y'))); t('index el',()=>F('li').index(F('.y').get(0))); t('index none',()=>F('zz').index()); t('index not',()=>F('li').index(F('p')));t('idx b',()=>F('b').index());
t('add',()=>F('li').add('p')); t('add sel',()=>F('li').add(F('p')));  t('add order',()=>F('p').add('li').first().text()); t('add dup',()=>F('li').add('li')); t('add bad',()=>F('li').add(3));
t('end',()=>F('ul').find('li').end()); t('end2',()=>d.end()); t('end3',()=>d.find('ul').end().size()); t('siblings',()=>F('.y').siblings()); t('sibs s',()=>F('.y').siblings('.x')); t('contents',()=>F('ul').contents()); t('has fn',()=>F('ul').has(F('b')));
t('closest self',()=>F('li').closest('li')); t('closest sel',()=>F('b').closest(F('li'))); t('closest none',()=>F('b').closest()); t('children bad',()=>F('ul').children(3)); t('parents dup',()=>F('b, p').parents()); t('parent dup',()=>F('b, p').parent()); t('next chain',()=>F('b').next()); t('pu sel',()=>F('b').parentsUntil(F('body'))); t('pu fil',()=>F('b').parentsUntil('body','ul')); t('nextUntil none',()=>F('li').first().nextUntil()); t('prevUntil',()=>F('li').last().prevUntil('#i1'));
t('is none',()=>F('li').is('.zz')); t('not str',()=>F('li').not('zz'));   t('filter el', ()=>F('li').filter(F('li').get(0))); 
 t('map arr',()=>F('li').map((i,e)=>[i]));  t('slice none',()=>F('li').slice()); t('eq str',()=>F('li').eq('1')); t('get str',()=>F('li').get('0'));
t('attr num',()=>F('li').attr(3)); t('data weird',()=>parseHTML('<i data-a="" data-b="{bad" data-c="[1,2]" data-d="1e3" data-e=" 1" data-g="false" data-h="-5" data-i="12345678901234567890" data-j="undefined" data-k-l-m="x" data-M="q" data-o="0x10" data-p="1.50"></i>').find('i').data());
t('parse num',()=>parseHTML(3).text()); t('parse undef',()=>parseHTML().html()); t('parse empty',()=>parseHTML('').html()); t('parse frag',()=>parseHTML('<td>x</td>').html()); t('parse text',()=>parseHTML('a & b < c').html()); t('pre',()=>parseHTML('<pre>\n\nx</pre><script>a<b&&c</script><noscript><p>x</p></noscript><svg viewBox="0 0"><path/></svg>').html()); t('null',()=>parseHTML(null).html()); t('html el',()=>F('b').parent().html());t('text multi',()=>F('li').text()); t('html multi',()=>F('li').html());
}
