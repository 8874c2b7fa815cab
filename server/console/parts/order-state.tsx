import type { CommandState, StepReport } from "@provost/shared/model/command.ts";
import {
  Ban,
  CircleCheck,
  CircleDashed,
  CircleDot,
  CircleX,
  Hourglass,
  LoaderCircle,
  ShieldCheck,
  TimerOff,
  Undo2,
} from "lucide-react";
import { Badge, type BadgeWords } from "./badge.tsx";

/** Where an order stands. */
export function OrderStateBadge({ state }: { readonly state: CommandState }) {
  return <Badge {...orderStateWords[state]} />;
}

/** What came of one step of an order. */
export function StepState({ state }: Pick<StepReport, "state">) {
  const { word, tone, icon: Icon } = stepStateWords[state];
  return (
    <span data-tone={tone} className="inline-flex items-center gap-1 font-medium whitespace-nowrap text-tone">
      <Icon size={12} aria-hidden="true" />
      {word}
    </span>
  );
}

const orderStateWords: Readonly<Record<CommandState, BadgeWords>> = {
  issued: { word: "Waiting", means: "It is signed, and waits for its device.", tone: "unchecked", icon: Hourglass },
  accepted: {
    word: "Taken",
    means: "The device took it and wrote it to its journal.",
    tone: "unproven",
    icon: LoaderCircle,
  },
  executed: { word: "Done", means: "Every step is done; nobody looked yet.", tone: "signed", icon: CircleDot },
  verified: {
    word: "Verified",
    means: "The device looked afterwards, and it is so.",
    tone: "proven",
    icon: ShieldCheck,
  },
  reverted: { word: "Undone", means: "It was taken back, and the device looked.", tone: "unchecked", icon: Undo2 },
  refused: { word: "Refused", means: "The device would not do it.", tone: "refuted", icon: Ban },
  failed: { word: "Failed", means: "The device could not do it.", tone: "refuted", icon: CircleX },
  expired: { word: "Expired", means: "No device took it in time.", tone: "unchecked", icon: TimerOff },
  cancelled: {
    word: "Cancelled",
    means: "It was taken back before a device took it.",
    tone: "unchecked",
    icon: CircleX,
  },
};

const stepStateWords: Readonly<Record<StepReport["state"], BadgeWords>> = {
  planned: { word: "Planned", tone: "unchecked", icon: CircleDashed },
  started: { word: "Begun", tone: "unproven", icon: LoaderCircle },
  done: { word: "Done", tone: "signed", icon: CircleDot },
  verified: { word: "Verified", tone: "proven", icon: CircleCheck },
  undone: { word: "Undone", tone: "unchecked", icon: Undo2 },
  failed: { word: "Failed", tone: "refuted", icon: CircleX },
  skipped: { word: "Left out", tone: "unchecked", icon: CircleDashed },
};
