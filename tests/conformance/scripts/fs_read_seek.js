// k6/experimental/fs: reading and seeking.
import { open, SeekMode } from 'k6/experimental/fs';

const attempt = async (name, f) => {
  try {
    console.log(name, JSON.stringify(await f()));
  } catch (e) {
    console.log(name, 'threw', String(e));
  }
};
const file = await open('lib/hello.txt');

export default async function () {
  const bytes = new Uint8Array(5);
  const text = () => String.fromCharCode(...bytes);
  await attempt('stat', () => file.stat());
  for (let i = 0; i < 4; i++) {
    await attempt('read', () => file.read(bytes));
    console.log(text());
  }
  for (const [offset, mode] of [[6, SeekMode.Start], [0, SeekMode.Start], [11, SeekMode.Start], [-1, SeekMode.Current]]) {
    await attempt(`seek ${offset} ${mode}`, () => file.seek(offset, mode));
    await attempt('read', () => file.read(bytes));
  }
  await attempt('nothing to read into', () => file.read(new Uint8Array(0)));
}
