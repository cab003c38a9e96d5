// One statistic event and one check an iteration, on a connection that each virtual user keeps.
import grpc from 'k6/net/grpc';
import { check } from 'k6';

const client = new grpc.Client();
client.load(['../../proto/accelbyte-asyncapi'], 'social/statistic/v1/statistic.proto');
let connected = false;

export default function () {
  if (!connected) {
    client.connect(__ENV.ADDR, { plaintext: true });
    connected = true;
  }
  const response = client.invoke('accelbyte.social.statistic.v1.StatisticStatItemUpdatedService/OnMessage', {
    id: `${__VU}-${__ITER}`,
    version: 1,
    namespace: 'test',
    name: 'statItemUpdated',
    userId: 'user-000001',
    payload: { statCode: 'enemy_kills', userId: 'user-000001', latestValue: 17, inc: 1 },
  });
  check(response, { 'status is OK': (r) => r.status === grpc.StatusOK });
}
