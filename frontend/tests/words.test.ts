import { describe, expect, test } from "vitest";
import { ago, inert, latency, number, percent, seconds, web } from "../src/lib/words";
import { addressOf, curl, missing, startOf, wishOf, DEFAULTS } from "../src/lib/wish";

test("lengths and shares carry their unit", () => {
  expect([0, 0.327, 9.96, 12.4, 180, 9000, null].map(seconds)).toEqual(["0 s", "0.3 s", "10 s", "12 s", "3 min", "2.5 h", "–"]);
  expect([0.0052, 0.618, 2, 12.34, undefined].map(latency)).toEqual(["5.2 ms", "618 ms", "2.00 s", "12.3 s", "–"]);
  expect([0, 0.0659, 1, null].map((share) => percent(share, 1))).toEqual(["0 %", "6.6 %", "100 %", "–"]);
  expect([300.845, 0.00123456, 12345, 1].map(number)).toEqual(["301", "0.00123", "12,345", "1"]);
  expect(ago("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:05:00Z"))).toBe("5 min ago");
});

test("what a terminal or a text direction would act on is an escape", () => {
  expect(inert("a\u202eb\u001b[31m\u0007\ufeff\n\t")).toBe("a\\u202eb\\u001b[31m\\u0007\\ufeff\n\t");
  expect(inert("x".repeat(10), 4)).toBe("xxxx… (6 more characters)");
});

test("only the web is linked to", () => {
  expect(web("https://grafana.example/d/1")).toBe("https://grafana.example/d/1");
  for (const each of ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "//evil.example", "", null]) expect(web(each)).toBeNull();
});

describe("the short form", () => {
  test("goes into the address and comes back", () => {
    const wish = { ...DEFAULTS, scenario: "disk_full", hold: "10s", what: "image", image: "nginx", port: "80" };
    expect(wishOf(addressOf(wish))).toEqual(wish);
    expect(addressOf(DEFAULTS).toString()).toBe("");
  });
  test("says only what was said", () => {
    expect(startOf({ ...DEFAULTS, port: "80", command: "x" })).toEqual({ ad_hoc: { scenario: "network_delay", intensity: "medium", sandbox: "local" } });
    expect(startOf({ ...DEFAULTS, what: "image", image: " nginx ", port: "80", seed: "7" })).toEqual({
      ad_hoc: { scenario: "network_delay", intensity: "medium", sandbox: "local", image: "nginx", port: 80 }, seed: 7,
    });
  });
  test("says what is missing", () => {
    expect(missing({ ...DEFAULTS, what: "image" })).toContain("image");
    expect(missing({ ...DEFAULTS, seed: "x" })).toContain("seed");
    expect(missing(DEFAULTS)).toBe("");
  });
  test("is copied so that a shell takes it as it is", () => {
    expect(curl({ ad_hoc: { scenario: "it's" } } as never)).toContain("it'\\''s");
  });
});
