// How things are said: lengths of time, numbers with their units, moments, verdicts. Pure.
export type Verdict = "held" | "deviated" | "inconclusive";

/** Seconds for people: 0.8 s, 12 s, 3 min, 2 h. */
export function seconds(value: number | null | undefined): string {
  if (value == null) return "–";
  if (value < 10) return `${trimmed(value, 1)} s`;
  if (value < 120) return `${Math.round(value)} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  return `${trimmed(value / 3600, 1)} h`;
}

/** Latency from seconds: 5.2 ms, 618 ms, 2.00 s. */
export function latency(value: number | null | undefined): string {
  if (value == null) return "–";
  const ms = value * 1000;
  if (ms < 10) return `${trimmed(ms, 1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${value.toFixed(value < 10 ? 2 : 1)} s`;
}

/** A share as percent. */
export function percent(share: number | null | undefined, digits = 0): string {
  return share == null ? "–" : `${trimmed(share * 100, digits)} %`;
}

export function trimmed(value: number, digits: number): string {
  return Number(value.toFixed(digits)).toString();
}

/** A number of any size, three digits that count. */
export function number(value: number | null | undefined): string {
  if (value == null) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return trimmed(value, Math.min(digits, 6));
}

const UNITS: [RegExp, (value: number) => string][] = [
  [/_ms$/, (value) => latency(value / 1000)],
  [/_s$/, seconds],
  [/_bytes$/, bytes],
  [/_(share|rate)$/, (value) => percent(value, 1)],
  [/_percent$/, (value) => `${trimmed(value, 1)} %`],
];

/** A quantity by its wire name, delay_ms: what people call it, and how its value is said. */
export function quantity(wire: string): { name: string; say: (value: number) => string } {
  const found = UNITS.find(([ending]) => ending.test(wire));
  return { name: plain(found ? wire.replace(found[0], "") : wire), say: found?.[1] ?? number };
}

/** How long ago, or the day when that is long. */
export function ago(iso: string | null | undefined, now: number = Date.now()): string {
  if (!iso) return "–";
  const s = (now - Date.parse(iso)) / 1000;
  if (s < 5) return "just now";
  if (s < 60) return `${Math.round(s)} s ago`;
  if (s < 3600) return `${Math.round(s / 60)} min ago`;
  if (s < 86_400) return `${Math.round(s / 3600)} h ago`;
  return new Date(iso).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
}

export function clock(iso: string | number | null | undefined): string {
  return iso == null ? "–" : new Date(iso).toLocaleTimeString("en-GB");
}

export function moment(iso: string | null | undefined): string {
  return iso
    ? new Date(iso).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" })
    : "–";
}

export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  if (value < 1e6) return `${trimmed(value / 1e3, 0)} kB`;
  return `${trimmed(value / 1e6, 1)} MB`;
}

/** process_kill as people read it. */
export const plain = (name: string): string => inert(name.replaceAll("_", " "), 120);

/** 1 run, 2 runs. */
export const many = (count: number, one: string, more = `${one}s`): string => `${count} ${count === 1 ? one : more}`;

// What a terminal or a text direction would act on, shown as an escape; the API does so already, and pages that are
// given anything else do it once more.
// eslint-disable-next-line no-control-regex
const ACTIVE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
export function inert(text: string, most = 4000): string {
  const cut = text.length > most ? `${text.slice(0, most)}… (${text.length - most} more characters)` : text;
  return cut.replace(ACTIVE, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Only what a browser may follow. */
export function web(address: string | null | undefined): string | null {
  return address && /^https?:\/\//.test(address) ? address : null;
}
