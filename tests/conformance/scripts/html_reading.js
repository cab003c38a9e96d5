// k6/html: reading text, attributes, data and fields; which fields a form sends, tests/integration/test_engine_forms.py has.
// words: info: ser\w* (inputs )?(string|object) .*
import { page, teller } from './lib/html_page.js';

const t = teller();
export default function () {
 const d = page();
 const F=(s)=>d.find(s);
 t('size',()=>d.size()); t('html',()=>d.html()); t('text',()=>d.find('body').text());
 t('h1 html',()=>F('h1').html()); t('none html',()=>F('zz').html()); t('none text',()=>F('zz').text()); t('none attr',()=>F('zz').attr('id')); t('attr def',()=>F('h1').attr('zz','def')); t('attr',()=>F('h1').attr('id')); t('attr none',()=>F('h1').attr('zz'));
 t('data',()=>F('h1').data()); for (const k of ['x','json','t','n','f','s','camelCase','camel-case','zz']) t('data '+k,()=>F('h1').data(k));
 t('none data',()=>F('zz').data('x'));t('none data all',()=>F('zz').data());
 t('val input',()=>F('input').val()); t('val sel',()=>F('select[name=s]').val()); t('val multi',()=>F('select[name=m]').val()); t('val ta',()=>F('textarea').val()); t('val btn',()=>F('button').val()); t('val opt',()=>F('option').val()); t('val opt2',()=>F('option[selected]').first().val()); t('val none',()=>F('zz').val());t('val p',()=>F('p').val());
 t('ser',()=>F('form').serialize()); t('serA',()=>F('form').serializeArray()); t('serO',()=>F('form').serializeObject()); t('ser inputs',()=>F('input').serializeArray());t('ser none',()=>F('p').serialize());t('ser noneA',()=>F('p').serializeArray());
}
