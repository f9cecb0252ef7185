// A run's stream: Server-Sent Events, resumed by id. A tab that nobody sees lets its stream go (a browser has six
// connections to a host) and goes on after its last event when it is shown again.
import { API } from "./client";

export type Frame = {
  segment: number;
  index: number;
  t: number;
  phase: string;
  p50?: number;
  p95?: number;
  errors?: number;
  throughput?: number;
  cpu?: number;
  memory?: number;
  disk?: Record<string, number>;
  probes?: Record<string, [boolean, number]>;
};
export type Mark = { segment: number; t?: number; what: string; words: string; step?: string; phase?: string };
export type Delivered = {
  segment: number;
  t?: number;
  step: string;
  what: string;
  asked: number;
  delivered?: number;
  samples: number;
};
export type LogLine = { segment: number; t?: number; process: string; stream: string; line: string; dropped?: number };
export type StreamState = "connecting" | "open" | "waiting" | "hidden" | "over";
export type Sink = {
  frame(frame: Frame): void;
  mark(mark: Mark): void;
  delivered(delivered: Delivered): void;
  log(line: LogLine): void;
  state(said: { state: string; reason: string }): void;
  end(said: { outcome?: string; verdict?: string; why?: string }): void;
  problem(said: { type: string; detail: string }): void;
  connection(state: StreamState): void;
};

const KINDS = ["frame", "mark", "delivered", "log", "state", "end", "problem"] as const;
const AGAIN_AFTER_MS = 1_000;

/** Follow a run until it ends or the returned function is called. */
export function follow(id: string, sink: Sink): () => void {
  let source: EventSource | null = null;
  let last = "";
  let most = 0;
  let over = false;
  let again: ReturnType<typeof setTimeout> | undefined;

  function open(): void {
    if (over || source || document.hidden) return;
    sink.connection("connecting");
    const after = last ? `?after=${encodeURIComponent(last)}` : "";
    const opened = new EventSource(`${API}/api/v1/runs/${encodeURIComponent(id)}/events${after}`);
    source = opened;
    opened.onopen = () => sink.connection("open");
    opened.onerror = () => {
      // Ours to take up again: the browser gives up for good after some refusals, and does not say so.
      close();
      if (over) return;
      sink.connection("waiting");
      again = setTimeout(open, AGAIN_AFTER_MS);
    };
    for (const kind of KINDS) {
      opened.addEventListener(kind, (event: MessageEvent<string>) => {
        if (event.lastEventId) {
          // Numbered without a gap over the whole run: what was taken once is not taken again.
          const number = Number(event.lastEventId.split(":")[1]);
          if (number <= most) return;
          most = number;
          last = event.lastEventId;
        }
        const said = JSON.parse(event.data) as never;
        sink[kind](said);
        if (kind === "end" || kind === "problem") stop("over");
      });
    }
  }

  function close(): void {
    source?.close();
    source = null;
    clearTimeout(again);
  }

  function stop(state?: StreamState): void {
    over = true;
    close();
    document.removeEventListener("visibilitychange", seen);
    if (state) sink.connection(state);
  }

  function seen(): void {
    if (document.hidden) {
      close();
      sink.connection("hidden");
    } else open();
  }

  document.addEventListener("visibilitychange", seen);
  open();
  return () => stop();
}
