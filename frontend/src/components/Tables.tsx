// Steady states: a table on a desk, one block each on a phone.
import type { Result } from "../api/client";
import { inert, percent, seconds } from "../lib/words";
import { shownOf, VerdictWord } from "./Verdict";

type State = Result["steady_state"][number];

export function SteadyStates({ states }: { states: State[] }) {
  return (
    <ul className="card divide-y divide-line">
      {states.map((state) => (
        <li key={state.name} className="grid gap-x-8 gap-y-3 px-5 py-4 lg:grid-cols-[200px_minmax(0,1fr)_minmax(0,300px)]">
          <div className="grid content-start gap-1">
            <VerdictWord of={shownOf({ state: "ended", verdict: state.verdict })} />
            <b className="font-medium">{inert(state.name, 80)}</b>
            <span className="text-sm text-ink-2">{inert(state.probe, 40)}: {inert(state.tolerance, 120)}</span>
          </div>
          <dl className="num grid max-w-[460px] grid-cols-2 content-start gap-x-6 gap-y-2 sm:grid-cols-3">
            <Fact name="Bad before, during, after" value={`${state.baseline_bad}, ${state.fault_bad}, ${state.recovery_bad}`} about={`of ${state.samples} looks`} />
            <Fact name="Recovered" value={seconds(state.recovery_time_seconds)} about={state.recover_within_s != null ? `${seconds(state.recover_within_s)} allowed` : ""} />
            <Fact name="Would have been noticed" value={state.noticed_share != null ? `${percent(state.noticed_share)} bad` : "–"} about={state.noticed_delay_seconds != null ? `${seconds(state.noticed_delay_seconds)} later` : ""} />
          </dl>
          <p className="text-sm text-pretty text-ink-2">{inert(state.why, 400)}</p>
        </li>
      ))}
    </ul>
  );
}

function Fact({ name, value, about }: { name: string; value: string; about: string }) {
  return (
    <div>
      <dt className="eyebrow">{name}</dt>
      <dd className="font-medium">{value}{about && <span className="block text-sm font-normal text-ink-2">{about}</span>}</dd>
    </div>
  );
}
