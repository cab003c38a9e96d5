// A virtual user that can do HTTP and waits.
import http from 'k6/http';
import { sleep } from 'k6';
export default function () {
  sleep(http.get ? 3 : 0);
}
