import type { Answer } from "@provost/shared/protocol/api.ts";
import type { Basis, Standing } from "@provost/shared/model/verdict.ts";
import type { GateStore } from "../../gate/gate-store.ts";
import type { Ask } from "./ask.ts";
import { afterCursor, contains, cursorOf, oneOf, orderBy, pageOf, where } from "./page.ts";
import { waits } from "./request-answers.ts";
import type { Condition, Order } from "./page.ts";

type DecisionRow = Answer<"decisions">["rows"][number];
type FindingRow = Answer<"findings">["rows"][number];
type RequestRow = Answer<"requests">["rows"][number];

export function readGate(ask: Ask): Pick<GateStore, "decisions" | "findings" | "requests" | "summary"> {
  return {
    decisions: (query, device = query.device) =>
      list<StoredDecision, DecisionRow>(ask, "decisions", query, device, {
        filter: [
          ...oneOf("decisions.outcome", query.outcome),
          ...oneOf("decisions.access", query.access),
          ...oneOf("decisions.sha256", query.digest === undefined ? undefined : [query.digest]),
          ...contains(["decisions.path", "decisions.why", "decisions.code"], query.q, "decisions.sha256"),
        ],
        columns: "files.id AS known",
        join: "LEFT JOIN files ON files.id = decisions.file",
        show: decisionRow,
      }),
    findings: (query, device = query.device) =>
      list<StoredFinding, FindingRow>(ask, "findings", query, device, {
        filter: [
          ...oneOf("findings.kind", query.kind),
          ...(query.open === undefined ? [] : [{ sql: query.open ? isOpen : `NOT (${isOpen})`, values: [] }]),
        ],
        columns: `${isOpen} AS open`,
        join: "",
        show: findingRow,
      }),
    requests: (query) =>
      list<StoredRequest, RequestRow>(ask, "requests", query, query.device, {
        filter: [
          ...(query.waiting === undefined ? [] : [{ sql: query.waiting ? waits : `NOT (${waits})`, values: [] }]),
          ...contains(
            ["requests.path", "requests.user", "requests.reason", "requests.code"],
            query.q,
            "requests.sha256",
          ),
        ],
        columns: `files.id AS known, coalesce(files.standing, judged.standing) AS standing, coalesce(files.basis, judged.basis) AS basis,
          coalesce(files.says, judged.why) AS file_says, answers.approved, answers.by AS answered_by,
          answers.at AS answered_at, answers.reason AS answer_reason, answers.scope AS answer_scope, answers.commands AS answer_commands`,
        // Other bytes at the same path are not what was asked about. What no pass has met yet is what the gate made of it when it stopped it.
        join: `LEFT JOIN files ON files.id = requests.file AND files.digest = requests.sha256
          LEFT JOIN decisions AS judged ON files.id IS NULL AND judged.n = (SELECT d.n FROM decisions AS d
            WHERE d.sha256 = requests.sha256 AND d.device = requests.device ORDER BY d.allowed, d.at DESC LIMIT 1)
          LEFT JOIN request_answers AS answers ON answers.request = requests.n`,
        show: requestRow,
      }),
    summary(from, device) {
      const here = device === undefined ? { sql: "1", values: [] } : { sql: "device = ?", values: [device] };
      const outcomes = new Map(
        ask
          .all<{ outcome: string; n: number }>(
            `SELECT outcome, sum(count) AS n FROM decisions WHERE ${here.sql} AND at >= ? AND outcome IN ('stopped', 'held', 'would', 'warned') GROUP BY outcome`,
            ...here.values,
            from,
          )
          .map(({ outcome, n }) => [outcome, n]),
      );
      const count = (sql: string, ...values: readonly number[]): number =>
        ask.number(`SELECT count(*) AS n FROM ${sql} AND ${here.sql}`, ...values, ...here.values);
      return {
        stopped: outcomes.get("stopped") ?? 0,
        held: outcomes.get("held") ?? 0,
        would: outcomes.get("would") ?? 0,
        warned: outcomes.get("warned") ?? 0,
        findings: count("findings WHERE at >= ?", from),
        open: count(`findings WHERE ${isOpen}`),
        waiting: count(`requests WHERE ${waits}`),
      };
    },
  };
}

const isOpen = "from_server = 1 AND ended_at IS NULL";

interface Listed<Stored, Shown> {
  readonly filter: readonly Condition[];
  readonly columns: string;
  readonly join: string;
  readonly show: (row: Stored) => Shown;
}

/** One page by time: its rows first, then what stands beside them. */
function list<Stored extends { readonly n: number; readonly at: number }, Shown>(
  ask: Ask,
  table: "decisions" | "findings" | "requests",
  query: { readonly sort: string; readonly cursor?: string | undefined; readonly limit: number },
  device: string | undefined,
  { filter, columns, join, show }: Listed<Stored, Shown>,
): { rows: Shown[]; next?: string; total: number; dropped: number } {
  const order: Order = { column: "at", descending: query.sort.startsWith("-") };
  const among = [...oneOf(`${table}.device`, device === undefined ? undefined : [device]), ...filter];
  const paged = where([...among, ...afterCursor(order, "n", query.cursor)]);
  const rows = ask.all<Stored>(
    `SELECT ${table}.*, devices.name AS device_name, ${columns}
     FROM (SELECT n FROM ${table} WHERE ${paged.sql} ORDER BY ${orderBy(order, "n")} LIMIT ?) AS page
     CROSS JOIN ${table} ON ${table}.n = page.n JOIN devices ON devices.id = ${table}.device ${join}
     ORDER BY ${orderBy({ ...order, column: `${table}.at` }, `${table}.n`)}`,
    ...paged.values,
    query.limit + 1,
  );
  const counted = where(among);
  const total = ask.number(`SELECT count(*) AS n FROM ${table} WHERE ${counted.sql}`, ...counted.values);
  const dropped =
    device === undefined
      ? ask.number("SELECT sum(count) AS n FROM gate_dropped WHERE what = ?", table)
      : ask.number("SELECT count AS n FROM gate_dropped WHERE what = ? AND device = ?", table, device);
  return { ...pageOf(rows, query.limit, total, show, (row) => cursorOf(row.at, row.n)), dropped };
}

interface Stored {
  readonly n: number;
  readonly device: string;
  readonly device_name: string;
  readonly at: number;
}

interface StoredDecision extends Stored, Pick<DecisionRow, "outcome" | "action" | "mode" | "tier" | "access"> {
  readonly code: string;
  readonly path: string;
  readonly root: string;
  readonly sha256: string | null;
  readonly known: string | null;
  readonly pid: number;
  readonly started_at: number;
  readonly uid: number;
  readonly login_uid: number | null;
  readonly executable: string;
  readonly command: string | null;
  readonly allowed: number;
  readonly would: DecisionRow["action"] | null;
  readonly cause: string;
  readonly rule: string | null;
  readonly why: string;
  readonly policy: number;
  readonly standing: Standing;
  readonly basis: Basis;
  readonly count: number;
  readonly last_at: number;
}

const decisionRow = (row: StoredDecision): DecisionRow => ({
  id: `dec_${row.n}`,
  at: row.at,
  device: row.device,
  deviceName: row.device_name,
  code: row.code,
  path: row.path,
  root: row.root,
  ...(row.sha256 === null ? {} : { digest: row.sha256 }),
  ...(row.known === null ? {} : { executable: row.known }),
  access: row.access,
  process: {
    pid: row.pid,
    startedAt: row.started_at,
    uid: row.uid,
    ...(row.login_uid === null ? {} : { loginUid: row.login_uid }),
    executable: row.executable,
    ...(row.command === null ? {} : { command: row.command }),
  },
  outcome: row.outcome,
  allowed: row.allowed === 1,
  action: row.action,
  ...(row.would === null ? {} : { would: row.would }),
  cause: row.cause,
  ...(row.rule === null ? {} : { rule: row.rule }),
  why: row.why,
  policy: row.policy,
  mode: row.mode,
  tier: row.tier,
  standing: row.standing,
  basis: row.basis,
  count: row.count,
  ...(row.last_at > row.at ? { lastAt: row.last_at } : {}),
});

interface StoredFinding extends Stored, Pick<FindingRow, "kind"> {
  readonly from_server: number;
  readonly ended_at: number | null;
  readonly open: number;
  readonly says: string;
  readonly facts: string;
}

const findingRow = (row: StoredFinding): FindingRow => ({
  id: `fin_${row.n}`,
  device: row.device,
  deviceName: row.device_name,
  kind: row.kind,
  from: row.from_server === 1 ? "server" : "device",
  at: row.at,
  ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
  open: row.open === 1,
  says: row.says,
  facts: JSON.parse(row.facts) as Record<string, string>,
});

interface StoredRequest extends Stored {
  readonly code: string;
  readonly sha256: string;
  readonly path: string;
  readonly root: string;
  readonly known: string | null;
  readonly uid: number;
  readonly user: string;
  readonly reason: string;
  readonly standing: Standing | null;
  readonly basis: Basis | null;
  readonly file_says: string | null;
  readonly allowed_at: number | null;
  readonly times: number;
  readonly approved: number | null;
  readonly answered_by: string | null;
  readonly answered_at: number | null;
  readonly answer_reason: string | null;
  readonly answer_scope: "device" | "fleet" | null;
  readonly answer_commands: string | null;
}

const requestRow = (row: StoredRequest): RequestRow => ({
  id: `req_${row.n}`,
  at: row.at,
  device: row.device,
  deviceName: row.device_name,
  code: row.code,
  digest: row.sha256,
  path: row.path,
  root: row.root,
  ...(row.known === null ? {} : { executable: row.known }),
  uid: row.uid,
  user: row.user,
  reason: row.reason,
  times: row.times,
  ...(row.standing === null ? {} : { standing: row.standing }),
  ...(row.basis === null ? {} : { basis: row.basis }),
  ...(row.file_says === null ? {} : { says: row.file_says }),
  ...(row.allowed_at === null ? {} : { allowedAt: row.allowed_at }),
  ...(row.approved === null
    ? {}
    : {
        answer: {
          approved: row.approved === 1,
          by: row.answered_by ?? "",
          at: row.answered_at ?? 0,
          reason: row.answer_reason ?? "",
          scope: row.answer_scope ?? "device",
          commands: JSON.parse(row.answer_commands ?? "[]") as string[],
        },
      }),
});
