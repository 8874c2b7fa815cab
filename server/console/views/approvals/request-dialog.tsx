import { useMutation } from "@tanstack/react-query";
import type { Answer, Query } from "@provost/shared/protocol/api.ts";
import { TriangleAlert } from "lucide-react";
import { useState } from "react";
import { address } from "../../address.ts";
import { usePost } from "../../data/post.ts";
import type { Row } from "../../data/queries.ts";
import { CopyButton } from "../../parts/copy-button.tsx";
import { Modal } from "../../parts/modal.tsx";
import { Facts } from "../../parts/page.tsx";
import { ReasonField } from "../../parts/reason-field.tsx";
import { Failed } from "../../parts/states.tsx";
import { Time } from "../../parts/time.tsx";
import { VerdictBadge } from "../../parts/verdict-badge.tsx";
import { splitPath, visible } from "../../parts/visible-text.ts";

type RequestRow = Row<"requests">;
type Role = Answer<"session">["role"];

/** All that is known of one request, and its answer: given already, or to be given with a reason. */
export function RequestDialog(props: {
  readonly request: RequestRow;
  readonly role: Role;
  readonly onClose: () => void;
  readonly onDecided: () => void;
}) {
  const { request, role, onClose } = props;
  const { answer } = request;
  return (
    <Modal
      title={`May ${splitPath(request.path).name.slice(0, 200)} run?`}
      shape="dialog"
      onClose={onClose}
      note={
        <>
          {visible(request.user)} asks on{" "}
          <a className="inline-link" href={address.device(request.device)}>
            {visible(request.deviceName)}
          </a>
        </>
      }
    >
      <div className="flex flex-col gap-4 overflow-auto px-5 py-4">
        <p className="text-base wrap-anywhere">
          {request.reason === "" ? "No reason was given." : `“${visible(request.reason)}”`}
        </p>
        <Facts facts={factsOf(request)} />
        {answer === undefined ? undefined : <Given answer={answer} />}
        {answer === undefined && request.allowedAt === undefined && role !== "auditor" ? (
          <Decide {...props} />
        ) : undefined}
      </div>
    </Modal>
  );
}

const factsOf = (request: RequestRow): Parameters<typeof Facts>[0]["facts"] => [
  [
    "Verdict",
    request.standing === undefined || request.basis === undefined ? (
      "nobody judged these bytes"
    ) : (
      <span key="verdict" className="flex flex-col gap-0.5">
        <VerdictBadge standing={request.standing} basis={request.basis} />
        <span className="text-soft">{visible(request.says ?? "")}</span>
      </span>
    ),
  ],
  ["Path", <Mono key="path" text={request.root + request.path} />],
  ["SHA-256", <Mono key="digest" text={request.digest} />],
  ["Asked", <Time key="at" at={request.at} />],
];

function Given({ answer }: { readonly answer: NonNullable<RequestRow["answer"]> }) {
  return (
    <p
      data-tone={answer.approved ? "proven" : "refuted"}
      className="rounded-lg bg-tone-wash px-3 py-2 text-sm wrap-anywhere"
    >
      <strong className="font-semibold text-tone">{answer.approved ? "Approved" : "Denied"}</strong> by{" "}
      {visible(answer.by)} for {answer.scope === "fleet" ? "every device" : "this device"}: {visible(answer.reason)}{" "}
      <span className="text-soft">
        <Time at={answer.at} />
      </span>
    </p>
  );
}

function Decide({
  request,
  role,
  onClose,
  onDecided,
}: {
  readonly request: RequestRow;
  readonly role: Role;
  readonly onClose: () => void;
  readonly onDecided: () => void;
}) {
  const post = usePost();
  const [reason, setReason] = useState("");
  const [hours, setHours] = useState(24);
  const [scope, setScope] = useState<Query<"decideRequest">["scope"]>("device");
  const decide = useMutation({
    mutationFn: (approve: boolean) =>
      post("decideRequest", { id: request.id, body: { approve, reason: reason.trim(), scope, hours } }),
    onSuccess: () => {
      onDecided();
      onClose();
    },
  });
  const refuted = request.standing === "refuted";
  const waits = reason.trim() === "" || decide.isPending;
  return (
    <form
      className="flex flex-col gap-4 border-t pt-4"
      onSubmit={(event) => {
        event.preventDefault();
        if (!waits && !refuted) decide.mutate(true);
      }}
    >
      {refuted ? (
        <p data-tone="refuted" className="flex gap-2 rounded-lg bg-tone-wash px-3 py-2 text-sm">
          <TriangleAlert size={15} aria-hidden="true" className="mt-0.5 shrink-0 text-tone" />
          Evidence speaks against these bytes. No approval lets them run.
        </p>
      ) : (
        <p className="text-sm text-soft">
          Approved, what holds these bytes back there is undone and they may run until the time is over. Other bytes at
          this path may not.
        </p>
      )}
      <ReasonField value={reason} onChange={setReason} />
      {refuted ? undefined : (
        <div className="flex flex-wrap gap-4">
          <label className="flex flex-col gap-1 text-sm font-medium">
            For
            <select
              className="field font-normal"
              value={hours}
              onChange={(event) => setHours(Number(event.target.value))}
            >
              {spans.map(({ value, word }) => (
                <option key={value} value={value}>
                  {word}
                </option>
              ))}
            </select>
          </label>
          <label className="flex flex-col gap-1 text-sm font-medium">
            On
            <select
              className="field font-normal"
              value={scope}
              onChange={(event) => setScope(event.target.value === "fleet" ? "fleet" : "device")}
            >
              <option value="device">this device</option>
              {role === "owner" ? <option value="fleet">every device</option> : undefined}
            </select>
          </label>
        </div>
      )}
      {decide.error === null ? undefined : <Failed error={decide.error} again={() => decide.reset()} />}
      <div className="flex flex-wrap items-center justify-end gap-2">
        {refuted ? undefined : (
          <span className="mr-auto flex items-center gap-1 text-xs text-soft">
            On the device, as root: <code className="font-mono">provost approve {request.code}</code>
            <CopyButton text={`provost approve ${request.code}`} label={`the command for ${request.code}`} />
          </span>
        )}
        <button
          type="button"
          className="button"
          data-tone="refuted"
          disabled={waits}
          onClick={() => decide.mutate(false)}
        >
          Deny
        </button>
        {refuted ? undefined : (
          <button type="submit" className="button font-semibold" data-tone="proven" disabled={waits}>
            {decide.isPending ? "Telling the device…" : "Approve"}
          </button>
        )}
      </div>
    </form>
  );
}

/** The server takes ninety days at most. */
const spans = [
  { value: 1, word: "1 hour" },
  { value: 8, word: "8 hours" },
  { value: 24, word: "24 hours" },
  { value: 24 * 7, word: "7 days" },
  { value: 24 * 30, word: "30 days" },
  { value: 24 * 90, word: "90 days" },
] as const;

function Mono({ text }: { readonly text: string }) {
  return <code className="font-mono text-xs wrap-anywhere">{visible(text)}</code>;
}
