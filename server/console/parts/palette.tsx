import { useQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import type { Answer } from "@provost/shared/protocol/api.ts";
import { unreachable } from "@provost/shared/lib/unreachable.ts";
import { Command } from "cmdk";
import { useEffect, useId, useRef, useState } from "react";
import { address } from "../address.ts";
import { searchQuery } from "../data/queries.ts";
import { splitPath, visible } from "./visible-text.ts";
import { VerdictBadge } from "./verdict-badge.tsx";

type Hit = Answer<"search">["hits"][number];

/** Finds a digest, device, package, path or incident, and goes there; without a question it lists the pages. */
export function Palette({ onClose }: { readonly onClose: () => void }) {
  const box = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState("");
  const asked = useSettled(typed.trim());
  const { data, isFetching, error } = useQuery({ ...searchQuery(asked), placeholderData: (before) => before });
  const { history } = useRouter();
  const hint = useId();
  useEffect(() => {
    if (box.current?.open === false) box.current.showModal();
  }, []);
  const go = (href: string): void => {
    box.current?.close();
    history.push(href);
  };
  const hits = asked === "" ? [] : (data?.hits ?? []);
  const pages = places.filter(({ word }) => word.toLowerCase().includes(typed.trim().toLowerCase()));
  return (
    <dialog
      ref={box}
      aria-label="Search"
      closedby="any"
      onClose={onClose}
      className="mx-auto mt-[12vh] mb-auto w-[min(42rem,calc(100vw-2rem))] rounded-xl border bg-raised text-ink shadow-lift"
    >
      <Command label="Search digests, devices, packages, paths and incidents" shouldFilter={false} loop>
        <Command.Input
          value={typed}
          onValueChange={setTyped}
          maxLength={400}
          aria-describedby={hint}
          placeholder="Digest, path, package, device or incident"
          className="h-13 w-full rounded-t-xl border-b bg-transparent px-5 text-lg -outline-offset-2"
        />
        <output id={hint} className="block px-5 pt-2 text-xs text-soft">
          {statusWords(asked, typed.trim(), isFetching, error !== null, hits.length)}
        </output>
        <Command.List label="Results" className="max-h-[50dvh] overflow-auto p-2">
          {hits.map((hit) => (
            <Item key={`${hit.kind}-${hit.id}`} value={`${hit.kind}-${hit.id}`} onSelect={() => go(addressOf(hit))}>
              <HitLine hit={hit} />
            </Item>
          ))}
          {pages.map(({ word, href }) => (
            <Item key={href} value={href} onSelect={() => go(href)}>
              <span className="w-20 shrink-0 text-xs text-soft">go to</span>
              <span className="font-medium">{word}</span>
            </Item>
          ))}
        </Command.List>
      </Command>
    </dialog>
  );
}

function Item(props: { readonly value: string; readonly onSelect: () => void; readonly children: React.ReactNode }) {
  return (
    <Command.Item
      value={props.value}
      onSelect={props.onSelect}
      className="flex cursor-pointer items-center gap-3 rounded-lg px-3 py-2 text-sm data-[selected=true]:bg-accent-wash"
    >
      {props.children}
    </Command.Item>
  );
}

function HitLine({ hit }: { readonly hit: Hit }) {
  const title = hit.kind === "executable" ? splitPath(hit.title).name : visible(hit.title);
  return (
    <>
      <span className="w-20 shrink-0 text-xs text-soft">{hit.kind}</span>
      <span className="min-w-0 grow">
        <span className="block truncate font-medium">{title}</span>
        <span className="block truncate text-xs text-soft">
          {hit.kind === "executable" ? `${visible(hit.title)} · ` : ""}
          {visible(hit.detail)}
        </span>
      </span>
      {hit.standing === undefined ? undefined : <VerdictBadge standing={hit.standing} />}
    </>
  );
}

function addressOf(hit: Hit): string {
  switch (hit.kind) {
    case "device":
      return address.device(hit.id);
    case "executable":
      return address.executable(hit.id);
    case "package":
      return address.package(hit.id);
    case "incident":
      return address.incident(hit.id);
    default:
      return unreachable(hit.kind);
  }
}

function statusWords(asked: string, typed: string, fetching: boolean, failed: boolean, hits: number): string {
  if (typed === "") return "Type to search the whole fleet. Arrows move, Enter opens, Escape closes.";
  if (fetching || asked !== typed) return "Searching…";
  if (failed) return "The search failed. Change a letter to try again.";
  return hits === 0 ? "Nothing in the fleet matches." : `${hits} ${hits === 1 ? "match" : "matches"}`;
}

const places = [
  { word: "Overview", href: address.overview() },
  { word: "Incidents", href: address.incidents() },
  { word: "Open incidents", href: address.incidents({ state: ["open"] }) },
  { word: "Devices", href: address.devices() },
  { word: "Executables", href: address.executables() },
  { word: "Refuted executables", href: address.executables({ standing: ["refuted"] }) },
  { word: "Running and unproven", href: address.executables({ standing: ["unproven"], running: true }) },
  { word: "Packages", href: address.packages() },
  { word: "Gate decisions", href: address.decisions() },
  { word: "Requests that wait", href: address.approvals({ waiting: true }) },
  { word: "Policies", href: address.policies() },
  { word: "Write the next policy", href: address.policyDraft() },
  { word: "Audit", href: address.audit() },
];

/** The text once no key was pressed for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), 150);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
