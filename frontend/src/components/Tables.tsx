import type { Result } from "../api/client";
import { inert, number, percent, plain, seconds } from "../lib/words";
import { unit } from "./ExperimentStatus";
import { shownOf, VerdictWord } from "./Verdict";

type Step = Result["steps"][number];
type State = Result["steady_state"][number];

const said = (value: unknown): string => (typeof value === "number" ? number(value) : value == null ? "–" : inert(String(value), 80));

/** Asked against delivered, with the interval of the first number. */
export function StepsTable({ steps }: { steps: Step[] }) {
  if (!steps.length) return <p className="card px-4 py-3 text-ink-2">Nothing was injected.</p>;
  return (
    <div className="card overflow-x-auto" tabIndex={0} role="region" aria-label="Asked and delivered">
      <table className="table num">
        <thead>
          <tr>{["Step", "Asked", "Delivered (95 %)", "By", "In place", "Landed"].map((each) => <th key={each} scope="col">{each}</th>)}</tr>
        </thead>
        <tbody>
          {steps.map((step) => (
            <tr key={step.name}>
              <th scope="row">
                <b className="block font-medium">{inert(step.name, 80)}</b>
                <span className="text-sm text-ink-2">{plain(step.fault)}</span>
              </th>
              <td><Amounts of={step.asked} /></td>
              <td><Delivered of={step} /></td>
              <td>{step.mechanism ? <>{inert(step.mechanism, 80)}<span className="block text-sm text-ink-2">{inert(step.kind, 40)}</span></> : "–"}</td>
              <td>{seconds(step.held_s)}<span className="block text-sm text-ink-2">{seconds(step.hold_s)} asked</span></td>
              <td className="min-w-52">
                <span className={step.landed ? "font-medium text-held" : "font-medium text-inconclusive"}>{step.landed ? "✔ landed" : "– did not land"}</span>
                {step.why && <span className="block text-sm text-ink-2">{inert(step.why, 300)}</span>}
                {step.met && <span className="block text-sm text-ink-2">{inert(step.met.why, 240)}</span>}
                {step.residue.length > 0 && <span className="block text-sm text-deviated">left behind: {inert(step.residue.join(", "), 240)}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Amounts({ of }: { of: Record<string, unknown> }) {
  return <>{Object.entries(of).map(([name, value]) => <span key={name} className="block whitespace-nowrap"><span className="text-sm text-ink-2">{unit(name)}</span> {said(value)}</span>)}</>;
}

function Delivered({ of }: { of: Step }) {
  const { low, high, samples, ...rest } = of.delivered;
  const first = Object.keys(of.asked)[0];
  return (
    <>
      {Object.entries(rest).map(([name, value]) => (
        <span key={name} className="block whitespace-nowrap">
          <b className="font-semibold">{said(value)}</b>
          {name === first && low != null && high != null && <span className="text-sm text-ink-2"> {said(low)}–{said(high)}</span>}
        </span>
      ))}
      {samples != null && <span className="block text-sm text-ink-2">{said(samples)} samples</span>}
    </>
  );
}

export function SteadyStates({ states }: { states: State[] }) {
  return (
    <div className="card overflow-x-auto" tabIndex={0} role="region" aria-label="Steady states">
      <table className="table num">
        <thead>
          <tr>{["Steady state", "Verdict", "Bad before / during / after", "Recovered", "Would have been noticed", "Why"].map((each) => <th key={each} scope="col">{each}</th>)}</tr>
        </thead>
        <tbody>
          {states.map((state) => (
            <tr key={state.name}>
              <th scope="row">
                <b className="block font-medium">{inert(state.name, 80)}</b>
                <span className="text-sm text-ink-2">{inert(state.probe, 40)}: {inert(state.tolerance, 120)}</span>
              </th>
              <td><VerdictWord of={shownOf({ state: "ended", verdict: state.verdict })} /></td>
              <td className="whitespace-nowrap">{state.baseline_bad} / {state.fault_bad} / {state.recovery_bad}<span className="block text-sm text-ink-2">of {state.samples}</span></td>
              <td className="whitespace-nowrap">
                {seconds(state.recovery_time_seconds)}
                {state.recover_within_s != null && <span className="block text-sm text-ink-2">{seconds(state.recover_within_s)} allowed</span>}
              </td>
              <td className="whitespace-nowrap">{state.noticed_share != null ? `${percent(state.noticed_share)} bad` : "–"}{state.noticed_delay_seconds != null && <span className="block text-sm text-ink-2">{seconds(state.noticed_delay_seconds)} later</span>}</td>
              <td className="min-w-64 text-ink-2">{inert(state.why, 400)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
