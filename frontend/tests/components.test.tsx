import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { credit, pieces } from "../src/components/AnalysisView";
import { wrongWith } from "../src/components/PlanPanel";
import { Failure } from "../src/components/states";
import { SteadyStates } from "../src/components/Tables";
import { shownOf, VerdictWord } from "../src/components/Verdict";
import { AWAY, ProblemError } from "../src/api/client";

afterEach(cleanup);

test("every state and verdict has a word of its own and a shape of its own", () => {
  const cases = [
    [{ state: "ended", verdict: "held" }, "held"], [{ state: "ended", verdict: "deviated" }, "deviated"],
    [{ state: "ended", verdict: "inconclusive" }, "inconclusive"], [{ state: "ended", verdict: "of another version" }, "inconclusive"],
    [{ state: "ended", verdict: null }, "inconclusive"], [{ state: "running" }, "live"], [{ state: "stopping" }, "live"],
    [{ state: "queued" }, "queued"], [null, "none"],
  ] as const;
  for (const [run, wanted] of cases) expect(shownOf(run)).toBe(wanted);
  const { container } = render(<>{(["held", "deviated", "inconclusive", "live", "queued", "none"] as const).map((each) => <VerdictWord key={each} of={each} />)}</>);
  const shapes = [...container.querySelectorAll("svg")].map((each) => each.innerHTML);
  expect(new Set(shapes).size).toBe(6);
});

test("a problem says what it is, what to do, and where", () => {
  const problem = { ...AWAY, type: "/problems/manifest-refused", status: 422, title: "The manifest is refused", detail: "1 problem", remedy: "chaoslab validate", problems: [{ line: 3, path: "spec", message: "<b>no</b>" }] };
  render(<Failure error={new ProblemError(problem)} />);
  expect(screen.getByRole("alert").textContent).toContain("line 3: spec <b>no</b>");
  expect(screen.getByText("chaoslab validate")).toBeTruthy();
  expect(wrongWith(new ProblemError({ ...problem, problems: [{ path: "ad_hoc.hold", message: "too short" }] }), "hold")).toBe("too short");
});

test("words of a model are marked, and counted", () => {
  expect(pieces("One. Two. Three.", ["Two."])).toEqual([{ text: "One. ", own: false }, { text: "Two.", own: true }, { text: " Three.", own: false }]);
  const written = { by_model: ["Two."], chosen: 2, advice_chosen: 1, dropped: { "no such number": 2 } };
  expect(credit({ model: "openai/gpt-oss-120b", written } as never)).toBe(
    "openai/gpt-oss-120b chose 2 sentences and 1 recommendation of ours and wrote 1 sentence, marked; 2 sentences of it were dropped, because no measurement bears them out.",
  );
  expect(credit({} as never)).toContain("No model took part");
});

test("markup of an app is text", () => {
  const state = { name: "<img src=x>", verdict: "held", probe: "http", tolerance: "<script>", why: "\u202e", baseline_bad: 0, fault_bad: 0, recovery_bad: 0, samples: 1, budget: 0, recovery_time_seconds: null, recover_within_s: null };
  const { container } = render(<SteadyStates states={[state as never]} />);
  expect(container.querySelector("img, script")).toBeNull();
  expect(container.textContent).toContain("<img src=x>");
});
