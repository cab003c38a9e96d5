// Native modules by default, by name, as a namespace and through another module.
import http, { get, CookieJar } from 'k6/http';
import * as everything from 'k6/http';
import { check as verify } from 'k6';
import { vu } from 'k6/execution';
import { post, defaultHttp, crypto } from './lib/reexport.js';

export default function () {
  console.log(get === http.get, everything.get === get, CookieJar === http.CookieJar);
  console.log(typeof verify, vu.idInTest, post === http.post, defaultHttp === http, typeof crypto.sha256);
  console.log(Object.keys(everything).includes('asyncRequest'), Object.keys(http).includes('asyncRequest'), http.TLS_1_3);
}
