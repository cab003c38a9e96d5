// What became of a call or a promise, as text that does not depend on the engine.

/// A thrown or rejected value: an Error by its name and message.
export const words = (reason) => (reason instanceof Error || (reason && reason.message !== undefined) ? `${reason.name}: ${reason.message}` : `${typeof reason} ${String(reason)}`);

/// 'PENDING' when nothing has become of it within the patience of this test.
export const patient = (promise) => Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 30, 'PENDING'))]);

/// Logs what `f` gave or what it threw.
export async function tell(name, f) {
  try {
    const value = await patient(f());
    console.log(`${name}: ${value === undefined ? 'undefined' : JSON.stringify(value)}`);
  } catch (reason) {
    console.log(`${name} threw ${words(reason)}`);
  }
}

/// A promise's outcome in a list.
export async function outcome(promise) {
  try {
    return ['gave', String(await patient(promise))];
  } catch (reason) {
    return ['threw', words(reason)];
  }
}

/// A read's result without the order of its fields.
export const read = async (reader) => {
  const { value, done } = await reader.read();
  return done ? 'END' : value;
};
