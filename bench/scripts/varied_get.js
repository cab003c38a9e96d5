// A GET whose server takes as long as a distribution with a long tail says.
import http from 'k6/http';
export default function () {
  http.get(`${__ENV.BASE_URL}/varied`);
}
