// The words about a run, and who wrote which of them.
import type { Result } from "../api/client";
import { inert, many } from "../lib/words";
import { Section } from "./Page";

type Analysis = NonNullable<Result["analysis"]>;

/** Whose words these are, in one sentence. */
export function credit(analysis: Analysis): string {
  const { written, model } = analysis;
  if (!written || !model) return "Written by rules, from what was measured. No model took part.";
  const own = written.by_model?.length ?? 0;
  const dropped = Object.values(written.dropped ?? {}).reduce((sum, count) => sum + count, 0);
  const parts = [
    `${model} chose ${many(written.chosen, "sentence")} and ${many(written.advice_chosen, "recommendation")} of ours`,
    own ? `and wrote ${many(own, "sentence")}, marked` : "and wrote none of its own",
  ];
  return `${parts.join(" ")}${dropped ? `; ${many(dropped, "sentence")} of it ${dropped === 1 ? "was" : "were"} dropped, because no measurement bears ${dropped === 1 ? "it" : "them"} out` : ""}.`;
}

export function AnalysisView({ result }: { result: Result }) {
  const analysis = result.analysis!;
  const own = analysis.written?.by_model ?? [];
  return (
    <Section title="Analysis" aside={<>severity <b className="font-medium text-ink">{analysis.severity}</b></>}>
      <div className="card grid lg:grid-cols-[minmax(0,1.2fr)_minmax(0,1fr)]">
        <div className="grid content-start gap-3 px-5 py-4">
          <p className="max-w-[70ch] text-[15px] leading-6 text-pretty">
            {pieces(analysis.summary, own).map((piece, n) => piece.own ? <em key={n} className="border-b border-dashed border-live not-italic" title={`a sentence of ${analysis.model}`}>{inert(piece.text)}</em> : <span key={n}>{inert(piece.text)}</span>)}
          </p>
          <p className="hint">{inert(credit(analysis))}</p>
          {analysis.note && <p className="hint">{inert(analysis.note)}</p>}
        </div>
        <div className="border-t border-line px-5 py-4 lg:border-t-0 lg:border-l">
          <p className="eyebrow">Recommendations</p>
          {analysis.recommendations.length ? (
            <ol className="mt-2 grid gap-2.5">
              {analysis.recommendations.map((each, n) => (
                <li key={n} className="grid grid-cols-[18px_1fr]">
                  <span className="num text-ink-3">{n + 1}</span>
                  <span className="text-pretty">{inert(each)}</span>
                </li>
              ))}
            </ol>
          ) : (
            <p className="mt-2 text-ink-2">None: nothing that was measured asks for a change.</p>
          )}
        </div>
      </div>
    </Section>
  );
}

/** The summary in pieces, those of a model marked. */
export function pieces(summary: string, own: string[]): { text: string; own: boolean }[] {
  let rest: { text: string; own: boolean }[] = [{ text: summary, own: false }];
  for (const sentence of own.filter(Boolean)) {
    rest = rest.flatMap((piece) => {
      const at = piece.own ? -1 : piece.text.indexOf(sentence);
      if (at < 0) return [piece];
      return [
        { text: piece.text.slice(0, at), own: false },
        { text: sentence, own: true },
        { text: piece.text.slice(at + sentence.length), own: false },
      ].filter((each) => each.text);
    });
  }
  return rest;
}
