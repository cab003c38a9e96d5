import fourfold, { original } from './lib/chain.js';
import * as all from './lib/twice.js';
export default function () { console.log(fourfold(3), original, Object.keys(all).sort().join()); }
