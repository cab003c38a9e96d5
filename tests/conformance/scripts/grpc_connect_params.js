import grpc from 'k6/net/grpc';
const client = new grpc.Client();
export default function () {
  for (const p of [{ plaintext: true, nope: 1 }, { plaintext: 'yes' }, { timeout: 'soon' }]) { try { client.connect(__ENV.GRPC, p); console.log('connected'); } catch (e) { console.log('threw'); } }
}
