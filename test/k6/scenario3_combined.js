// Scenario 3: API and event load at once, each as in its own scenario, on one system.
//
//   TARGET_RPS=200 TARGET_EPS=1000 k6 run test/k6/scenario3_combined.js
//
// Takes the variables of scenarios 1 and 2. Runs unchanged on k6 1.8 and on Gauntlet's engine.
import useApi, { options as api } from './scenario1_api_load.js';
import sendEvents, { options as events } from './scenario2_event_load.js';

export { setup } from './scenario2_event_load.js';
export { useApi, sendEvents };

const rate = api.scenarios.api_load.rate;

export const options = {
  scenarios: {
    // The event side holds up to 1,500 virtual users of its own, so the API side gets half of what it has alone.
    api_load: { ...api.scenarios.api_load, preAllocatedVUs: Math.min(rate, 500), maxVUs: Math.min(rate * 2, 1000), exec: 'useApi' },
    event_load: { ...events.scenarios.event_load, exec: 'sendEvents' },
  },
  thresholds: { ...api.thresholds, ...events.thresholds },
  summaryTrendStats: api.summaryTrendStats,
};
