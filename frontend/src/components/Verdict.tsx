// A verdict is a shape, a word and a colour; any of the three alone says it.
import type { ReactNode } from "react";

export type Shown = "held" | "deviated" | "inconclusive" | "live" | "queued" | "none";
const WORDS: Record<Shown, string> = {
  held: "held",
  deviated: "deviated",
  inconclusive: "inconclusive",
  live: "live",
  queued: "queued",
  none: "never run",
};
const COLOURS: Record<Shown, string> = {
  held: "var(--held)",
  deviated: "var(--deviated)",
  inconclusive: "var(--inconclusive)",
  live: "var(--live)",
  queued: "var(--ink-3)",
  none: "var(--ink-3)",
};

export function shownOf(run: { state: string; verdict?: string | null } | null | undefined): Shown {
  if (!run) return "none";
  if (run.state === "queued") return "queued";
  if (run.state !== "ended") return "live";
  return run.verdict === "held" || run.verdict === "deviated" ? run.verdict : "inconclusive";
}

/** The shape alone: a disc, a diamond, a ring. */
export function VerdictMark({ of, size = 16 }: { of: Shown; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" className="shrink-0" data-shape={of}>
      {SHAPES[of]}
    </svg>
  );
}

const stroke = { fill: "none", strokeWidth: 1.8, strokeLinecap: "round", strokeLinejoin: "round" } as const;
const SHAPES: Record<Shown, ReactNode> = {
  held: (
    <>
      <circle cx="8" cy="8" r="7" fill="var(--held)" />
      <path d="M4.9 8.3l2.1 2.1 4.1-4.6" stroke="var(--surface)" {...stroke} />
    </>
  ),
  deviated: (
    <>
      <rect x="2.4" y="2.4" width="11.2" height="11.2" rx="1.6" fill="var(--deviated)" transform="rotate(45 8 8)" />
      <path d="M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4" stroke="var(--surface)" {...stroke} />
    </>
  ),
  inconclusive: (
    <>
      <circle cx="8" cy="8" r="6.4" stroke="var(--inconclusive)" {...stroke} strokeWidth={1.4} strokeDasharray="2.6 2.4" />
      <path d="M6.2 6.3a1.9 1.9 0 1 1 2.6 1.8c-.6.2-.8.5-.8 1.1M8 11.3v.05" stroke="var(--inconclusive)" {...stroke} strokeWidth={1.5} />
    </>
  ),
  live: (
    <>
      <circle cx="8" cy="8" r="6.4" stroke="var(--live)" {...stroke} strokeWidth={1.4} />
      <circle cx="8" cy="8" r="3" fill="var(--live)" className="breathe" />
    </>
  ),
  queued: (
    <>
      <circle cx="8" cy="8" r="6.4" stroke="var(--ink-3)" {...stroke} strokeWidth={1.4} />
      <path d="M8 4.8V8l2.2 1.5" stroke="var(--ink-3)" {...stroke} strokeWidth={1.4} />
    </>
  ),
  none: <path d="M4 8h8" stroke="var(--ink-3)" {...stroke} />,
};

export function VerdictWord({ of, word }: { of: Shown; word?: string | null }) {
  return (
    <span className="inline-flex items-center gap-1.5 font-medium whitespace-nowrap" style={{ color: COLOURS[of] }}>
      <VerdictMark of={of} />
      {word ?? WORDS[of]}
    </span>
  );
}
