import exec from 'k6/execution';
let failed = ''; try { exec.scenario.name; } catch (e) { failed = 'threw'; }
export default function () { console.log(failed, exec.vu.idInInstance > 0, exec.test.options.thresholds === undefined, exec.scenario.progress >= 0); }
