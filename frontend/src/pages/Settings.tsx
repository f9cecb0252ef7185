import { useMutation, useQuery } from "@tanstack/react-query";
import { api, got } from "../api/client";
import { house, queries } from "../api/queries";
import { Choices } from "../components/fields";
import { HELP, switchKeys, useKeys } from "../components/Keys";
import { Page, Section, useTitle } from "../components/Page";
import { Answered } from "../components/states";
import { choose, useTheme, type Theme } from "../lib/theme";
import { inert, web } from "../lib/words";

export default function Settings() {
  useTitle("Settings");
  const query = useQuery(house);
  const theme = useTheme();
  const keys = useKeys();
  return (
    <Page title="Settings" about="What this browser keeps, and what this console is.">
      <div className="grid items-start gap-5 lg:grid-cols-2">
        <div className="card grid gap-5 p-5">
          <Choices legend="Theme" name="theme" value={theme} choices={["system", "light", "dark"].map((each) => ({ value: each, name: each }))} change={(next) => choose(next as Theme)} />
          <label className="flex items-start gap-3">
            <input type="checkbox" className="mt-0.5 size-4" checked={keys} onChange={(event) => switchKeys(event.target.checked)} />
            <span><span className="label">Single keys</span><span className="hint">Switch them off when you speak to your computer, or type by accident.</span></span>
          </label>
          <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
            {HELP.map(([key, what]) => <div key={key} className="contents"><dt className="mono">{key}</dt><dd className="text-sm text-ink-2">{what}</dd></div>)}
          </dl>
        </div>
        <Section title="This console">
          <Answered query={query} rows={2}>
            {(told) => {
              const prefect = web(told.prefect);
              const facts: [string, React.ReactNode][] = [
                ["You are", `${inert(told.name, 80)}, ${told.role}`],
                ["You may", told.rights.join(", ") || "nothing"],
                ["Version", told.version],
                ["Prefect", prefect ? <a key="p" className="link" href={prefect} target="_blank" rel="noreferrer">{prefect}</a> : "–"],
                ["Starts", { all: "anything", images: "repositories, images, the demo shop", shop: "repositories, the demo shop", off: "repositories" }[told.adhoc] ?? told.adhoc],
                ["Grafana", told.grafana_origin ? "shown in a frame" : inert(told.grafana)],
                ["API", <a key="a" className="link" href="/docs">every route</a>],
              ];
              return (
                <>
                <dl className="card grid grid-cols-[96px_1fr] gap-x-4 gap-y-2 px-5 py-4">
                  {facts.map(([name, value]) => <div key={name} className="contents"><dt className="text-ink-2">{name}</dt><dd>{value}</dd></div>)}
                </dl>
                {sessionStorage.getItem("chaoslab-signed-in") && <SignOut />}
                </>
              );
            }}
          </Answered>
        </Section>
      </div>
    </Page>
  );
}

/** Only for who signed in here: this machine's own user needs no token, and has nothing to give back. */
function SignOut() {
  const leave = useMutation({
    mutationFn: () => got(api.DELETE("/api/v1/session")),
    onSuccess: () => {
      sessionStorage.removeItem("chaoslab-signed-in");
      void queries.resetQueries();
    },
  });
  return <button className="btn mt-2" disabled={leave.isPending} onClick={() => leave.mutate()}>Sign out</button>;
}
