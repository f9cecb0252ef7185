// A whole manifest: its text with line numbers, and what is wrong with it, by line, as `chaoslab validate` says it.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api, got } from "../api/client";
import { inert, many } from "../lib/words";
import { Failure } from "./states";

const DRAFT = "manifest-draft";
export const EXAMPLE = `apiVersion: chaoslab/v1
kind: Experiment
metadata:
  name: checkout-slow
spec:
  hypothesis: Checkout answers within a second while the network is 300 ms slower.
  sandbox: {type: local}
  target:
    app: .
    processes:
      - {name: inventory, command: [python3, inventory.py], port: 9000}
      - {name: web, command: [python3, web.py], port: 8000}
  load: {url: "http://127.0.0.1:8000/checkout", rate: 30/s}
  steadyState:
    - name: fast
      probe: {type: metric, metric: latency_p95}
      tolerance: {max: 1s}
  method:
    - name: slow network
      fault: {type: network_delay, delay: 300ms, process: web}
      hold: 5s
  phases: {baseline: 3s, recovery: 3s}
`;

/** What is being written, kept while the tab lives: nothing typed is lost by going elsewhere. */
export function useDraft(): [string, (yaml: string) => void] {
  const [yaml, set] = useState(() => sessionStorage.getItem(DRAFT) ?? "");
  return [
    yaml,
    (next) => {
      set(next);
      sessionStorage.setItem(DRAFT, next);
    },
  ];
}

export function ManifestForm({ yaml, write }: { yaml: string; write: (yaml: string) => void }) {
  const [asked, ask] = useState(yaml);
  useEffect(() => {
    const timer = setTimeout(() => ask(yaml), 300);
    return () => clearTimeout(timer);
  }, [yaml]);
  const said = useQuery({
    queryKey: ["validated", asked],
    queryFn: () => got(api.POST("/api/v1/validate", { body: { yaml: asked } })),
    enabled: Boolean(asked.trim()),
    retry: false,
    placeholderData: (before) => before,
  });
  const problems = yaml.trim() ? (said.data?.problems ?? []) : [];
  const area = useRef<HTMLTextAreaElement>(null);
  function go(line: number) {
    const lines = yaml.split("\n");
    const from = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.current?.focus();
    area.current?.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
  }
  return (
    <div className="grid gap-3">
      <div className="flex items-baseline justify-between gap-2">
        <label htmlFor="manifest" className="label">Manifest</label>
        {!yaml.trim() && <button type="button" className="btn" onClick={() => write(EXAMPLE)}>Begin with an example</button>}
      </div>
      <Editor yaml={yaml} write={write} area={area} wrong={new Set(problems.map((each) => each.line ?? 0))} />
      <p className="hint">Of an image, or of the demo shop (<code className="mono">app: .</code>); no path of a machine. 256 KiB at most.</p>
      {said.isError && <Failure error={said.error} />}
      {yaml.trim() && said.data?.valid && <p role="status" className="text-sm text-held">✔ {inert(said.data.manifests.join(", "))}: nothing is wrong with it.</p>}
      {problems.length > 0 && (
        <div role="status">
          <p className="text-sm font-medium text-deviated">{many(problems.length, "problem")}</p>
          <ul className="mt-1 grid gap-1.5 text-sm">
            {problems.map((each, n) => (
              <li key={n} className="flex gap-2">
                {each.line ? (
                  <button type="button" className="link num shrink-0" onClick={() => go(each.line!)}>line {each.line}{each.column ? `:${each.column}` : ""}</button>
                ) : null}
                <span>{each.path ? <code className="mono text-ink-2">{inert(each.path)} </code> : null}{inert(each.message)}</span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function Editor({ yaml, write, area, wrong }: { yaml: string; write: (yaml: string) => void; area: React.RefObject<HTMLTextAreaElement | null>; wrong: Set<number> }) {
  const gutter = useRef<HTMLPreElement>(null);
  const count = Math.max(14, yaml.split("\n").length);
  return (
    <div className="grid max-h-[60vh] grid-cols-[44px_1fr] overflow-hidden rounded-lg border border-line-2 focus-within:outline-2 focus-within:outline-(--focus)">
      <pre ref={gutter} aria-hidden="true" className="mono overflow-hidden bg-sunken py-2 pr-2 text-right text-ink-3 select-none">
        {Array.from({ length: count }, (_, n) => (
          <div key={n} className={wrong.has(n + 1) ? "font-semibold text-deviated" : ""}>{wrong.has(n + 1) ? `✖ ${n + 1}` : n + 1}</div>
        ))}
      </pre>
      <textarea
        ref={area}
        id="manifest"
        className="mono resize-y bg-surface px-3 py-2 whitespace-pre outline-none"
        rows={Math.min(count, 34)}
        value={yaml}
        maxLength={256 * 1024}
        spellCheck={false}
        wrap="off"
        aria-invalid={wrong.size > 0}
        onChange={(event) => write(event.target.value)}
        onScroll={(event) => {
          if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop;
        }}
      />
    </div>
  );
}
