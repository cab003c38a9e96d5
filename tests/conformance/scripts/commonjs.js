const http = require('k6/http');
const { check } = require('k6');
module.exports.default = function () { check(http.get(`${__ENV.BASE}/json`), { ok: (r) => r.status === 200 }); };
