// A repository brought in line now, or what that would do.
import { useMutation } from "@tanstack/react-query";
import { ListChecks, RefreshCw } from "lucide-react";
import { api, got } from "../api/client";
import { queries } from "../api/queries";
import { inert, many, plain, web } from "../lib/words";
import { Failure } from "./states";

type Action = { kind?: string; name?: string; why?: string };

export const short = (address: string): string => address.replace(/\/+$/, "").replace(/\.git$/, "").split("/").at(-1) || address;

export function SyncButtons({ repository }: { repository: string }) {
  const sync = useMutation({
    mutationFn: (dry_run: boolean) => got(api.POST("/api/v1/repositories/{name}/sync", { params: { path: { name: short(repository) } }, body: { dry_run } })),
    onSuccess: (said) => said.dry_run || void queries.invalidateQueries({ queryKey: ["repositories"] }),
  });
  const busy = (dry: boolean) => sync.isPending && sync.variables === dry;
  return (
    <div className="grid gap-2">
      <div className="no-print flex flex-wrap gap-2">
        <button className="btn" disabled={sync.isPending} onClick={() => sync.mutate(true)}><ListChecks size={13} aria-hidden="true" /> {busy(true) ? "Looking…" : "Dry run"}</button>
        <button className="btn" disabled={sync.isPending} onClick={() => sync.mutate(false)}><RefreshCw size={13} aria-hidden="true" /> {busy(false) ? "Asking…" : "Sync now"}</button>
      </div>
      <div role="status">
        {sync.data && !sync.data.dry_run && (
          <p className="card px-4 py-2.5">It is brought in line by a flow run{web(sync.data.prefect) && <>: <a className="link" href={web(sync.data.prefect)!} target="_blank" rel="noreferrer">see it in Prefect</a></>}.</p>
        )}
        {sync.data?.dry_run && <Would actions={sync.data.actions as Action[]} commit={sync.data.commit ?? ""} />}
      </div>
      {sync.isError && <Failure error={sync.error} />}
    </div>
  );
}

function Would({ actions, commit }: { actions: Action[]; commit: string }) {
  return (
    <div className="card divide-y divide-line" data-would>
      <p className="px-4 py-2.5">{actions.length ? `A sync would do ${many(actions.length, "thing")}` : "Nothing would be done: it is in line"}{commit && <> at <code className="mono">{commit.slice(0, 10)}</code></>}.</p>
      {actions.map((each, n) => (
        <p key={n} className="grid gap-x-4 px-4 py-2 sm:grid-cols-[110px_minmax(0,1fr)_minmax(0,1.2fr)]">
          <b className="font-medium">{plain(each.kind ?? "")}</b><span>{inert(each.name ?? "", 160)}</span><span className="text-sm text-ink-2">{inert(each.why ?? "", 300)}</span>
        </p>
      ))}
    </div>
  );
}
