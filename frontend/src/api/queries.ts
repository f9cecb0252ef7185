// What pages ask for, by name. A list is asked again every few seconds while the page is seen; ETags make that cheap.
import { QueryClient, queryOptions } from "@tanstack/react-query";
import { api, got, ProblemError, type Schemas } from "./client";

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      refetchOnWindowFocus: true,
      retry: (count, error) => count < 1 && error instanceof ProblemError && error.problem.status === 0,
      retryDelay: 800,
    },
  },
});

export type RunFilters = {
  state?: "live" | "ended";
  experiment?: string;
  repository?: string;
  verdict?: string;
  outcome?: string;
  fault?: string;
  label?: string;
  q?: string;
  since?: string;
  until?: string;
  game_day?: string;
};

export const house = queryOptions({
  queryKey: ["house"],
  queryFn: () => got(api.GET("/api/v1/house")),
  refetchInterval: 4_000,
});

export const experiments = queryOptions({
  queryKey: ["experiments"],
  queryFn: () => got(api.GET("/api/v1/experiments")),
  refetchInterval: 6_000,
});

export const runs = (filters: RunFilters, limit: number) =>
  queryOptions({
    queryKey: ["runs", filters, limit],
    queryFn: () => got(api.GET("/api/v1/runs", { params: { query: { ...filters, limit } as never } })),
    refetchInterval: 3_000,
  });

export const run = (id: string) =>
  queryOptions({
    queryKey: ["run", id],
    queryFn: () => got(api.GET("/api/v1/runs/{id}", { params: { path: { id } } })),
    refetchInterval: (query) => (query.state.data?.state === "ended" ? false : 1_500),
  });

export const result = (id: string, enabled: boolean) =>
  queryOptions({
    queryKey: ["result", id],
    queryFn: () => got(api.GET("/api/v1/runs/{id}/result", { params: { path: { id } } })),
    enabled,
    staleTime: Infinity,
    retry: (count, error) => count < 4 && error instanceof ProblemError && error.kind === "not-finished",
  });

export const plan = (id: string, enabled: boolean) =>
  queryOptions({
    queryKey: ["plan", id],
    queryFn: () => got(api.GET("/api/v1/runs/{id}/plan", { params: { path: { id } } })),
    enabled,
    staleTime: Infinity,
    retry: false,
  });

export const faults = queryOptions({
  queryKey: ["faults"],
  queryFn: () => got(api.GET("/api/v1/faults")),
  staleTime: Infinity,
});

export const workers = queryOptions({
  queryKey: ["workers"],
  queryFn: () => got(api.GET("/api/v1/workers")),
  refetchInterval: 10_000,
});

export const repositories = queryOptions({
  queryKey: ["repositories"],
  queryFn: () => got(api.GET("/api/v1/repositories")),
  refetchInterval: 10_000,
});

export const gameDays = queryOptions({
  queryKey: ["game-days"],
  queryFn: () => got(api.GET("/api/v1/game-days")),
  refetchInterval: 6_000,
});

export const gameDay = (id: string) =>
  queryOptions({
    queryKey: ["game-day", id],
    queryFn: () => got(api.GET("/api/v1/game-days/{id}", { params: { path: { id } } })),
    refetchInterval: 6_000,
  });

export const experiment = (repository: string, name: string) =>
  queryOptions({
    queryKey: ["experiment", repository, name],
    queryFn: () => got(api.GET("/api/v1/experiments/{repository}/{name}", { params: { path: { repository, name } } })),
    refetchInterval: 6_000,
  });

export const trend = (repository: string, name: string) =>
  queryOptions({
    queryKey: ["trend", repository, name],
    queryFn: () =>
      got(
        api.GET("/api/v1/experiments/{repository}/{name}/trend", {
          params: { path: { repository, name }, query: { limit: 200 } },
        }),
      ),
    refetchInterval: 6_000,
  });

export const compared = (a: string, b: string) =>
  queryOptions({
    queryKey: ["compare", a, b],
    queryFn: () => got(api.GET("/api/v1/compare", { params: { query: { a, b } } })) as Promise<Schemas["Comparison"]>,
    enabled: Boolean(a && b),
    staleTime: Infinity,
  });
