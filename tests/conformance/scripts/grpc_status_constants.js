// better: log: k6's constants are objects, ours are numbers; === and == with each other agree
import grpc from 'k6/net/grpc';
export default function () { console.log(Object.keys(grpc).filter((k) => k.startsWith('Status')).sort().map((k) => `${k}=${JSON.stringify(grpc[k])}`).join()); }
