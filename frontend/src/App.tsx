// The frame of every page, and which page is at which address. Pages are loaded when they are gone to.
import { lazy, Suspense, useEffect, useRef } from "react";
import { useQuery } from "@tanstack/react-query";
import { Route, Routes, useLocation } from "react-router";
import { ProblemError } from "./api/client";
import { house } from "./api/queries";
import { Kept } from "./components/Kept";
import { HaltBanner } from "./components/Halt";
import { Keys } from "./components/Keys";
import { TopBar } from "./components/TopBar";
import { Loading, NothingHere } from "./components/states";
import { ExperimentDashboard } from "./components/ExperimentDashboard";

const LOADS = {
  SignIn: () => import("./pages/SignIn"),
  NewRun: () => import("./pages/NewRun"),
  RunPage: () => import("./pages/RunPage"),
  History: () => import("./pages/History"),
  Compare: () => import("./pages/Compare"),
  Experiment: () => import("./pages/Experiment"),
  Repositories: () => import("./pages/Repositories"),
  GameDays: () => import("./pages/GameDays"),
  GameDay: () => import("./pages/GameDay"),
  Faults: () => import("./pages/Faults"),
  Doctor: () => import("./pages/Doctor"),
  Settings: () => import("./pages/Settings"),
  Design: () => import("./pages/Design"),
};
const SignIn = lazy(LOADS.SignIn);
const NewRun = lazy(LOADS.NewRun);
const RunPage = lazy(LOADS.RunPage);
const History = lazy(LOADS.History);
const Compare = lazy(LOADS.Compare);
const Experiment = lazy(LOADS.Experiment);
const Repositories = lazy(LOADS.Repositories);
const GameDays = lazy(LOADS.GameDays);
const GameDay = lazy(LOADS.GameDay);
const Faults = lazy(LOADS.Faults);
const Doctor = lazy(LOADS.Doctor);
const Settings = lazy(LOADS.Settings);
const Design = lazy(LOADS.Design);

/** All pages are fetched once the first one is there and nothing is to do, so that a console that goes away later leaves them. */
function ahead(): () => void {
  if (!("requestIdleCallback" in window)) return () => undefined;
  const asked = requestIdleCallback(() => Object.values(LOADS).forEach((load) => void load().catch(() => undefined)), { timeout: 4_000 });
  return () => cancelIdleCallback(asked);
}

export function App() {
  const { error } = useQuery(house);
  const { pathname } = useLocation();
  useEffect(ahead, []);
  if (error instanceof ProblemError && error.kind === "unauthenticated") return <Outside />;
  return (
    <>
      <a
        href="#main"
        className="btn fixed top-2 left-2 z-50 -translate-y-20 focus:translate-y-0"
      >
        Skip to the page
      </a>
      <TopBar />
      <HaltBanner />
      <main id="main" tabIndex={-1} className="mx-auto w-full max-w-[1240px] px-4 pt-5 pb-16 outline-none sm:px-6">
        <Kept at={pathname}>
        <Suspense fallback={<Loading />}>
          <Routes>
            <Route path="/" element={<ExperimentDashboard />} />
            <Route path="/new" element={<NewRun />} />
            <Route path="/runs" element={<History />} />
            <Route path="/runs/:id" element={<RunPage />} />
            <Route path="/compare" element={<Compare />} />
            <Route path="/experiments/:repository/:name" element={<Experiment />} />
            <Route path="/repositories" element={<Repositories />} />
            <Route path="/game-days" element={<GameDays />} />
            <Route path="/game-days/:id" element={<GameDay />} />
            <Route path="/faults" element={<Faults />} />
            <Route path="/doctor" element={<Doctor />} />
            <Route path="/settings" element={<Settings />} />
            <Route path="/design" element={<Design />} />
            <Route path="*" element={<NothingHere />} />
          </Routes>
        </Suspense>
        </Kept>
      </main>
      <Arrivals />
      <Keys />
    </>
  );
}

/** Nothing of the console is drawn, nor asked for, until it is known who asks. */
function Outside() {
  return (
    <main id="main" className="px-4 pb-16">
      <Suspense fallback={<Loading />}>
        <SignIn />
      </Suspense>
    </main>
  );
}

/** Whoever goes to another page begins at its top and its heading. */
function Arrivals() {
  const { pathname } = useLocation();
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    window.scrollTo(0, 0);
    // The page may still be on its way: its heading comes within a moment.
    const look = new MutationObserver(() => arrived() && look.disconnect());
    const arrived = () => {
      const heading = document.querySelector<HTMLElement>("#main h1");
      heading?.setAttribute("tabindex", "-1");
      heading?.focus({ preventScroll: true });
      return heading !== null;
    };
    if (!arrived()) look.observe(document.getElementById("main")!, { childList: true, subtree: true });
    return () => look.disconnect();
  }, [pathname]);
  return null;
}
