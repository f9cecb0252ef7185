// The short form: a fault of the catalogue, how strong, for how long, on what. Every word of it is in the address.
import { useQuery } from "@tanstack/react-query";
import type { FaultView } from "../api/client";
import { faults } from "../api/queries";
import { inert, plain } from "../lib/words";
import { families, type Field as Name, type Wish } from "../lib/wish";
import { Choices, Field, Text } from "./fields";
import { Failure } from "./states";

type Change = (changed: Partial<Wish>) => void;

export function ExperimentForm({ wish, change, wrong, adhoc }: { wish: Wish; change: Change; wrong: (name: Name) => string | undefined; adhoc: string }) {
  const all = useQuery(faults);
  const fault = all.data?.items.find((each) => each.name === wish.scenario);
  if (all.isError) return <Failure error={all.error} again={() => void all.refetch()} />;
  return (
    <div className="grid gap-5">
      <Field label="Fault" hint={fault ? inert(fault.sentence) : "…"} wrong={wrong("scenario")}>
        <select className="field" value={wish.scenario} onChange={(event) => change({ scenario: event.target.value })}>
          {!all.data && <option value={wish.scenario}>{plain(wish.scenario)}</option>}
          {families(all.data?.items ?? []).map(([title, mine]) => (
            <optgroup key={title} label={title}>
              {mine.map((each) => (
                <option key={each.name} value={each.name}>{plain(each.name)}</option>
              ))}
            </optgroup>
          ))}
        </select>
      </Field>
      <Choices
        legend="Intensity"
        name="intensity"
        value={wish.intensity}
        choices={["low", "medium", "high"].map((each) => ({ value: each, name: each, about: preset(fault, each) }))}
        change={(intensity) => change({ intensity })}
      />
      <Field label="Hold" hint="How long the fault stays. Left empty: as long as it needs to be measured, 5 s at least." wrong={wrong("hold")}>
        <Text value={wish.hold} change={(hold) => change({ hold })} placeholder="10s" inputMode="text" />
      </Field>
      <Target wish={wish} change={change} wrong={wrong} adhoc={adhoc} />
      <Field label="Sandbox" hint={where(fault, wish.sandbox)} wrong={wrong("sandbox")}>
        <select className="field" value={wish.sandbox} onChange={(event) => change({ sandbox: event.target.value })}>
          <option value="local">local: namespaces of the machine that runs it</option>
          <option value="container">container: Docker or Podman</option>
          <option value="e2b">E2B: a virtual machine in the cloud</option>
        </select>
      </Field>
      <details className="group" open={Boolean(wish.port || wish.path || wish.command || wish.dependency || wish.seed)}>
        <summary className="w-fit text-sm font-medium text-ink-2">Port, path, command, dependency, seed</summary>
        <div className="mt-3 grid gap-4 sm:grid-cols-2">
          {wish.what !== "shop" && (
            <>
              <Field label="Port" hint="Where it answers HTTP; 8000 when left empty." wrong={wrong("port")}>
                <Text value={wish.port} change={(port) => change({ port })} inputMode="numeric" placeholder="8000" />
              </Field>
              <Field label="Path" hint="What it is asked for; 200 is well." wrong={wrong("path")}>
                <Text value={wish.path} change={(path) => change({ path })} placeholder="/" />
              </Field>
              <Field label="Command" hint="How it is started; an image may bring its own." wrong={wrong("command")}>
                <Text value={wish.command} change={(command) => change({ command })} placeholder="python3 web.py" />
              </Field>
              <Field label="Dependency" hint="What a fault of a dependency takes away: host, or host:port." wrong={wrong("dependency")}>
                <Text value={wish.dependency} change={(dependency) => change({ dependency })} placeholder="db:5432" />
              </Field>
            </>
          )}
          <Field label="Seed" hint="Decides every random choice; left empty, a new one." wrong={wrong("seed")}>
            <Text value={wish.seed} change={(seed) => change({ seed })} inputMode="numeric" placeholder="a new one" />
          </Field>
        </div>
      </details>
    </div>
  );
}

function Target({ wish, change, wrong, adhoc }: { wish: Wish; change: Change; wrong: (name: Name) => string | undefined; adhoc: string }) {
  const images = adhoc === "all" || adhoc === "images";
  return (
    <div className="grid gap-3">
      <Choices
        legend="App"
        name="what"
        value={wish.what}
        choices={[
          { value: "shop", name: "Demo shop", disabled: adhoc === "off" },
          { value: "image", name: "Image", disabled: !images },
          { value: "folder", name: "Folder", disabled: adhoc !== "all" },
        ]}
        change={(what) => change({ what, ...(what === "image" && wish.sandbox === "local" ? { sandbox: "container" } : {}) })}
      />
      {adhoc !== "all" && <p className="hint">This console starts {adhoc === "off" ? "only what a repository holds" : adhoc === "shop" ? "the demo shop only" : "images and the demo shop"} (CHAOSLAB_CONSOLE_ADHOC).</p>}
      {wish.what === "image" && (
        <Field label="Image" wrong={wrong("image")}>
          <Text value={wish.image} change={(image) => change({ image })} placeholder="docker.io/library/nginx:1.29" />
        </Field>
      )}
      {wish.what === "folder" && (
        <Field label="Folder" hint="A directory of the machine that runs it; say its command below." wrong={wrong("app")}>
          <Text value={wish.app} change={(app) => change({ app })} placeholder="/srv/app" />
        </Field>
      )}
    </div>
  );
}

function preset(fault: FaultView | undefined, intensity: string): string {
  const said = Object.entries(fault?.presets[intensity] ?? {});
  return said.map(([name, value]) => `${plain(name)} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`).slice(0, 2).join(", ");
}

function where(fault: FaultView | undefined, sandbox: string): string {
  const said = fault?.providers[sandbox];
  if (!said) return "";
  return said.startsWith("refused") ? `${plain(fault.name)} cannot be done there: ${said.replace("refused: ", "")}.` : `There it acts by ${said}.`;
}
