import { useQuery } from "@tanstack/react-query";
import { Outlet, useLocation, useRouter } from "@tanstack/react-router";
import {
  DoorClosed,
  Siren,
  FileCode2,
  Gauge,
  MonitorCog,
  Package,
  ScrollText,
  Scale,
  Search,
  type LucideIcon,
} from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { address } from "../address.ts";
import { needsSignIn } from "../data/failure.ts";
import { sessionQuery } from "../data/queries.ts";
import { SignInNeeded } from "../views/sign-in/sign-in-needed.tsx";
import { followLinks } from "./follow-links.ts";
import { LiveState } from "./live-state.tsx";
import { Mark } from "./mark.tsx";
import { SessionMenu } from "./session-menu.tsx";
import { ThemeButton } from "./theme-button.tsx";

const Palette = lazy(async () => ({ default: (await import("./palette.tsx")).Palette }));

/** What stands around every page: the way to the others, search, the live state, who is signed in. */
export function Frame() {
  const session = useQuery(sessionQuery);
  const { searching, search, stop } = useSearchKeys();
  useLinks();
  if (needsSignIn(session.error)) return <SignInNeeded />;
  return (
    <div className="md:grid md:grid-cols-[14rem_minmax(0,1fr)]">
      <a href="#main" className="button sr-only z-50 focus:not-sr-only focus:fixed focus:top-2 focus:left-2">
        Skip to the page
      </a>
      <Side onSearch={search} />
      <main id="main" tabIndex={-1} className="min-w-0 pb-14 md:pb-0">
        <FocusedOutlet />
      </main>
      {searching ? (
        <Suspense fallback={undefined}>
          <Palette onClose={stop} />
        </Suspense>
      ) : undefined}
    </div>
  );
}

function Side({ onSearch }: { readonly onSearch: () => void }) {
  return (
    <header className="sticky top-0 z-30 flex items-center gap-2 border-b bg-surface px-3 py-2 md:h-dvh md:flex-col md:items-stretch md:gap-4 md:border-r md:border-b-0 md:px-3 md:py-5">
      <a
        href={address.overview()}
        className="flex items-center gap-2.5 rounded-lg px-1.5 text-lg font-semibold tracking-tight"
      >
        <Mark />
        Provost
      </a>
      <button
        type="button"
        onClick={onSearch}
        className="button ml-auto font-normal text-soft md:ml-0 md:justify-start md:bg-canvas"
        aria-keyshortcuts="Control+K Meta+K"
      >
        <Search size={14} aria-hidden="true" />
        <span>Search</span>
        <kbd className="ml-auto hidden rounded border px-1 font-sans text-xs md:inline">Ctrl K</kbd>
      </button>
      <Nav />
      <div className="flex items-center gap-1 md:mt-auto md:flex-col md:items-stretch md:gap-2">
        <LiveState />
        <div className="flex items-center gap-1">
          <SessionMenu />
          <ThemeButton />
        </div>
      </div>
    </header>
  );
}

function Nav() {
  const { pathname } = useLocation();
  const box = useRef<HTMLElement>(null);
  const current = pages.find(({ under }) => isUnder(pathname, under))?.href;
  // On a phone not all pages have room side by side.
  useEffect(() => {
    const link = [...(box.current?.children ?? [])].find((one) => one.getAttribute("href") === current);
    link?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current]);
  return (
    <nav
      ref={box}
      aria-label="Pages"
      className="fixed inset-x-0 bottom-0 z-30 flex h-14 overflow-x-auto border-t bg-surface md:static md:h-auto md:flex-col md:gap-0.5 md:border-0"
    >
      {pages.map(({ name, href, icon: Icon, under }) => (
        <a
          key={name}
          href={href}
          aria-current={isUnder(pathname, under) ? "page" : undefined}
          className="flex shrink-0 grow flex-col items-center justify-center gap-0.5 px-0.5 text-[0.65rem] text-soft -outline-offset-2 hover:text-ink aria-[current]:font-semibold aria-[current]:text-accent md:h-9 md:grow-0 md:flex-row md:justify-start md:gap-2.5 md:rounded-lg md:px-2.5 md:text-base md:hover:bg-sunken md:aria-[current]:bg-accent-wash"
        >
          <Icon size={17} strokeWidth={1.9} aria-hidden="true" />
          {name}
        </a>
      ))}
    </nav>
  );
}

const pages: readonly { name: string; href: string; icon: LucideIcon; under: readonly string[] }[] = [
  { name: "Overview", href: address.overview(), icon: Gauge, under: ["/"] },
  { name: "Incidents", href: address.incidents(), icon: Siren, under: ["/incidents"] },
  { name: "Devices", href: address.devices(), icon: MonitorCog, under: ["/devices"] },
  { name: "Executables", href: address.executables(), icon: FileCode2, under: ["/executables"] },
  { name: "Packages", href: address.packages(), icon: Package, under: ["/packages", "/package"] },
  { name: "Gate", href: address.decisions(), icon: DoorClosed, under: ["/decisions", "/findings", "/approvals"] },
  { name: "Policies", href: address.policies(), icon: Scale, under: ["/policies"] },
  { name: "Audit", href: address.audit(), icon: ScrollText, under: ["/audit"] },
];

const isUnder = (path: string, under: readonly string[]): boolean =>
  under.some((each) => path === each || (each !== "/" && path.startsWith(`${each}/`)));

/** A new page starts at its top, and the keyboard with it. */
function FocusedOutlet() {
  const { pathname } = useLocation();
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    window.scrollTo(0, 0);
    document.querySelector<HTMLElement>("#main")?.focus({ preventScroll: true });
  }, [pathname]);
  return <Outlet />;
}

function useLinks(): void {
  const { history } = useRouter();
  useEffect(() => followLinks(document, (href) => history.push(href)), [history]);
}

function useSearchKeys(): { readonly searching: boolean; readonly search: () => void; readonly stop: () => void } {
  const [searching, setSearching] = useState(false);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      if (document.querySelector("dialog[open]") === null) setSearching(true);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return {
    searching,
    search: useCallback(() => setSearching(true), []),
    stop: useCallback(() => setSearching(false), []),
  };
}
