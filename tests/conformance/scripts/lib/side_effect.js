globalThis.sideEffect = 'seen';
export const unused = 1;
