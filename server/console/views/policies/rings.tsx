import type { Answer } from "@provost/shared/protocol/api.ts";
import { RotateCcw, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { useRefusal } from "../../data/post.ts";
import { modeMeans } from "../../parts/gate-words.ts";
import { ModeBadge } from "../../parts/mode-badge.tsx";
import { counted } from "../../parts/number-words.ts";
import { Refusal } from "../../parts/refusal.tsx";
import { Time } from "../../parts/time.tsx";
import { visible } from "../../parts/visible-text.ts";
import { ringName } from "./ring-name.ts";
import { TurnOn } from "./turn-on.tsx";

type PolicyData = Answer<"policy">;
type Step = PolicyData["steppedBack"][number];

/** The rings of one policy in the order they are asked in: what each does now, and what made it step back. */
export function Rings({ policy }: { readonly policy: PolicyData }) {
  const refused = useRefusal("fleet");
  const [turning, setTurning] = useState<Step>();
  const open = policy.current ? policy.steppedBack.filter(({ endedAt }) => endedAt === undefined) : [];
  return (
    <>
      <ol aria-label="Rings" className="flex flex-col divide-y divide-line">
        {policy.rings.map((ring) => {
          const step = open.find(({ group }) => group === ring.group);
          return (
            <li key={ring.group} className="flex flex-col gap-2 py-2.5 first:pt-0 last:pb-0">
              <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
                <span className="min-w-32 text-sm font-semibold wrap-anywhere">{ringName(ring.group)}</span>
                <ModeBadge mode={ring.now} title={modeMeans[ring.now]} />
                <span className="min-w-0 text-sm text-soft">{modeMeans[ring.now]}</span>
                <span className="ml-auto text-sm text-soft tabular-nums">{counted(ring.devices, "device")}</span>
              </div>
              {step === undefined ? undefined : (
                <div data-tone="unproven" className="flex flex-col gap-2 rounded-lg bg-tone-wash px-3 py-2 text-sm">
                  <p className="flex gap-2 wrap-anywhere">
                    <TriangleAlert size={15} aria-hidden="true" className="mt-0.5 shrink-0 text-tone" />
                    <span>
                      <strong className="font-semibold text-tone">
                        Stepped back from {step.from} to {step.to}.
                      </strong>{" "}
                      {visible(step.why)}{" "}
                      <span className="text-soft">
                        <Time at={step.at} />
                      </span>
                    </span>
                  </p>
                  <div className="flex flex-wrap items-center gap-3">
                    <button
                      type="button"
                      className="button"
                      disabled={refused !== undefined}
                      onClick={() => setTurning(step)}
                    >
                      <RotateCcw size={14} aria-hidden="true" />
                      Turn on again<span className="sr-only"> for {ringName(step.group)}</span>
                    </button>
                    {refused === undefined ? undefined : <Refusal why={refused} />}
                  </div>
                </div>
              )}
            </li>
          );
        })}
      </ol>
      {turning === undefined ? undefined : <TurnOn step={turning} onClose={() => setTurning(undefined)} />}
    </>
  );
}

/** Steps that a person ended, or that a newer policy left behind. */
export function EarlierSteps({ policy }: { readonly policy: PolicyData }) {
  const ended = policy.steppedBack.filter(({ endedAt }) => endedAt !== undefined || !policy.current);
  if (ended.length === 0) return undefined;
  return (
    <>
      <h3 className="mt-4 mb-1.5 text-sm font-semibold">Stepped back before</h3>
      <ul className="flex flex-col divide-y divide-line text-sm">
        {ended.map((step) => (
          <li key={`${step.group} ${step.at}`} className="py-2 wrap-anywhere first:pt-0 last:pb-0">
            <span className="font-medium">{ringName(step.group)}</span>, from {step.from} to {step.to}:{" "}
            {visible(step.why)}
            <span className="block text-xs text-soft">
              <Time at={step.at} />
              {step.endedAt === undefined ? (
                "; a newer policy took its place"
              ) : (
                <>
                  ; turned on again by {visible(step.endedBy ?? "")} <Time at={step.endedAt} brief />
                </>
              )}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
