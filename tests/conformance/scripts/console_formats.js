export default function () {
  console.log('text', 1, 1.5, true, null, undefined);
  console.log({ a: 1, b: 'two' }); console.log([1, 'x', null]);
  console.info('info'); console.warn('warn'); console.error('error');
}
