// The one way to the API: typed by its OpenAPI, refusals as `ProblemError`. Nothing else of the pages calls fetch.
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Run = Schemas["Run"];
export type RunSummary = Schemas["RunSummary"];
export type Result = Schemas["Result"];
export type Problem = Schemas["Problem"];
export type ProblemDetail = Schemas["ProblemDetail"];
export type PlanView = Schemas["PlanView"];
export type FaultView = Schemas["FaultView"];
export type House = Schemas["House"];
export type Start = Schemas["Start"];
export type ExperimentView = Schemas["ExperimentView"];

export const API: string = import.meta.env.VITE_API_URL ?? "";

/** A refusal, as the console words it; status 0: the console did not answer at all. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
  }

  get kind(): string {
    return this.problem.type.replace("/problems/", "");
  }
}

export const AWAY: Problem = {
  type: "/problems/console-away",
  title: "The console does not answer",
  status: 0,
  detail: "Runs go on without it. It is asked again every few seconds; `chaoslab console` starts it.",
  instance: "",
  request_id: "",
};

async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text();
  try {
    const said = JSON.parse(text) as Problem;
    if (typeof said.title === "string") return said;
  } catch {
    // not ours: a proxy in between, told as such below
  }
  return { ...AWAY, title: `The answer was ${response.status}`, status: response.status, detail: text.slice(0, 300) };
}

const refusals: Middleware = {
  async onResponse({ response }) {
    if (!response.ok) throw new ProblemError(await problemOf(response));
  },
  onError({ error }) {
    return error instanceof ProblemError ? error : new ProblemError(AWAY);
  },
};

export const api = createClient<paths>({ baseUrl: API });
api.use(refusals);

/** What was answered; openapi-fetch's `data` is there whenever nothing was thrown. */
export async function got<T>(asked: Promise<{ data?: T }>): Promise<T> {
  return (await asked).data as T;
}

export const artifact = (id: string, name: string): string =>
  `${API}/api/v1/runs/${encodeURIComponent(id)}/artifacts/${name}`;
