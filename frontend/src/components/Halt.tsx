// The big red switch, on every page: a button that asks for a reason, and a banner while it is on.
import { useMutation, useQuery } from "@tanstack/react-query";
import { OctagonPause } from "lucide-react";
import { useRef, useState, type FormEvent } from "react";
import { api, got } from "../api/client";
import { house, queries, runs } from "../api/queries";
import { ago, inert, many } from "../lib/words";
import { Failure } from "./states";

const told = () => queries.invalidateQueries();

export function HaltButton() {
  const { data } = useQuery(house);
  const dialog = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  if (!data?.rights.includes("halt") || data.halt.halted) return null;
  return (
    <>
      <button
        className="btn btn-danger"
        onClick={() => {
          setOpen(true);
          dialog.current?.showModal();
        }}
      >
        <OctagonPause size={14} aria-hidden="true" />
        Halt
      </button>
      <dialog ref={dialog} aria-labelledby="halt-title" onClose={() => setOpen(false)}>
        {open && <HaltForm done={() => dialog.current?.close()} />}
      </dialog>
    </>
  );
}

function HaltForm({ done }: { done: () => void }) {
  const live = useQuery(runs({ state: "live" }, 50));
  const [reason, setReason] = useState("");
  const halt = useMutation({
    mutationFn: () => got(api.PUT("/api/v1/halt", { body: { reason } })),
    onSuccess: () => {
      void told();
      done();
    },
  });
  const ending = live.data?.items ?? [];
  function send(event: FormEvent) {
    event.preventDefault();
    halt.mutate();
  }
  return (
    <form onSubmit={send} className="grid gap-3 p-5">
      <h2 id="halt-title" className="text-lg">
        Halt every experiment?
      </h2>
      <p className="text-ink-2">
        Each run undoes its fault and ends, on every machine of this Prefect. None begins until somebody resumes.
      </p>
      {ending.length > 0 && (
        <div>
          <p className="eyebrow">It ends {many(ending.length, "run")}</p>
          <ul className="mt-1 max-h-32 overflow-auto text-sm">
            {ending.map((each) => (
              <li key={each.id}>{inert(each.experiment)}</li>
            ))}
          </ul>
        </div>
      )}
      <label className="grid gap-1">
        <span className="label">Reason</span>
        <input className="field" value={reason} maxLength={500} onChange={(event) => setReason(event.target.value)} placeholder="incident 4711" autoFocus />
        <span className="hint">It stands in the result of each run that it ends.</span>
      </label>
      {halt.isError && <Failure error={halt.error} />}
      <div className="flex justify-end gap-2">
        <button type="button" className="btn" onClick={done}>
          Cancel
        </button>
        <button className="btn btn-danger" disabled={halt.isPending}>
          {halt.isPending ? "Halting…" : "Halt all"}
        </button>
      </div>
    </form>
  );
}

export function HaltBanner() {
  const { data } = useQuery(house);
  const resume = useMutation({ mutationFn: () => got(api.DELETE("/api/v1/halt")), onSuccess: told });
  if (!data?.halt.halted) return null;
  const { by, at, reason } = data.halt;
  return (
    <div role="alert" className="border-b border-line" style={{ background: "var(--deviated-bg)" }}>
      <div className="mx-auto flex max-w-[1240px] flex-wrap items-center gap-x-4 gap-y-2 px-4 py-2 sm:px-6">
        <OctagonPause size={16} aria-hidden="true" className="text-deviated" />
        <p className="min-w-0 flex-1">
          <strong className="font-semibold text-deviated">Halted</strong> by {inert(by ?? "")}, {ago(at)}
          {reason ? `: ${inert(reason)}` : ""}. No experiment begins.
        </p>
        {data.rights.includes("halt") && !data.read_only && (
          <button className="btn" disabled={resume.isPending} onClick={() => resume.mutate()}>
            {resume.isPending ? "Resuming…" : "Resume"}
          </button>
        )}
      </div>
      {resume.isError && (
        <div className="mx-auto max-w-[1240px] px-4 pb-3 sm:px-6">
          <Failure error={resume.error} />
        </div>
      )}
    </div>
  );
}
