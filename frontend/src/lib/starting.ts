// Starting a run, and going to it. A fresh key for each form, so that a double click is one run.
import { useMutation } from "@tanstack/react-query";
import { useRef } from "react";
import { useNavigate } from "react-router";
import { api, got, type Start } from "../api/client";
import { queries } from "../api/queries";

// randomUUID is there with TLS or on the loopback only; a console may be reached by another name.
const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (each) => each.toString(16).padStart(2, "0")).join("");

function useBegun() {
  const go = useNavigate();
  return (started: { id: string }) => {
    void queries.invalidateQueries({ queryKey: ["runs"] });
    void queries.invalidateQueries({ queryKey: ["house"] });
    void go(`/runs/${started.id}`);
  };
}

export function useStart() {
  const begun = useBegun();
  const key = useRef(fresh());
  return useMutation({
    mutationFn: (body: Start) =>
      got(api.POST("/api/v1/runs", { body, params: { header: { "Idempotency-Key": key.current } } as never })),
    onSuccess: begun,
    onError: () => (key.current = fresh()), // what was refused is asked for anew, perhaps with other words
  });
}

export function useAgain(id: string) {
  const begun = useBegun();
  const key = useRef(fresh());
  return useMutation({
    mutationFn: (same_seed: boolean) =>
      got(
        api.POST("/api/v1/runs/{id}/again", {
          body: { same_seed },
          params: { path: { id }, header: { "Idempotency-Key": key.current } } as never,
        }),
      ),
    onSuccess: (started) => {
      key.current = fresh();
      begun(started);
    },
    onError: () => (key.current = fresh()),
  });
}
