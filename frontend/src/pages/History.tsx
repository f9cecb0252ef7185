// Every run, newest first, however many: pages of 50 are fetched as they come into sight, and only what is seen is drawn.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { api, got } from "../api/client";
import type { RunFilters } from "../api/queries";
import { Page, useTitle } from "../components/Page";
import { ResultCard } from "../components/ResultCard";
import { Empty, Failure, Loading, Stale } from "../components/states";

const PIECE = 50;
const WORDS: [keyof RunFilters, string][] = [["q", "Search"], ["experiment", "Experiment"], ["repository", "Repository"], ["fault", "Fault"], ["label", "Label (key:value)"]];
const KNOWN: (keyof RunFilters)[] = ["q", "experiment", "repository", "fault", "label", "state", "verdict", "outcome", "since", "until", "game_day"];

function filtersOf(params: URLSearchParams): RunFilters {
  return Object.fromEntries(KNOWN.map((name) => [name, params.get(name)]).filter(([, value]) => value)) as RunFilters;
}

export default function History() {
  useTitle("History");
  const [params, set] = useSearchParams();
  const go = useNavigate();
  const filters = filtersOf(params);
  const [marked, mark] = useState<string[]>([]);
  const query = useInfiniteQuery({
    queryKey: ["history", filters],
    queryFn: ({ pageParam }) => got(api.GET("/api/v1/runs", { params: { query: { ...filters, limit: PIECE, cursor: pageParam } as never } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    // Only while its first piece is all that is seen: pieces further down do not change.
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 1) <= 1 ? 5_000 : false),
  });
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const change = (name: string, value: string) => {
    if (value) params.set(name, value);
    else params.delete(name);
    set(params, { replace: true });
  };
  const toggle = (id: string) => mark((now) => (now.includes(id) ? now.filter((each) => each !== id) : [...now, id].slice(-2)));
  return (
    <Page
      title="History"
      about="Every run, wherever it was started: here, by a push, a schedule, Prefect or a terminal."
      actions={
        <button
          className="btn"
          data-compare
          disabled={marked.length !== 2}
          title="Mark two runs"
          onClick={() => void go(`/compare?a=${marked[0]}&b=${marked[1]}`)}
        >
          {marked.length === 2 ? "Compare the two" : `Compare: ${marked.length} of 2 marked`}
        </button>
      }
    >
      <form role="search" aria-label="Filters" className="grid grid-cols-2 gap-2 md:grid-cols-4 lg:grid-cols-7" onSubmit={(event) => event.preventDefault()}>
        {WORDS.map(([name, title]) => (
          <input key={name} className="field" type="search" aria-label={title} placeholder={title} value={params.get(name) ?? ""} onChange={(event) => change(name, event.target.value)} />
        ))}
        <select className="field" aria-label="Verdict" value={params.get("verdict") ?? ""} onChange={(event) => change("verdict", event.target.value)}>
          <option value="">every verdict</option>
          {["held", "deviated", "inconclusive"].map((each) => <option key={each}>{each}</option>)}
        </select>
        <select className="field" aria-label="State" value={params.get("state") ?? ""} onChange={(event) => change("state", event.target.value)}>
          <option value="">live and ended</option>
          <option value="live">live</option>
          <option value="ended">ended</option>
        </select>
      </form>
      <Stale query={{ isError: query.isError, data: query.data, dataUpdatedAt: query.dataUpdatedAt }} />
      {query.data === undefined ? (
        query.isError ? <Failure error={query.error} again={() => void query.refetch()} /> : <Loading rows={8} />
      ) : items.length === 0 ? (
        <Empty
          title={Object.keys(filters).length ? "No run is of these filters" : "Nothing has run yet"}
          action={Object.keys(filters).length ? <button className="btn" onClick={() => set({})}>Show all</button> : <Link className="btn btn-primary" to="/new">New run</Link>}
        />
      ) : (
        <Rows items={items} marked={marked} toggle={toggle} more={query.hasNextPage && !query.isFetchingNextPage ? () => void query.fetchNextPage() : null} />
      )}
    </Page>
  );
}

type Items = Parameters<typeof ResultCard>[0]["run"][];

function Rows({ items, marked, toggle, more }: { items: Items; marked: string[]; toggle: (id: string) => void; more: (() => void) | null }) {
  const list = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => setTop(list.current?.offsetTop ?? 0), []);
  const rows = useWindowVirtualizer({ count: items.length, estimateSize: () => 62, overscan: 6, scrollMargin: top });
  const seen = rows.getVirtualItems();
  const last = seen.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last >= items.length - 10) more();
  }, [last, items.length, more]);
  return (
    <div ref={list} className="card overflow-hidden" role="list" aria-label="Runs">
      <div className="relative" style={{ height: rows.getTotalSize() }}>
        {seen.map((each) => (
          <div
            key={each.key}
            ref={rows.measureElement}
            data-index={each.index}
            role="listitem"
            className="absolute inset-x-0 border-b border-line"
            style={{ transform: `translateY(${each.start - rows.options.scrollMargin}px)` }}
          >
            <ResultCard run={items[each.index]!} marked={marked.includes(items[each.index]!.id)} mark={() => toggle(items[each.index]!.id)} />
          </div>
        ))}
      </div>
    </div>
  );
}
