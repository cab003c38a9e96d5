export const options = { foo: 1, vus: 1, iterations: 1 };
export default function () {}
