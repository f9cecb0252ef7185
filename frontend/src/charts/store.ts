// What a run has told so far: columns for charts, and what people read. One of each run that is looked at.
// Charts hear of new frames at most ten times a second (once, for who wants less motion), words four times.
import { useEffect, useMemo, useSyncExternalStore } from "react";
import { follow, type Delivered, type Frame, type LogLine, type Mark, type Sink, type StreamState } from "../api/stream";

const SLOT_S = 0.1;
const MOST_LINES = 1000;
const MOST_MARKS = 2000;
export const NUMBERS = ["p50", "p95", "errors", "throughput", "cpu", "memory"] as const;
export type NumberName = (typeof NUMBERS)[number];
type Column = (number | null)[];
export type Window = { step: string; from: number; to: number | null };

/** The charts of one trial: a place for every slot of its clock. */
export class Columns {
  t: number[] = [];
  phases: { name: string; from: number }[] = [];
  faults: Window[] = [];
  readonly numbers = Object.fromEntries(NUMBERS.map((name) => [name, [] as Column])) as Record<NumberName, Column>;
  readonly probes = new Map<string, Column>();

  take(frame: Frame): void {
    this.grow(frame.index);
    this.t[frame.index] = frame.t;
    for (const name of NUMBERS) this.numbers[name][frame.index] = frame[name] ?? null;
    for (const [name, [good]] of Object.entries(frame.probes ?? {})) {
      let column = this.probes.get(name);
      if (!column) this.probes.set(name, (column = this.t.map(() => null)));
      column[frame.index] = good ? 0 : 1;
    }
  }

  private grow(index: number): void {
    for (let n = this.t.length; n <= index; n++) {
      this.t.push((n + 1) * SLOT_S);
      for (const name of NUMBERS) this.numbers[name].push(null);
      for (const column of this.probes.values()) column.push(null);
    }
  }

  happened(mark: Mark): void {
    if (mark.t == null) return;
    if (mark.what === "phase.started" && mark.phase) this.phases.push({ name: mark.phase, from: mark.t });
    if (mark.what === "fault.injected") this.faults.push({ step: mark.step ?? "", from: mark.t, to: null });
    if (mark.what === "fault.recovered" || mark.what === "fault.failed") {
      const open = this.faults.findLast((each) => each.step === mark.step && each.to === null);
      if (open) open.to = mark.t;
    }
  }

  /** The last measured value. */
  latest(name: NumberName): number | null {
    return this.numbers[name].findLast((value) => value !== null) ?? null;
  }

  get end(): number {
    return this.t.at(-1) ?? 0;
  }
}

export type Words = {
  version: number;
  marks: Mark[];
  lines: LogLine[];
  left_out: number;
  delivered: Map<string, Delivered>;
  segments: number[];
  state: string | null;
  reason: string;
  end: { outcome?: string; verdict?: string; why?: string } | null;
  problem: string | null;
  connection: StreamState;
};

export class RunStore implements Sink {
  readonly charts = new Map<number, Columns>();
  private words_: Words = {
    version: 0, marks: [], lines: [], left_out: 0, delivered: new Map(), segments: [], state: null, reason: "",
    end: null, problem: null, connection: "connecting",
  };
  private readonly drawers = new Set<() => void>();
  private readonly readers = new Set<() => void>();
  private drawing: ReturnType<typeof setTimeout> | undefined;
  private telling: ReturnType<typeof setTimeout> | undefined;
  private readonly pause = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : 100;

  columns(segment: number): Columns {
    let found = this.charts.get(segment);
    if (!found) {
      this.charts.set(segment, (found = new Columns()));
      this.words_.segments = [...this.words_.segments, segment].sort((a, b) => a - b);
    }
    return found;
  }

  frame(frame: Frame): void {
    this.columns(frame.segment).take(frame);
    this.draw();
    if (this.words_.segments.length !== this.charts.size) this.tell();
  }
  mark(mark: Mark): void {
    if (mark.t != null) this.columns(mark.segment).happened(mark);
    if (this.words_.marks.length < MOST_MARKS) this.words_.marks = [...this.words_.marks, mark];
    this.draw();
    this.tell();
  }
  delivered(delivered: Delivered): void {
    this.words_.delivered = new Map(this.words_.delivered).set(delivered.step, delivered);
    this.tell();
  }
  log(line: LogLine): void {
    const lines = this.words_.lines;
    lines.push(line);
    if (lines.length > MOST_LINES * 1.2) lines.splice(0, lines.length - MOST_LINES);
    this.words_.left_out += line.dropped ?? 0;
    this.tell();
  }
  state(said: { state: string; reason: string }): void {
    this.words_.state = said.state;
    this.words_.reason = said.reason;
    this.tell();
  }
  end(said: { outcome?: string; verdict?: string; why?: string }): void {
    this.words_.end = said;
    this.tell();
  }
  problem(said: { detail: string }): void {
    this.words_.problem = said.detail;
    this.tell();
  }
  connection(state: StreamState): void {
    this.words_.connection = state;
    this.tell();
  }

  private draw(): void {
    this.drawing ??= setTimeout(() => {
      this.drawing = undefined;
      this.drawers.forEach((each) => each());
    }, this.pause);
  }
  private tell(): void {
    this.telling ??= setTimeout(() => {
      this.telling = undefined;
      this.words_ = { ...this.words_, version: this.words_.version + 1 };
      this.readers.forEach((each) => each());
    }, 250);
  }

  onDraw = (each: () => void): (() => void) => (this.drawers.add(each), () => void this.drawers.delete(each));
  onWords = (each: () => void): (() => void) => (this.readers.add(each), () => void this.readers.delete(each));
  words = (): Words => this.words_;
}

/** The store of a run, followed while the page is there. */
export function useRunStore(id: string): RunStore {
  const store = useMemo(() => {
    void id;
    return new RunStore();
  }, [id]);
  useEffect(() => (store.charts.size ? undefined : follow(id, store)), [id, store]);
  return store;
}

export const useWords = (store: RunStore): Words => useSyncExternalStore(store.onWords, store.words);
