// For who comes without being known here: a token opens the console for twelve hours, and the role decides what is drawn.
import { useMutation } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import { useEffect, useState, type FormEvent } from "react";
import { api, got } from "../api/client";
import { queries } from "../api/queries";
import { useTitle } from "../components/Page";
import { Failure, Remedy } from "../components/states";

/** The token that a printed address carries behind its #, taken out of the address before anybody sees it. */
function carried(): string {
  const found = /^#token=([\x21-\x7e]+)$/.exec(location.hash)?.[1] ?? "";
  if (found) history.replaceState(history.state, "", location.pathname + location.search);
  return decodeURIComponent(found);
}

export default function SignIn() {
  useTitle("Sign in");
  const [token, type] = useState("");
  const enter = useMutation({
    mutationFn: (token: string) => got(api.POST("/api/v1/session", { body: { token } })),
    onSuccess: () => {
      type("");
      sessionStorage.setItem("chaoslab-signed-in", "yes");
      void queries.resetQueries();
    },
  });
  const { mutate } = enter;
  useEffect(() => {
    const found = carried();
    if (found) mutate(found);
  }, [mutate]);
  function send(event: FormEvent) {
    event.preventDefault();
    if (token.trim()) mutate(token.trim());
  }
  return (
    <form onSubmit={send} className="card mx-auto mt-[8vh] grid w-full max-w-[440px] gap-4 p-6 sm:p-8" data-state="signed-out">
      <KeyRound size={22} aria-hidden="true" className="text-ink-2" />
      <div>
        <h1>Sign in</h1>
        <p className="mt-1 text-ink-2">This console answers holders of a token. Whoever runs it makes one for you:</p>
      </div>
      <Remedy command="chaoslab console token create YOU --role viewer" />
      <label className="grid gap-1">
        <span className="label">Token</span>
        <input className="field mono" type="password" value={token} onChange={(event) => type(event.target.value)} maxLength={500} autoComplete="current-password" spellCheck={false} autoFocus required />
        <span className="hint">A viewer looks; an operator starts, stops, halts and decides. It stays in this browser for 12 hours.</span>
      </label>
      {enter.isError && <Failure error={enter.error} />}
      <button className="btn btn-primary justify-self-start px-4" disabled={enter.isPending}>{enter.isPending ? "Opening…" : "Sign in"}</button>
    </form>
  );
}
