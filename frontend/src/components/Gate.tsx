// What a game day asks a person, and the answer: go on or not, and why.
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { api, got, type RunSummary } from "../api/client";
import { queries } from "../api/queries";
import { inert } from "../lib/words";
import { Failure } from "./states";

export function Gate({ run }: { run: RunSummary }) {
  const [why, say] = useState("");
  const decide = useMutation({
    mutationFn: (go: boolean) => got(api.POST("/api/v1/game-days/{id}/decision", { params: { path: { id: run.id } }, body: { go, why } })),
    onSuccess: () => void queries.invalidateQueries(),
  });
  return (
    <section className="card grid gap-3 border-l-4 border-l-live px-5 py-4" aria-label="A question">
      <p className="text-lg">
        <Link to={`/runs/${run.id}`} className="font-medium no-underline hover:underline">{inert(run.experiment, 120)}</Link> asks: go on with the next stage?
      </p>
      <label className="grid max-w-xl gap-1">
        <span className="label">Why</span>
        <input className="field" maxLength={500} value={why} onChange={(event) => say(event.target.value)} placeholder="all is well" />
        <span className="hint">It stands in the journal of the day, with your name.</span>
      </label>
      <div className="flex gap-2">
        <button className="btn btn-primary" disabled={decide.isPending} onClick={() => decide.mutate(true)}>Go on</button>
        <button className="btn btn-danger" disabled={decide.isPending} onClick={() => decide.mutate(false)}>End the day</button>
      </div>
      {decide.isError && <Failure error={decide.error} />}
    </section>
  );
}
