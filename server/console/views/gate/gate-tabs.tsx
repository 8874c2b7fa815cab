import { useLocation } from "@tanstack/react-router";
import { address } from "../../address.ts";

/** The three lists of the gate. Ordinary links: each has its own address. */
export function GateTabs() {
  const { pathname } = useLocation();
  return (
    <nav aria-label="Lists of the gate" className="flex gap-1 border-b">
      {tabs.map(({ name, href, path }) => (
        <a
          key={path}
          href={href}
          aria-current={pathname === path ? "page" : undefined}
          className="-mb-px rounded-t-md border-b-2 border-transparent px-3 py-1.5 text-sm text-soft -outline-offset-2 hover:text-ink aria-[current]:border-accent aria-[current]:font-semibold aria-[current]:text-accent"
        >
          {name}
        </a>
      ))}
    </nav>
  );
}

const tabs = [
  { name: "Stopped and judged", href: address.decisions(), path: "/decisions" },
  { name: "Findings", href: address.findings(), path: "/findings" },
  { name: "Approvals", href: address.approvals(), path: "/approvals" },
];
