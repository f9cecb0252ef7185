// An experiment that a repository holds, as it is or with another hold and intensity.
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { experiments } from "../api/queries";
import { inert } from "../lib/words";
import { Field, Text } from "./fields";
import { Answered, Empty } from "./states";

type Chosen = { repository: string; name: string; hold: string; intensity: string };

export function RepositoryForm({ chosen, choose }: { chosen: Chosen; choose: (next: Record<string, string>) => void }) {
  const all = useQuery(experiments);
  const set = (changed: Partial<Chosen>) => {
    const next = { ...chosen, ...changed };
    const { repository, ...rest } = next;
    choose(Object.fromEntries(Object.entries({ of: repository, ...rest }).filter(([, value]) => value)));
  };
  return (
    <Answered query={all} rows={2}>
      {({ items }) => {
        const held = items.filter((each) => each.repository);
        if (!held.length) {
          return (
            <Empty title="No repository is followed yet" action={<Link className="btn" to="/repositories">Repositories</Link>}>
              Experiments that live in git are run on a push, by a schedule, and from here.
            </Empty>
          );
        }
        const key = (each: { repository?: string | null; name: string }) => `${each.repository}\u0000${each.name}`;
        return (
          <div className="grid gap-5">
            <Field label="Experiment">
              <select
                className="field"
                value={chosen.name ? key(chosen) : ""}
                onChange={(event) => {
                  const [repository = "", name = ""] = event.target.value.split("\u0000");
                  set({ repository, name });
                }}
              >
                <option value="">Choose…</option>
                {held.map((each) => (
                  <option key={key(each)} value={key(each)}>{inert(each.name, 120)} · {inert(each.repository ?? "", 120)}</option>
                ))}
              </select>
            </Field>
            <div className="grid gap-4 sm:grid-cols-2">
              <Field label="Hold" hint="Of each step; as its manifest says when left empty.">
                <Text value={chosen.hold} change={(hold) => set({ hold })} placeholder="as written" />
              </Field>
              <Field label="Intensity">
                <select className="field" value={chosen.intensity} onChange={(event) => set({ intensity: event.target.value })}>
                  <option value="">as written</option>
                  {["low", "medium", "high"].map((each) => <option key={each}>{each}</option>)}
                </select>
              </Field>
            </div>
          </div>
        );
      }}
    </Answered>
  );
}
