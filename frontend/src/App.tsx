// The frame of every page, and which page is at which address. Pages are loaded when they are gone to.
import { lazy, Suspense, useEffect, useRef } from "react";
import { Route, Routes, useLocation } from "react-router";
import { HaltBanner } from "./components/Halt";
import { Keys } from "./components/Keys";
import { TopBar } from "./components/TopBar";
import { Loading, NothingHere } from "./components/states";
import { ExperimentDashboard } from "./components/ExperimentDashboard";

const NewRun = lazy(() => import("./pages/NewRun"));
const RunPage = lazy(() => import("./pages/RunPage"));
const History = lazy(() => import("./pages/History"));
const Compare = lazy(() => import("./pages/Compare"));
const Experiment = lazy(() => import("./pages/Experiment"));
const Repositories = lazy(() => import("./pages/Repositories"));
const GameDays = lazy(() => import("./pages/GameDays"));
const GameDay = lazy(() => import("./pages/GameDay"));
const Faults = lazy(() => import("./pages/Faults"));
const Doctor = lazy(() => import("./pages/Doctor"));
const Settings = lazy(() => import("./pages/Settings"));
const Design = lazy(() => import("./pages/Design"));

export function App() {
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
      </main>
      <Arrivals />
      <Keys />
    </>
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
