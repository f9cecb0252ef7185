import { beforeEach, expect, test, vi } from "vitest";
import { rose, seconds_of } from "../src/charts/reading";
import { Columns, RunStore } from "../src/charts/store";

const frame = (index: number, more: object = {}) => ({ segment: 1, index, t: (index + 1) / 10, phase: "baseline", ...more });

beforeEach(() => void vi.useFakeTimers());

test("a frame of the same index replaces the earlier one, and a gap stays a gap", () => {
  const columns = new Columns();
  columns.take(frame(0, { p95: 0.1, probes: { healthy: [true, 0.01] } }));
  columns.take(frame(3, { p95: 0.4 }));
  columns.take(frame(0, { p95: 0.2 }));
  expect(columns.numbers.p95).toEqual([0.2, null, null, 0.4]);
  expect(columns.probes.get("healthy")).toEqual([0, null, null, null]);
  expect(columns.end).toBe(0.4);
});

test("a fault is in place from its injection to its end, a second one of the same step too", () => {
  const columns = new Columns();
  const mark = (t: number, what: string) => columns.happened({ segment: 1, t, what, words: "", step: "slow" });
  mark(3, "fault.injected");
  mark(8, "fault.recovered");
  mark(9, "fault.injected");
  expect(columns.faults).toEqual([{ step: "slow", from: 3, to: 8 }, { step: "slow", from: 9, to: null }]);
});

test("readers are told four times a second, however much happens", () => {
  const store = new RunStore();
  const told = vi.fn();
  store.onWords(told);
  for (let n = 0; n < 500; n++) store.log({ segment: 1, process: "web", stream: "stdout", line: String(n), dropped: n === 9 ? 3 : 0 });
  vi.advanceTimersByTime(260);
  expect(told).toHaveBeenCalledTimes(1);
  expect(store.words().lines).toHaveLength(500);
  expect(store.words().left_out).toBe(3);
});

test("a store keeps no more lines than anybody reads", () => {
  const store = new RunStore();
  for (let n = 0; n < 5000; n++) store.log({ segment: 1, process: "web", stream: "stdout", line: String(n) });
  expect(store.words().lines.length).toBeLessThanOrEqual(1200);
  expect(store.words().lines.at(-1)?.line).toBe("4999");
});

test("charts are told in a sentence and in rows", () => {
  const columns = new Columns();
  for (let n = 0; n < 20; n++) columns.take(frame(n, { p95: n < 10 ? 0.005 : 0.618, throughput: 30 - n }));
  columns.happened({ segment: 1, t: 1.05, what: "fault.injected", words: "", step: "slow network" });
  const row = { title: "Latency", lines: [{ name: "p95" as const, label: "p95" }], say: (value: number | null) => `${value! * 1000} ms` };
  expect(rose(row, columns)).toBe("Latency: p95 rose from 5 ms to 618 ms during slow network.");
  expect(seconds_of(columns).map((each) => [each.t, each.p95, each.throughput])).toEqual([[0, 0.005, 21], [1, 0.618, 11]]);
});
