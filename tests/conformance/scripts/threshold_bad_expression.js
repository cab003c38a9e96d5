export const options = { thresholds: { http_req_duration: ['foo>1'] } };
export default function () {}
