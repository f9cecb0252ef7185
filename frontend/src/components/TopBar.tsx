import { useQuery } from "@tanstack/react-query";
import { Menu, Moon, Search, Sun } from "lucide-react";
import { useRef, type FormEvent } from "react";
import { Link, NavLink, useNavigate, useSearchParams } from "react-router";
import { house } from "../api/queries";
import { choose, useDark } from "../lib/theme";
import { HaltButton } from "./Halt";

const PLACES: [string, string][] = [
  ["/", "Experiments"],
  ["/runs", "History"],
  ["/repositories", "Repositories"],
  ["/game-days", "Game days"],
  ["/faults", "Faults"],
  ["/doctor", "Doctor"],
];

export function TopBar() {
  return (
    <header className="sticky top-0 z-30 border-b border-line bg-surface/90 backdrop-blur-md">
      <div className="mx-auto flex h-[52px] max-w-[1240px] items-center gap-3 px-4 sm:px-6">
        <Link to="/" className="flex shrink-0 items-center gap-2 font-semibold tracking-tight no-underline">
          <Mark />
          <span className="max-[420px]:sr-only">ChaosLab</span>
        </Link>
        <nav aria-label="Pages" className="ml-3 hidden items-stretch self-stretch lg:flex">
          {PLACES.map(([to, name]) => (
            <Place key={to} to={to} name={name} />
          ))}
        </nav>
        <div className="flex-1" />
        <Find />
        <Live />
        <ThemeSwitch />
        <HaltButton />
        <More />
      </div>
    </header>
  );
}

function Place({ to, name }: { to: string; name: string }) {
  return (
    <NavLink
      to={to}
      end={to === "/"}
      className={({ isActive }) =>
        `flex items-center border-b-2 px-2.5 text-sm no-underline ${isActive ? "border-ink font-medium text-ink" : "border-transparent text-ink-2 hover:text-ink"}`
      }
    >
      {name}
    </NavLink>
  );
}

/** The product's mark: a line that jumps inside a fault window. */
function Mark() {
  return (
    <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--ink)" />
      <rect x="14" y="5" width="7" height="22" fill="var(--fault)" opacity=".45" />
      <path d="M4 20h8l2-1 3-11 3 15 2-3h6" fill="none" stroke="var(--surface)" strokeWidth="2.2" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}

function Find() {
  const go = useNavigate();
  const [params] = useSearchParams();
  const field = useRef<HTMLInputElement>(null);
  function find(event: FormEvent) {
    event.preventDefault();
    const q = field.current?.value.trim() ?? "";
    void go(q ? `/runs?q=${encodeURIComponent(q)}` : "/runs");
  }
  return (
    <form role="search" onSubmit={find} className="relative hidden md:block">
      <Search size={14} aria-hidden="true" className="pointer-events-none absolute top-2 left-2.5 text-ink-3" />
      <input
        ref={field}
        id="search"
        type="search"
        aria-label="Search runs"
        placeholder="Search runs"
        defaultValue={params.get("q") ?? ""}
        className="field h-[30px] min-h-[30px] w-44 pl-8 focus:w-60"
        autoComplete="off"
        spellCheck={false}
      />
      <kbd className="mono pointer-events-none absolute top-1.5 right-2 rounded border border-line px-1 text-[10.5px] leading-4 text-ink-3 [input:focus~&]:hidden">/</kbd>
    </form>
  );
}

function Live() {
  const { data } = useQuery(house);
  const live = data?.live ?? 0;
  if (!live) return null;
  return (
    <Link to="/runs?state=live" className="num flex items-center gap-1.5 text-sm font-medium whitespace-nowrap text-live no-underline">
      <span className="breathe size-2 rounded-full bg-live" aria-hidden="true" />
      {live} live
    </Link>
  );
}

function ThemeSwitch() {
  const dark = useDark();
  const Icon = dark ? Sun : Moon;
  return (
    <button
      className="btn btn-ghost w-8 justify-center px-0"
      aria-label={dark ? "Light theme" : "Dark theme"}
      title={dark ? "Light theme" : "Dark theme"}
      onClick={() => choose(dark ? "light" : "dark")}
    >
      <Icon size={15} aria-hidden="true" />
    </button>
  );
}

/** What does not fit into the bar. */
function More() {
  return (
    <>
      <button className="btn btn-ghost w-8 justify-center px-0" popoverTarget="more" aria-label="More pages">
        <Menu size={16} aria-hidden="true" />
      </button>
      <nav
        id="more"
        popover="auto"
        aria-label="More pages"
        className="card inset-auto top-[48px] right-4 m-0 min-w-48 p-1.5 text-ink shadow-lg"
        onClick={(event) => event.currentTarget.hidePopover()}
      >
        {[...PLACES, ["/settings", "Settings"], ["/design", "Design"]].map(([to, name]) => (
          <NavLink
            key={to}
            to={to!}
            end={to === "/"}
            className={({ isActive }) =>
              `block rounded-md px-3 py-1.5 no-underline hover:bg-sunken ${isActive ? "font-medium" : ""} pointer-coarse:py-3`
            }
          >
            {name}
          </NavLink>
        ))}
        <a href="/docs" className="block rounded-md px-3 py-1.5 no-underline hover:bg-sunken pointer-coarse:py-3">
          API
        </a>
      </nav>
    </>
  );
}
