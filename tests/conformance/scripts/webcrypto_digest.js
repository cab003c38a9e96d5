// subtle.digest with names in any case, alone and in an object.
const hex = (buffer) => Array.from(new Uint8Array(buffer)).map((b) => b.toString(16).padStart(2, '0')).join('');

export default async function () {
  const data = new Uint8Array([104, 101, 108, 108, 111]);
  for (const algorithm of ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512', 'sha-256', { name: 'SHA-512' }]) {
    console.log(JSON.stringify(algorithm), hex(await crypto.subtle.digest(algorithm, data)), hex(await crypto.subtle.digest(algorithm, data.buffer)));
  }
  for (const algorithm of ['MD5', { name: 'x' }]) {
    try {
      await crypto.subtle.digest(algorithm, data);
    } catch (e) {
      console.log(String(e), e.name, e.message);
    }
  }
}
