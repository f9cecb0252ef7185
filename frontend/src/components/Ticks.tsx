// The last runs of an experiment, oldest first: low and full is held, tall is deviated, hollow proves nothing.
import { many } from "../lib/words";

export function Ticks({ verdicts }: { verdicts: (string | null | undefined)[] }) {
  const shown = verdicts.slice(-14);
  const count = (wanted: string) => shown.filter((each) => each === wanted).length;
  const said = `Last ${many(shown.length, "run")}: ${count("held")} held, ${count("deviated")} deviated, ${count("inconclusive")} inconclusive`;
  return (
    <svg width={14 * 8} height="18" role="img" aria-label={said} className="shrink-0">
      <title>{said}</title>
      {shown.map((verdict, n) => {
        const x = (14 - shown.length + n) * 8;
        if (verdict === "held") return <rect key={n} x={x} y="9" width="5" height="8" rx="1" fill="var(--held)" />;
        if (verdict === "deviated") return <rect key={n} x={x} y="1" width="5" height="16" rx="1" fill="var(--deviated)" />;
        return <rect key={n} x={x + 0.5} y="9.5" width="4" height="7" rx="1" fill="none" stroke="var(--inconclusive)" />;
      })}
    </svg>
  );
}
