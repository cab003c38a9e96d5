import http from 'k6/http'; import {check, group, sleep} from 'k6'; import {Trend} from 'k6/metrics';
const tr=new Trend('tt'); const B=__ENV.BASE;
export const options={scenarios:{a:{executor:'per-vu-iterations',vus:1,iterations:2,exec:'fa'},b:{executor:'per-vu-iterations',vus:1,iterations:1,exec:'fb',startTime:'300ms'}}, thresholds:{'checks{scenario:a}':['rate>0.5'],'group_duration{group:::g1}':['avg<1000'],'http_reqs{scenario:a}':['count>0'],'iterations{scenario:b}':['count>5'],'tt{group:::g1}':['avg<1']}};
export function setup(){ http.get(B+'/s'); tr.add(1); check(1,{'c in setup':()=>true}); group('sg',()=>{tr.add(2)}); http.get(B+'/s2'); }
export function fa(){ group('g1',()=>{ check(1,{'same':()=>true,'only g1':()=>true}); tr.add(5); group('n1',()=>{}) }); group('g2',()=>{ check(1,{'same':()=>false}); http.get(B+'/x') }); check(1,{'same':()=>true}); tr.add(7); group('nometrics',()=>{sleep(0.01)}) }
export function fb(){ group('g3',()=>{ check(1,{'b3':()=>true}); }); tr.add(9); sleep(0.1) }
export function teardown(){ http.get(B+'/t'); tr.add(3); group('tg',()=>{tr.add(4); check(1,{'td':()=>true})}); }
export function handleSummary(d){console.log(JSON.stringify(d)); return null}
