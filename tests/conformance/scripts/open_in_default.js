export default function () { open('./http_get.js'); }
