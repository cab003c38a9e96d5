const text = open('./open_file.js');
export default function () {
  console.log(text.split('\n')[0]);
  try { open('./open_file.js'); } catch (e) { console.log(String(e).split('\n')[0]); }
}
