// Where to look further: what was run, Grafana, the report, the files.
import { useState } from "react";
import { artifact, type House, type PlanView, type Result, type Run } from "../api/client";
import { inert, web } from "../lib/words";
import { Section } from "./Page";

export function Evidence({ run, result, plan, house }: { run: Run; result: Result; plan?: PlanView; house?: House }) {
  return (
    <>
      <Section title="Grafana"><Grafana address={web(result.links.dashboard)} house={house} delivery={result.delivery?.dashboard?.why} /></Section>
      <div className="grid items-start gap-5 lg:grid-cols-2">
        <Section title="What was run"><WhatWasRun run={run} result={result} plan={plan} /></Section>
        <Section title="Report and files"><Files run={run} /></Section>
      </div>
    </>
  );
}

function Grafana({ address, house, delivery }: { address: string | null; house?: House; delivery?: string }) {
  const framed = address && house?.grafana_origin && address.startsWith(`${house.grafana_origin}/`);
  if (framed) return <iframe className="card h-[560px] w-full" src={address} title="Dashboard in Grafana" loading="lazy" referrerPolicy="no-referrer" />;
  return (
    <p className="card px-4 py-3 text-ink-2">
      {address ? <><a className="link" href={address} target="_blank" rel="noreferrer">Open the dashboard in Grafana</a>. Not shown here: {inert(house?.grafana ?? "")}.</>
        : <>No dashboard was stored: {inert(delivery || house?.grafana || "no Grafana took it")}. The charts above are drawn from the same numbers.</>}
    </p>
  );
}

function WhatWasRun({ run, result, plan }: { run: Run; result: Result; plan?: PlanView }) {
  const prefect = web(run.links.prefect);
  const facts: [string, React.ReactNode][] = [
    ["Hypothesis", inert(result.hypothesis)],
    ["Repository", run.repository ? inert(run.repository) : null],
    ["Commit", run.commit ? <code className="mono">{inert(run.commit)}</code> : null],
    ["Digest", <code key="d" className="mono">{inert(result.digest, 120)}</code>],
    ["Seed", result.seed ?? "–"],
    ["Labels", Object.entries(result.labels).map(([name, value]) => `${name}: ${value}`).map((each) => inert(each, 120)).join(", ")],
    ["Sandbox", inert(`${result.sandbox.type}${result.sandbox.id ? `, ${result.sandbox.id}` : ""}${result.sandbox.destroyed ? ", destroyed" : ", not destroyed"}`, 200)],
    ["Run", <code key="r" className="mono">{result.run_id}</code>],
    ["Prefect", prefect ? <a key="p" className="link" href={prefect} target="_blank" rel="noreferrer">flow run</a> : null],
  ];
  return (
    <div className="card grid gap-3 px-4 py-3">
      <dl className="grid grid-cols-[84px_minmax(0,1fr)] gap-x-4 gap-y-1.5">
        {facts.filter(([, value]) => value).map(([name, value]) => (
          <div key={name} className="contents"><dt className="text-ink-2">{name}</dt><dd>{value}</dd></div>
        ))}
      </dl>
      {plan && (
        <details>
          <summary className="w-fit text-sm font-medium text-ink-2">What the agent was told</summary>
          <pre className="mono mt-2 max-h-96 overflow-auto rounded-lg bg-sunken p-3" tabIndex={0}>{inert(JSON.stringify(plan.plan, null, 1), 40_000)}</pre>
        </details>
      )}
    </div>
  );
}

function Files({ run }: { run: Run }) {
  const [shown, show] = useState(false);
  const { journal, result, report, why } = run.delivery;
  const names = [report && "report.html", result && "result.json", journal !== "none" && "journal.ndjson"].filter((each) => typeof each === "string");
  if (!names.length) return <p className="card px-4 py-3 text-ink-2">{inert(why || "Its files are not here.")}</p>;
  return (
    <div className="grid gap-3">
      <ul className="card divide-y divide-line">
        {names.map((name) => (
          <li key={name} className="flex min-h-11 items-center gap-3 px-4 py-1.5">
            <a className="link whitespace-nowrap" href={artifact(run.id, name)} {...(name === "report.html" ? { target: "_blank", rel: "noreferrer" } : { download: name })}>{name}</a>
            <span className="text-sm text-ink-2">{ABOUT[name]}</span>
            {name === "report.html" && (
              <button className="btn no-print ml-auto" aria-expanded={shown} onClick={() => show(!shown)}>{shown ? "Close it" : "Show here"}</button>
            )}
          </li>
        ))}
      </ul>
      {shown && <iframe className="card h-[640px] w-full bg-white" sandbox="" src={artifact(run.id, "report.html")} title="Report" />}
    </div>
  );
}

const ABOUT: Record<string, string> = {
  "report.html": "one file, without script; it prints",
  "result.json": "everything that was found",
  "journal.ndjson": "everything that happened; all else is computed from it",
};
