import { useQuery } from "@tanstack/react-query";
import { useEffect, type FormEvent } from "react";
import { useSearchParams } from "react-router";
import type { Start } from "../api/client";
import { house } from "../api/queries";
import { CopyButton } from "../components/CopyButton";
import { ExperimentForm } from "../components/ExperimentForm";
import { ManifestForm, useDraft } from "../components/ManifestForm";
import { Page, useTitle } from "../components/Page";
import { PlanPanel, usePlan, wrongWith } from "../components/PlanPanel";
import { RepositoryForm } from "../components/RepositoryForm";
import { Empty, Failure } from "../components/states";
import { Tabs } from "../components/Tabs";
import { useStart } from "../lib/starting";
import { addressOf, curl, missing, startOf, wishOf, type Wish } from "../lib/wish";

const KINDS = [["short", "Short form"], ["experiment", "Experiment of a repository"], ["manifest", "Manifest"]] as const;

export default function NewRun() {
  useTitle("New run");
  const [params, set] = useSearchParams();
  const kind = params.get("kind") ?? "short";
  const { data: told } = useQuery(house);
  const [yaml, write] = useDraft();
  const wish = wishOf(params);
  const chosen = { repository: params.get("of") ?? "", name: params.get("name") ?? "", hold: params.get("hold") ?? "", intensity: params.get("intensity") ?? "" };
  const wants = kind === "short" ? missing(wish) : kind === "manifest" ? (yaml.trim() ? "" : "Write or paste a manifest.") : chosen.name ? "" : "Choose an experiment.";
  const body = wants ? null : bodyOf(kind, wish, yaml, chosen);
  const plan = usePlan(kind === "experiment" ? null : body);
  const start = useStart();
  const refused = (plan.data?.refusals ?? []).length > 0;
  const blocked = why({ wants, refused, invalid: plan.isError && kind !== "experiment", halted: told?.halt.halted ?? false });

  function change(changed: Partial<Wish>) {
    set(addressOf({ ...wish, ...changed }), { replace: true });
  }
  function turn(next: string) {
    if (next === "short") params.delete("kind");
    else params.set("kind", next);
    set(params, { replace: true });
  }
  function send(event?: FormEvent) {
    event?.preventDefault();
    if (body && !blocked && !start.isPending) start.mutate(body);
  }
  useEffect(() => {
    function pressed(event: KeyboardEvent) {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
    }
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  });

  if (told && !told.rights.includes("operate")) {
    return (
      <Page title="New run">
        <Empty title="You may look, and not start">This console reads only, or your token is a viewer’s.</Empty>
      </Page>
    );
  }
  return (
    <Page title="New run" about="Every run is a flow run of Prefect: it goes on without this page.">
      <Tabs label="What to run" tabs={KINDS} chosen={kind} choose={turn}>
        <form onSubmit={send} className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_minmax(0,420px)]">
          <div className="card grid gap-5 p-5">
            {kind === "short" && <ExperimentForm wish={wish} change={change} wrong={(name) => wrongWith(start.error ?? plan.error, name)} adhoc={told?.adhoc ?? "all"} />}
            {kind === "experiment" && <RepositoryForm chosen={chosen} choose={(next) => set({ kind, ...next }, { replace: true })} />}
            {kind === "manifest" && <ManifestForm yaml={yaml} write={write} />}
            {start.isError && <Failure error={start.error} />}
            <div className="flex flex-wrap items-center justify-end gap-x-3 gap-y-2 border-t border-line pt-4">
              <p id="why-not" className="hint mr-auto">{blocked || (start.isPending ? "" : "Ctrl+Enter")}</p>
              {body && <CopyButton text={curl(body)} label="Copy as curl" />}
              <button className="btn btn-primary px-5" disabled={Boolean(blocked) || start.isPending} aria-describedby="why-not">
                {start.isPending ? "Starting…" : "Start"}
              </button>
            </div>
          </div>
          <PlanPanel
            plan={plan.data}
            wants={wants}
            error={plan.error}
            elsewhere={kind === "experiment" && !wants ? "Its manifest is read where it is run, at the commit that was last synced. Suspended schedules stay suspended." : undefined}
          />
        </form>
      </Tabs>
    </Page>
  );
}

function bodyOf(kind: string, wish: Wish, yaml: string, chosen: { repository: string; name: string; hold: string; intensity: string }): Start {
  if (kind === "manifest") return { manifest: { yaml } } as Start;
  if (kind === "short") return startOf(wish);
  const { repository, name, hold, intensity } = chosen;
  return JSON.parse(JSON.stringify({ experiment: { name, repository: repository || undefined }, hold: hold || undefined, intensity: intensity || undefined })) as Start;
}

/** Why it cannot be started now; a button that does nothing says so. */
function why(now: { wants: string; refused: boolean; invalid: boolean; halted: boolean }): string {
  if (now.halted) return "Experiments are halted.";
  if (now.wants) return now.wants;
  if (now.invalid) return "What is wrong stands beside it.";
  return now.refused ? "It cannot be carried out; the reasons stand beside it." : "";
}
