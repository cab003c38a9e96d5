// JSON text with sorted keys: k6 gives objects made from Go maps their keys in random order.
export const sorted = (v) => JSON.stringify(v, (_, x) => (x && typeof x === 'object' && !Array.isArray(x) ? Object.fromEntries(Object.entries(x).sort()) : x));
