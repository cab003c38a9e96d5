// GraphQL: one address, told apart by operation. GraphQL says errors in a 200, so they have a check of their own.
//   BASE_URL=http://127.0.0.1:8000 gauntlet run test/examples/graphql.js
import http from 'k6/http';
import { check } from 'k6';

const base = __ENV.BASE_URL || 'http://127.0.0.1:8000';

export const options = {
  scenarios: {
    reads: { executor: 'constant-arrival-rate', rate: 20, duration: __ENV.DURATION || '10s', preAllocatedVUs: 5, exec: 'read' },
    writes: { executor: 'constant-arrival-rate', rate: 5, duration: __ENV.DURATION || '10s', preAllocatedVUs: 5, exec: 'write' },
  },
  thresholds: {
    checks: ['rate>0.99'],
    'http_req_duration{name:Books}': ['p(95)<500'],
    'http_req_duration{name:AddBook}': ['p(95)<800'],
  },
  jsonBodies: true,  // objects are sent as JSON, since the header below says so
};

function ask(operationName, query, variables) {
  const answer = http.post(`${base}/graphql`, { operationName, query, variables },
                           { headers: { 'Content-Type': 'application/json' }, tags: { name: operationName } });
  check(answer, {
    'status is 200': (r) => r.status === 200,
    'no errors': (r) => r.json('errors') === undefined,
  });
  return answer.json('data');
}

export function read() {
  const data = ask('Books', 'query Books($first: Int!) { books(first: $first) { id title } }', { first: 3 });
  check(data, { 'as many as asked for': (d) => d.books.length === 3 });
}

export function write() {
  const title = `Book of ${__VU}, ${__ITER}`;
  const data = ask('AddBook', 'mutation AddBook($book: NewBook!) { addBook(book: $book) { id title } }', { book: { title } });
  check(data, { 'the book is there': (d) => d.addBook.title === title });
}
