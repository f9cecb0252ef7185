// A steady state over time: low where it was good, tall where it was out of tolerance, nothing where nobody looked.
import { useEffect, useRef } from "react";
import { useDark } from "../lib/theme";
import { colour, LEFT } from "./Chart";
import type { RunStore } from "./store";

const HEIGHT = 26;

export function Strip({ name, store, segment, plannedEnd }: { name: string; store: RunStore; segment: number; plannedEnd: number | null }) {
  const place = useRef<HTMLCanvasElement>(null);
  const dark = useDark();
  useEffect(() => {
    const canvas = place.current!;
    const paint = () => draw(canvas, store, segment, name, plannedEnd);
    const sized = new ResizeObserver(paint);
    sized.observe(canvas);
    const off = store.onDraw(paint);
    return () => {
      off();
      sized.disconnect();
    };
  }, [name, store, segment, plannedEnd, dark]);
  return <canvas ref={place} className="block w-full" style={{ height: HEIGHT }} aria-hidden="true" />;
}

function draw(canvas: HTMLCanvasElement, store: RunStore, segment: number, name: string, plannedEnd: number | null): void {
  const ratio = devicePixelRatio;
  const width = canvas.clientWidth * ratio;
  const height = HEIGHT * ratio;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const ctx = canvas.getContext("2d")!;
  ctx.clearRect(0, 0, width, height);
  const columns = store.columns(segment);
  const column = columns.probes.get(name) ?? [];
  const left = LEFT * ratio;
  const span = Math.max(columns.end, plannedEnd ?? 0, 1);
  const x = (t: number) => left + (t / span) * (width - left - 8 * ratio);
  for (const each of columns.faults) {
    ctx.fillStyle = colour("--fault-band");
    ctx.fillRect(x(each.from), 0, Math.max(2, x(each.to ?? columns.end) - x(each.from)), height);
  }
  const slot = Math.max(1, x(0.1) - x(0));
  const [good, bad] = [colour("--held"), colour("--deviated")];
  column.forEach((value, n) => {
    if (value === null) return;
    ctx.fillStyle = value ? bad : good;
    const tall = value ? 0.72 * height : 3 * ratio;
    ctx.fillRect(x(columns.t[n]! - 0.1), height - tall - 3 * ratio, slot + 0.5, tall);
  });
}
