import exec from 'k6/execution';
export const options = { vus: 4, iterations: 7, executionSegment: '1/2:1', executionSegmentSequence: '0,1/2,1' };
export default function () { console.log(exec.scenario.iterationInTest, exec.scenario.iterationInInstance); }
