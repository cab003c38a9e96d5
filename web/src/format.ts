// Numbers for people.

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

function digits(value: number, significant: number): string {
  const whole = Math.max(1, Math.floor(Math.log10(Math.max(Math.abs(value), 1e-9))) + 1);
  return value.toFixed(Math.max(0, significant - whole));
}

export function count(value: number): string { return grouped.format(value); }

/** A number that need not be whole: "0.42", "12.3", "1,234". */
export function number(value: number): string {
  if (!isFinite(value)) return "–";
  if (Number.isInteger(value)) return grouped.format(value);
  return Math.abs(value) >= 1000 ? grouped.format(value) : digits(value, 3);
}

/** Milliseconds with their unit. */
export function time(ms: number): string {
  if (!isFinite(ms)) return "–";
  if (ms === 0) return "0 ms";
  if (Math.abs(ms) < 0.1) return `${digits(ms * 1000, 3)} µs`;
  if (Math.abs(ms) < 1000) return `${digits(ms, 3)} ms`;
  if (Math.abs(ms) < 60_000) return `${digits(ms / 1000, 3)} s`;
  return clock(ms / 1000);
}

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit + 1 < units.length) { value /= 1000; unit++; }
  return `${unit === 0 ? grouped.format(value) : digits(value, 3)} ${units[unit]}`;
}

export function percent(share: number): string {
  if (!isFinite(share)) return "–";
  const value = share * 100;
  if (value === 0 || value === 100) return `${value} %`;
  return value < 0.01 ? "< 0.01 %" : `${digits(value, 3)} %`;
}

/** "1:05", "2:03:00". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const h = Math.floor(whole / 3600), m = Math.floor((whole % 3600) / 60), s = whole % 60;
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export type Unit = "count" | "per_second" | "ms" | "bytes" | "bytes_per_second" | "cores" | "share" | "plain";

export function inUnit(value: number, unit: Unit | undefined): string {
  switch (unit) {
    case "count": return count(value);
    case "per_second": return `${number(value)}/s`;
    case "ms": return time(value);
    case "bytes": return bytes(value);
    case "bytes_per_second": return `${bytes(value)}/s`;
    case "share": return percent(value);
    case "cores": return value < 0.005 ? "0" : value.toFixed(2);
    default: return number(value);
  }
}
