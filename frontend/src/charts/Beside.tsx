import uPlot from "uplot";
import { useEffect, useRef } from "react";
import type { Schemas } from "../api/client";
import { useDark } from "../lib/theme";
import { latency } from "../lib/words";
import { colour } from "./Chart";

type Props = { series: Record<string, Schemas["Series"]>; zero: Record<string, number | null> };

/** Both p95 on one axis; a run whose files are not here is left out, and that is said. */
export function Beside({ series, zero }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const dark = useDark();
  const missing = ["a", "b"].filter((each) => !series[each]);
  useEffect(() => {
    const at = place.current;
    if (!at) return;
    const plot = new uPlot(options(at.clientWidth), joined(series, zero), at);
    const sized = new ResizeObserver(() => plot.setSize({ width: at.clientWidth, height: 220 }));
    sized.observe(at);
    return () => {
      sized.disconnect();
      plot.destroy();
    };
  }, [series, zero, dark]);
  return (
    <div className="card px-2 py-3">
      {missing.length < 2 && <div ref={place} className="h-[220px]" role="img" aria-label={said(series, zero)} />}
      {missing.length > 0 && <p className="px-2 text-sm text-ink-2">The charts of {missing.map((each) => each.toUpperCase()).join(" and ")} are not on this machine.</p>}
    </div>
  );
}

function joined(series: Props["series"], zero: Props["zero"]): uPlot.AlignedData {
  const tables = ["a", "b"].map((each): uPlot.AlignedData => {
    const points = series[each]?.latency_p95 ?? [];
    const from = zero[each] ?? 0;
    return [points.map(([t]) => Math.round((t - from) * 10) / 10), points.map(([, value]) => value)];
  });
  return uPlot.join(tables);
}

function options(width: number): uPlot.Options {
  const axis = { stroke: colour("--ink-3"), font: '11px "Geist Variable", sans-serif', ticks: { show: false }, grid: { stroke: colour("--line"), width: 1 } };
  return {
    width, height: 220, legend: { show: false },
    scales: { x: { time: false }, y: { range: (_u, _min, max) => [0, Math.max((max || 0) * 1.1, 0.02)] } },
    axes: [{ ...axis, size: 26, values: (_u, splits) => splits.map((each) => `${each} s`) }, { ...axis, size: 54, values: (_u, splits) => splits.map((each) => latency(each)) }],
    series: [{}, { stroke: colour("--s1"), width: 1.6, points: { show: false }, spanGaps: true }, { stroke: colour("--s4"), width: 1.6, points: { show: false }, spanGaps: true }],
    hooks: {
      drawClear: [
        (u) => {
          const x = u.valToPos(0, "x", true);
          u.ctx.fillStyle = colour("--fault");
          u.ctx.fillRect(x, u.bbox.top, devicePixelRatio, u.bbox.height);
        },
      ],
    },
  };
}

function said(series: Props["series"], zero: Props["zero"]): string {
  const worst = (each: string) => Math.max(0, ...(series[each]?.latency_p95 ?? []).filter(([t]) => t >= (zero[each] ?? 0)).map(([, value]) => value));
  return `p95 after the fault was injected: A at most ${latency(worst("a"))}, B at most ${latency(worst("b"))}`;
}
