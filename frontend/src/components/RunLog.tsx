// What happened and what the app wrote, in the order of the run's clock. Text only, whatever an app writes.
import { useEffect, useMemo, useRef, useState } from "react";
import type { Words } from "../charts/store";
import { inert } from "../lib/words";

type Entry = { t?: number; who: string; text: string; mark: boolean; bad: boolean };
const MOST = 400;

export function RunLog({ words }: { words: Words }) {
  const [who, choose] = useState("");
  const [q, filter] = useState("");
  const [following, follow] = useState(true);
  const list = useRef<HTMLDivElement>(null);
  const entries = useMemo(() => entriesOf(words, who, q), [words, who, q]);
  const processes = useMemo(() => [...new Set(words.lines.map((each) => each.process))], [words]);
  useEffect(() => {
    if (following && list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [entries, following]);
  return (
    <div className="card overflow-hidden">
      <div className="no-print flex flex-wrap items-center gap-2 border-b border-line px-3 py-2">
        <select className="field w-auto" aria-label="Of whom" value={who} onChange={(event) => choose(event.target.value)}>
          <option value="">everything</option>
          <option value="*">what happened</option>
          {processes.map((each) => <option key={each} value={each}>{inert(each, 60)}</option>)}
        </select>
        <input className="field w-48" type="search" aria-label="Filter the log" placeholder="Filter" value={q} onChange={(event) => filter(event.target.value)} />
        <label className="ml-auto flex items-center gap-2 text-sm text-ink-2">
          <input type="checkbox" className="size-4" checked={following} onChange={(event) => follow(event.target.checked)} /> follow
        </label>
      </div>
      <div ref={list} className="mono max-h-80 min-h-24 overflow-auto py-2" tabIndex={0} role="region" aria-label="Log">
        {entries.length === 0 && <p className="px-4 py-3 text-ink-2">{q || who ? "No line is of this filter." : "Nothing was written yet."}</p>}
        {entries.map((each, n) => (
          <p key={n} className={`grid grid-cols-[64px_88px_minmax(0,1fr)] gap-3 px-4 ${each.mark ? "bg-sunken" : ""}`}>
            <span className="text-right text-ink-3">{each.t == null ? "" : each.t.toFixed(2)}</span>
            <span className="truncate text-ink-2">{each.who}</span>
            <span className={`whitespace-pre-wrap ${each.bad ? "text-deviated" : ""}`}>{each.text}</span>
          </p>
        ))}
      </div>
      {words.left_out > 0 && <p className="border-t border-line px-4 py-1.5 text-sm text-ink-2">{words.left_out} lines more were written; the journal has them.</p>}
    </div>
  );
}

const BAD = /\b(error|traceback|exception|fatal|critical|refused)\b/i;

function entriesOf(words: Words, who: string, q: string): Entry[] {
  const marks = who === "" || who === "*" ? words.marks : [];
  const lines = who === "*" ? [] : words.lines;
  const all: Entry[] = [
    ...marks.map((each) => ({ t: each.t, who: each.step ? inert(each.step, 30) : "run", text: inert(each.words), mark: true, bad: /failed|NOT|tripped/.test(each.words) })),
    ...lines.filter((each) => !who || each.process === who).map((each) => ({ t: each.t, who: inert(each.process, 30), text: inert(each.line), mark: false, bad: BAD.test(each.line) })),
  ];
  const wanted = q.toLowerCase();
  return all
    .filter((each) => !wanted || each.text.toLowerCase().includes(wanted))
    .sort((a, b) => (a.t ?? -1) - (b.t ?? -1))
    .slice(-MOST);
}
