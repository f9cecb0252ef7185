// The short form as the address holds it, and as the API takes it. Pure.
import type { Start } from "../api/client";

export const FIELDS = ["scenario", "intensity", "hold", "what", "image", "app", "sandbox", "command", "port", "path", "dependency", "seed"] as const;
export type Field = (typeof FIELDS)[number];
export type Wish = Record<Field, string>;

export const DEFAULTS: Wish = {
  scenario: "network_delay", intensity: "medium", hold: "", what: "shop", image: "", app: "", sandbox: "local",
  command: "", port: "", path: "", dependency: "", seed: "",
};

export function wishOf(params: URLSearchParams): Wish {
  return Object.fromEntries(FIELDS.map((name) => [name, params.get(name) ?? DEFAULTS[name]])) as Wish;
}

/** What differs from the defaults, for the address. */
export function addressOf(wish: Wish): URLSearchParams {
  return new URLSearchParams(FIELDS.filter((name) => wish[name] !== DEFAULTS[name]).map((name) => [name, wish[name]]));
}

const given = (text: string) => text.trim() || undefined;
const whole = (text: string) => (/^\d+$/.test(text.trim()) ? Number(text) : undefined);

export function startOf(wish: Wish): Start {
  const shop = wish.what === "shop";
  const ad_hoc = {
    scenario: wish.scenario,
    intensity: wish.intensity,
    hold: given(wish.hold),
    image: wish.what === "image" ? given(wish.image) : undefined,
    app: wish.what === "folder" ? given(wish.app) : undefined,
    sandbox: wish.sandbox,
    ...(shop
      ? {}
      : { command: given(wish.command), port: whole(wish.port), path: given(wish.path), dependency: given(wish.dependency) }),
  };
  const seed = whole(wish.seed);
  return JSON.parse(JSON.stringify({ ad_hoc, seed })) as Start;
}

/** What is missing before the console is worth asking; empty when nothing is. */
export function missing(wish: Wish): string {
  if (wish.what === "image" && !wish.image.trim()) return "Name an image, such as docker.io/library/nginx:1.29.";
  if (wish.what === "folder" && !wish.app.trim()) return "Name a directory of the machine that runs it.";
  if (wish.port && whole(wish.port) === undefined) return "The port is a number from 1 to 65535.";
  if (wish.seed && whole(wish.seed) === undefined) return "The seed is a whole number.";
  return "";
}

export const curl = (body: Start): string =>
  `curl -H 'content-type: application/json' -d '${JSON.stringify(body).replaceAll("'", "'\\''")}' ${location.origin}/api/v1/runs`;

const FAMILIES: [string, RegExp][] = [
  ["Network", /^(network|packet|bandwidth)/],
  ["Dependencies", /^(dependency|dns|connection|blackhole|http)/],
  ["Processes", /^(process|crash)/],
  ["Processor, memory", /^(cpu|memory|fd|pid)/],
  ["Disk", /^(disk|inode|io)/],
];
export function families<T extends { name: string }>(faults: T[]): [string, T[]][] {
  const rest = new Set(faults);
  const found = FAMILIES.map(([title, named]): [string, T[]] => {
    const mine = faults.filter((each) => named.test(each.name));
    mine.forEach((each) => rest.delete(each));
    return [title, mine];
  });
  return [...found, ["Clock, sandbox", [...rest]] as [string, T[]]].filter(([, mine]) => mine.length);
}
