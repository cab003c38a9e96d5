import grpc from 'k6/net/grpc';

const client = new grpc.Client();

export default function () {
  client.connect(__ENV.GRPC, { plaintext: true });
  for (const service of [undefined, '', 'conformance.Greeter', 'resting']) {
    const r = service === undefined ? client.healthCheck() : client.healthCheck(service);
    console.log(service, r.status === grpc.HealthCheckServing, r.status === grpc.HealthCheckNotServing);
  }
  try {
    const r = client.healthCheck('nobody');
    console.log(JSON.stringify(r.status), Object.keys(r).join());
  } catch (e) {
    console.log(e.message);
  }
}
