// Charts in words and rows, for who does not see them. Pure.
import { NUMBERS, type Columns, type NumberName } from "./store";

type Said = { title: string; lines: { name: NumberName; label: string }[]; say: (value: number | null) => string };

const median = (values: number[]): number | null =>
  values.length ? [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]! : null;

function middle(columns: Columns, name: NumberName, from: number, to: number): number | null {
  return median(columns.numbers[name].filter((value, n): value is number => value !== null && columns.t[n]! >= from && columns.t[n]! < to));
}

/** “p95 rose from 5 ms to 618 ms during slow network.” */
export function rose(row: Said, columns: Columns): string {
  const fault = columns.faults[0];
  const line = row.lines.at(-1)!;
  if (!fault) return `${row.title}: ${line.label} ${row.say(columns.latest(line.name))}.`;
  const before = middle(columns, line.name, 0, fault.from);
  const during = middle(columns, line.name, fault.from, fault.to ?? Infinity);
  if (before === null || during === null) return `${row.title}: nothing was measured of ${line.label} before or during ${fault.step}.`;
  if (row.say(before) === row.say(during)) return `${row.title}: ${line.label} stayed at ${row.say(during)} during ${fault.step}.`;
  return `${row.title}: ${line.label} ${during > before ? "rose" : "fell"} from ${row.say(before)} to ${row.say(during)} during ${fault.step}.`;
}

export type Second = { t: number } & Record<NumberName, number | null>;

/** One row a second, 600 at most: the worst of its slots. */
export function seconds_of(columns: Columns): Second[] {
  const every = Math.max(1, Math.ceil(columns.end / 600));
  const found: Second[] = [];
  for (let t = 0; t < columns.end; t += every) {
    const row = { t } as Second;
    for (const name of NUMBERS) {
      const slots = columns.numbers[name].slice(t * 10, (t + every) * 10).filter((value): value is number => value !== null);
      row[name] = slots.length ? (name === "throughput" ? Math.min(...slots) : Math.max(...slots)) : null;
    }
    found.push(row);
  }
  return found;
}
