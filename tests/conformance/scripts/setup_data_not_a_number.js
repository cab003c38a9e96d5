// words: (?<=error: ).*(NaN).*
export function setup() { return { e: NaN }; }
export default function (data) { console.log(JSON.stringify(data)); }
