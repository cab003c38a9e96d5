export interface Shape { side: number }
export const double = (value: number): number => value * 2;
