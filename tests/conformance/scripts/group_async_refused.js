import { group } from 'k6';
export default function () { group('g', async () => 1); }
