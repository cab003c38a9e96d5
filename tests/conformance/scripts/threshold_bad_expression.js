// words: failed parsing threshold .*|http_req_duration: the threshold .*
export const options = { thresholds: { http_req_duration: ['foo>1'] } };
export default function () {}
