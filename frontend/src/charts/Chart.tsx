// One row of a run's charts: name and number at the left, lines at the right, on the time axis of all rows.
import uPlot from "uplot";
import { useEffect, useRef } from "react";
import { useDark } from "../lib/theme";
import type { Columns, NumberName, RunStore, Window } from "./store";

export type Line = { name: NumberName; label: string; colour: string; fill?: boolean };
export type Row = {
  title: string;
  lines: Line[];
  /** As the axis and the numbers say it. */
  say: (value: number | null) => string;
  /** What is allowed, drawn dashed. */
  limit?: number | null;
  /** At least so high, so that a quiet line is not noise blown up. */
  least: number;
  scale?: number;
};

const GUTTER = 46;
const SYNC = uPlot.sync("run");

export function Chart({ row, store, segment, height, axis, plannedEnd }: {
  row: Row; store: RunStore; segment: number; height: number; axis: boolean; plannedEnd: number | null;
}) {
  const place = useRef<HTMLDivElement>(null);
  const dark = useDark();
  useEffect(() => {
    const at = place.current!;
    const columns = store.columns(segment);
    const plot = new uPlot(options(row, columns, at.clientWidth, height, axis, plannedEnd), data(row, columns), at);
    // New frames, and a new width: each draws the whole canvas anew, which takes well below a millisecond.
    const off = store.onDraw(() => plot.setData(data(row, columns)));
    const sized = new ResizeObserver(() => plot.setSize({ width: at.clientWidth, height }));
    sized.observe(at);
    return () => {
      off();
      sized.disconnect();
      plot.destroy();
    };
  }, [row, store, segment, height, axis, plannedEnd, dark]);
  return <div ref={place} className="min-w-0" style={{ height }} aria-hidden="true" />;
}

const data = (row: Row, columns: Columns): uPlot.AlignedData => [
  columns.t,
  ...row.lines.map((line) => columns.numbers[line.name]),
];

function options(row: Row, columns: Columns, width: number, height: number, axis: boolean, plannedEnd: number | null): uPlot.Options {
  const ink = colour("--ink-3");
  const grid = { stroke: colour("--line"), width: 1 };
  const font = '11px "Geist Variable", sans-serif';
  return {
    width,
    height,
    padding: [10, 8, axis ? 0 : 6, 0],
    legend: { show: false },
    cursor: { sync: { key: SYNC.key }, drag: { x: false, y: false }, points: { size: 5 } },
    scales: {
      x: { time: false, range: (_u, _min, max) => [0, Math.max(max || 0, plannedEnd ?? 0, 1)] },
      y: { range: (_u, _min, max) => [0, Math.max((max || 0) * 1.12, row.least)] },
    },
    axes: [
      {
        show: axis, stroke: ink, font, size: 24, grid, gap: 4, ticks: { show: false },
        values: (_u, splits) => splits.map((value) => `${value} s`),
      },
      {
        stroke: ink, font, size: GUTTER, gap: 6, ticks: { show: false }, grid, space: 26,
        values: (_u, splits) => splits.map((value) => row.say(value)),
      },
    ],
    series: [
      {},
      ...row.lines.map((line): uPlot.Series => ({
        label: line.label, stroke: colour(line.colour), width: 1.5, points: { show: false }, spanGaps: line.name === "cpu" || line.name === "memory",
        ...(line.fill ? { fill: colour(line.colour) + "22" } : {}),
      })),
    ],
    hooks: {
      drawClear: [(u) => bands(u, columns.faults, columns.end)],
      draw: [(u) => limit(u, row.limit)],
    },
  };
}

/** The time in which a fault was measured to be in place. */
export function bands(u: uPlot, faults: Window[], now: number): void {
  const { ctx, bbox } = u;
  ctx.save();
  for (const each of faults) {
    const from = Math.round(u.valToPos(each.from, "x", true));
    const to = Math.round(u.valToPos(each.to ?? now, "x", true));
    ctx.fillStyle = colour("--fault-band");
    ctx.fillRect(from, bbox.top, Math.max(2, to - from), bbox.height);
    ctx.fillStyle = colour("--fault");
    ctx.fillRect(from, bbox.top, devicePixelRatio, bbox.height);
    if (each.to !== null) ctx.fillRect(to, bbox.top, devicePixelRatio, bbox.height);
  }
  ctx.restore();
}

function limit(u: uPlot, value: number | null | undefined): void {
  const top = u.scales.y?.max ?? 0;
  if (value == null || value > top) return;
  const { ctx, bbox } = u;
  const y = Math.round(u.valToPos(value, "y", true)) + 0.5;
  ctx.save();
  ctx.strokeStyle = colour("--deviated");
  ctx.globalAlpha = 0.75;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

export const colour = (token: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(token).trim();
export const LEFT = GUTTER;
