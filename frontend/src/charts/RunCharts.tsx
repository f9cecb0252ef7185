// Every chart of a run on one time axis. For ears: a sentence each, and a table behind a button.
import { useMemo, useState, useSyncExternalStore } from "react";
import type { PlanView } from "../api/client";
import { inert, latency, percent, trimmed } from "../lib/words";
import { Chart, type Row } from "./Chart";
import { rose, seconds_of } from "./reading";
import type { Columns, RunStore } from "./store";
import { Strip } from "./Strip";

type SteadyState = { name: string; probe?: { type?: string; metric?: string }; tolerance?: { max?: number } };
type Plan = { steady_state?: SteadyState[]; declared_s?: number };

/** What a steady state over a metric allows; of several the strictest. */
function allowed(plan: Plan | undefined, metric: RegExp): number | null {
  const found = (plan?.steady_state ?? [])
    .filter((each) => each.probe?.type === "metric" && metric.test(each.probe.metric ?? ""))
    .map((each) => each.tolerance?.max)
    .filter((max): max is number => typeof max === "number");
  return found.length ? Math.min(...found) : null;
}

function rows(plan: Plan | undefined): Row[] {
  return [
    {
      title: "Latency", say: latency, least: 0.02, limit: allowed(plan, /^latency/),
      lines: [
        { name: "p50", label: "p50", colour: "--s3" },
        { name: "p95", label: "p95", colour: "--s1" },
      ],
    },
    {
      title: "Failed requests", say: (value) => percent(value), least: 0.1, limit: allowed(plan, /^error_rate$/),
      lines: [{ name: "errors", label: "failed", colour: "--deviated", fill: true }],
    },
    {
      title: "Good answers", say: (value) => (value === null ? "–" : `${trimmed(value, 0)}/s`), least: 5,
      lines: [{ name: "throughput", label: "good", colour: "--s2" }],
    },
    {
      title: "CPU, memory", say: (value) => (value === null ? "–" : `${trimmed(value, 0)} %`), least: 20,
      lines: [
        { name: "cpu", label: "CPU", colour: "--s4" },
        { name: "memory", label: "memory", colour: "--s3" },
      ],
    },
  ];
}

export function RunCharts({ store, segment, plan, live }: { store: RunStore; segment: number; plan?: PlanView; live: boolean }) {
  const told = plan?.plan as Plan | undefined;
  const all = useMemo(() => rows(told), [told]);
  const plannedEnd = live ? (told?.declared_s ?? null) : null;
  const columns = store.columns(segment);
  // The numbers at the left: four times a second are more than anybody reads.
  useSyncExternalStore(store.onWords, () => Math.round(columns.end * 4));
  const probes = [...columns.probes.keys()];
  const [table, setTable] = useState(false);
  return (
    <div className="card overflow-hidden" data-charts>
      <ol className="divide-y divide-line">
        {probes.map((name) => (
          <li key={name} className="grid grid-cols-1 items-center sm:grid-cols-[148px_1fr]">
            <div className="flex justify-between gap-2 px-4 py-1 text-sm sm:block">{inert(name, 60)}</div>
            <Strip name={name} store={store} segment={segment} plannedEnd={plannedEnd} />
          </li>
        ))}
        {all.map((row, n) => (
          <li key={row.title} className="grid grid-cols-1 sm:grid-cols-[148px_1fr]">
            <Legend row={row} columns={columns} />
            <Chart row={row} store={store} segment={segment} height={n === all.length - 1 ? 108 : 88} axis={n === all.length - 1} plannedEnd={plannedEnd} />
            <p className="sr-only">{rose(row, columns)}</p>
          </li>
        ))}
      </ol>
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1 border-t border-line px-4 py-1.5 text-xs text-ink-2">
        <p className="flex flex-wrap items-center gap-x-4 gap-y-1">
          <span className="flex items-center gap-1.5">
            <i className="hatch inline-block h-3 w-4 border-x border-fault" aria-hidden="true" /> fault in place, as measured
          </span>
          <span className="flex items-center gap-1.5">
            <i className="inline-block w-4 border-t border-dashed border-deviated" aria-hidden="true" /> allowed
          </span>
          <span>a line is broken where nothing was measured</span>
        </p>
        <button className="btn btn-ghost no-print" aria-expanded={table} onClick={() => setTable(!table)}>
          {table ? "Hide the table" : "Show as a table"}
        </button>
      </div>
      {table && <Table columns={columns} />}
    </div>
  );
}

function Legend({ row, columns }: { row: Row; columns: Columns }) {
  return (
    <div className="flex items-baseline justify-between gap-2 px-4 pt-2.5 pb-1 sm:block">
      <p className="font-medium">{row.title}</p>
      <p className="num flex flex-wrap gap-x-3 gap-y-0.5 text-sm text-ink-2 sm:mt-1 sm:grid sm:gap-0">
        {row.lines.map((line) => (
          <span key={line.name} className="flex items-center gap-1.5 whitespace-nowrap">
            <i className="inline-block h-[2px] w-3 rounded" style={{ background: `var(${line.colour})` }} aria-hidden="true" />
            {row.lines.length > 1 && <span>{line.label}</span>}
            <b className="font-medium text-ink">{row.say(columns.latest(line.name))}</b>
          </span>
        ))}
      </p>
    </div>
  );
}

function Table({ columns }: { columns: Columns }) {
  return (
    <div className="max-h-80 overflow-auto border-t border-line" tabIndex={0} role="region" aria-label="The charts as a table">
      <table className="table num">
        <thead>
          <tr>
            {["Second", "p50", "p95", "failed", "good", "CPU", "memory"].map((name) => (
              <th key={name} scope="col">{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {seconds_of(columns).map((at) => (
            <tr key={at.t}>
              <th scope="row">{at.t}</th>
              <td>{latency(at.p50)}</td>
              <td>{latency(at.p95)}</td>
              <td>{percent(at.errors)}</td>
              <td>{at.throughput === null ? "–" : `${trimmed(at.throughput, 0)}/s`}</td>
              <td>{at.cpu === null ? "–" : `${trimmed(at.cpu, 0)} %`}</td>
              <td>{at.memory === null ? "–" : `${trimmed(at.memory, 0)} %`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
