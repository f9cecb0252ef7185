// The five states of a page: loading, empty, error, partial, stale. Each says what it is and what can be done.
import type { UseQueryResult } from "@tanstack/react-query";
import { CloudOff, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { AWAY, ProblemError } from "../api/client";
import { clock, inert } from "../lib/words";

/** Of the size that will be there; seen only when it takes longer than a blink. */
export function Loading({ rows = 4 }: { rows?: number }) {
  return (
    <div aria-busy="true" aria-label="Loading" role="status" className="grid gap-3" data-state="loading">
      <div className="skeleton h-7 w-56" />
      {Array.from({ length: rows }, (_, n) => (
        <div key={n} className="skeleton h-14" />
      ))}
    </div>
  );
}

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="card grid justify-items-center gap-2 px-6 py-12 text-center" data-state="empty">
      <p className="text-lg font-medium">{title}</p>
      {children && <div className="hint max-w-[52ch] text-sm">{children}</div>}
      {action && <div className="mt-2 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}

export function problemOf(error: unknown) {
  return error instanceof ProblemError ? error.problem : { ...AWAY, title: "Something went wrong in this page", detail: String(error) };
}

export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const problem = problemOf(error);
  return (
    <div role="alert" className="card grid gap-1.5 border-l-4 border-l-deviated px-4 py-3" data-state="error">
      <p className="flex items-center gap-2 font-semibold">
        <TriangleAlert size={15} aria-hidden="true" className="text-deviated" />
        {problem.title}
      </p>
      <p className="text-ink-2">{inert(problem.detail)}</p>
      {problem.remedy && <Remedy command={problem.remedy} />}
      <Details problems={problem.problems} />
      <p className="flex flex-wrap items-center gap-3 pt-1">
        {again && (
          <button className="btn" onClick={again}>
            Try again
          </button>
        )}
        {problem.status > 0 && (
          <a className="link text-sm" href={problem.type}>
            What this means
          </a>
        )}
      </p>
    </div>
  );
}

function Details({ problems }: { problems?: { path?: string; message: string; line?: number | null }[] | null }) {
  if (!problems?.length) return null;
  return (
    <ul className="grid gap-1 text-sm">
      {problems.map((each, n) => (
        <li key={n}>
          {each.line ? <span className="num text-ink-2">line {each.line}: </span> : null}
          {each.path ? <span className="mono">{inert(each.path)} </span> : null}
          {inert(each.message)}
        </li>
      ))}
    </ul>
  );
}

export function Remedy({ command }: { command: string }) {
  return <code className="mono w-fit rounded bg-sunken px-2 py-1">{inert(command)}</code>;
}

/** Something is missing, and why. */
export function Partial({ children }: { children: ReactNode }) {
  return (
    <div className="card flex items-start gap-2 border-l-4 border-l-inconclusive px-4 py-2.5 text-sm" data-state="partial">
      <TriangleAlert size={15} aria-hidden="true" className="mt-px shrink-0 text-inconclusive" />
      <div>{children}</div>
    </div>
  );
}

/** What is seen is of an earlier time. */
export function Stale({ query }: { query: Pick<UseQueryResult, "isError" | "data" | "dataUpdatedAt"> }) {
  if (!query.isError || query.data === undefined) return null;
  return (
    <p role="status" className="flex items-center gap-2 text-sm text-inconclusive" data-state="stale">
      <CloudOff size={14} aria-hidden="true" />
      Data of {clock(query.dataUpdatedAt)}; the console does not answer, it is asked again.
    </p>
  );
}

/** A page over one question: its five states, and what is drawn when there is an answer. */
export function Answered<T>({ query, children, rows }: { query: UseQueryResult<T>; children: (data: T) => ReactNode; rows?: number }) {
  if (query.data === undefined) {
    if (query.isError) return <Failure error={query.error} again={() => void query.refetch()} />;
    return <Loading rows={rows} />;
  }
  return (
    <>
      <Stale query={query} />
      {children(query.data)}
    </>
  );
}

export function NothingHere() {
  return (
    <>
      <h1 className="mb-4">There is no such page</h1>
      <Empty title="Nothing is at this address" action={<Link className="btn btn-primary" to="/">To the experiments</Link>} />
    </>
  );
}
