// The design system on a page of its own: tokens and what is made of them, in the theme that is chosen.
import { Page, Section, useTitle } from "../components/Page";
import { Ticks } from "../components/Ticks";
import { VerdictWord, type Shown } from "../components/Verdict";

const COLOURS = ["bg", "surface", "sunken", "line", "line-2", "ink", "ink-2", "ink-3", "held", "deviated", "inconclusive", "live", "fault", "fault-ink", "s1", "s2", "s3", "s4"];
const VERDICTS: Shown[] = ["held", "deviated", "inconclusive", "live", "queued", "none"];
const SIZES: [string, string][] = [["text-2xl font-semibold tracking-tight", "28 verdict"], ["text-xl font-semibold tracking-tight", "21 page, number"], ["text-lg", "16 sentence that matters"], ["", "13.5 text"], ["text-sm text-ink-2", "12.5 beside it"], ["mono", "12 what machines wrote"]];

export default function Design() {
  useTitle("Design");
  return (
    <Page title="Design" about="Calm and dense. Ink on paper; colour says only three things: a verdict, that something is live, and that something was broken on purpose.">
      <Section title="Verdicts" aside="shape, word and colour: any of them alone says it">
        <div className="card flex flex-wrap gap-x-8 gap-y-3 px-5 py-4">{VERDICTS.map((each) => <VerdictWord key={each} of={each} />)}<Ticks verdicts={["held", "held", "inconclusive", "deviated", "held"]} /></div>
      </Section>
      <Section title="Colours">
        <ul className="card grid grid-cols-3 gap-4 px-5 py-4 sm:grid-cols-6 lg:grid-cols-9">
          {COLOURS.map((each) => <li key={each} className="grid gap-1 text-sm"><span className="h-10 rounded-md border border-line" style={{ background: `var(--${each})` }} />{each}</li>)}
        </ul>
      </Section>
      <Section title="Type" aside="Geist, Geist Mono">
        <div className="card grid gap-2 px-5 py-4">{SIZES.map(([size, name]) => <p key={name} className={size}>{name}</p>)}</div>
      </Section>
      <Section title="The fault window" aside="the one loud colour">
        <div className="card flex h-24 overflow-hidden"><div className="w-1/4" /><div className="hatch w-2/5 border-x border-fault" /></div>
      </Section>
      <Section title="Controls">
        <div className="card flex flex-wrap items-center gap-3 px-5 py-4">
          <button className="btn btn-primary">Primary</button><button className="btn">Plain</button><button className="btn btn-danger">Ends something</button><button className="btn" disabled>Not now</button>
          <input className="field w-40" aria-label="A field" placeholder="a field" />
          <div className="bar w-40"><i style={{ width: "62%" }} /></div>
        </div>
      </Section>
      <Section title="Space"><p className="card px-5 py-4 text-ink-2">4, 8, 12, 16, 20, 24: within a line, between lines, in a row, in a card, between parts, at the sides.</p></Section>
    </Page>
  );
}
