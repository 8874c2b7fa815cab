import { randomBytes } from "node:crypto";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { WebSocket } from "ws";
import { safeText } from "@provost/shared/lib/path-text.ts";
import { parseToken, signedBytes } from "@provost/shared/protocol/greeting.ts";
import { FromServer, TokenAnswer } from "@provost/shared/protocol/server-messages.ts";
import { productVersion, subprotocol } from "@provost/shared/protocol/version.ts";
import { keyName, verifyWith } from "./keys.ts";
import { openPlain, throughProxy } from "./proxy.ts";
import { shownCertificate } from "./shown-certificate.ts";

/** One thing that has to hold before a device can talk to its server, in the order in which they can fail. */
export interface ProbeStep {
  readonly step: "name" | "connection" | "greeting" | "token" | "clock";
  readonly state: "holds" | "fails" | "unknown";
  readonly says: string;
  /** What to do now. */
  readonly next?: string;
}

export interface ProbeQuestion {
  readonly url: string;
  readonly proxy?: URL;
  /** The server's key by name, from a token, or the key itself that was pinned. */
  readonly token?: string;
  readonly pinnedServerKey?: string;
  readonly now: number;
}

const patienceMs = 5000;
/** TLS certificates and tokens are judged by the clock; a minute of difference harms neither. */
const clockMs = 60_000;

/** Asks everything up to the greeting and uses no token up. Stops at the first thing that fails. */
export async function probe(question: ProbeQuestion): Promise<readonly ProbeStep[]> {
  const url = new URL(question.url);
  const host = url.hostname.replaceAll(/^\[|\]$/g, "");
  const port = url.port === "" ? (url.protocol === "wss:" ? 443 : 80) : Number(url.port);
  const steps: ProbeStep[] = [];
  if (question.proxy === undefined) {
    const named = await nameStep(host);
    steps.push(named);
    if (named.state === "fails") return steps;
    const connected = await connectionStep(host, port);
    steps.push(connected);
    if (connected.state === "fails") return steps;
  }
  const { greeting, token, date } = await greet(question);
  steps.push(greeting);
  if (token !== undefined) steps.push(token);
  if (date !== undefined) steps.push(clockStep(date, question.now));
  return steps;
}

async function nameStep(host: string): Promise<ProbeStep> {
  if (isIP(host) !== 0) return { step: "name", state: "holds", says: `${host} is an address` };
  try {
    const found = await lookup(host, { all: true });
    return { step: "name", state: "holds", says: `${host} is ${found.map(({ address }) => address).join(", ")}` };
  } catch (cause) {
    return {
      step: "name",
      state: "fails",
      says: `the name ${host} is not known here (${code(cause)})`,
      next: `getent hosts ${host}; look at /etc/resolv.conf, or use the server's address instead of its name`,
    };
  }
}

async function connectionStep(host: string, port: number): Promise<ProbeStep> {
  try {
    (await openPlain(host, port, patienceMs)).destroy();
    return { step: "connection", state: "holds", says: `something listens on ${host} port ${port}` };
  } catch (cause) {
    const why = {
      ECONNREFUSED: "nothing listens there",
      EHOSTUNREACH: "there is no way to that host",
      ENETUNREACH: "there is no way to that network",
    }[code(cause)];
    return {
      step: "connection",
      state: "fails",
      says: `${host} port ${port} cannot be reached: ${why ?? text(cause)}`,
      next:
        code(cause) === "ECONNREFUSED"
          ? "on the server: systemctl status provost-server; is it the right port?"
          : `a firewall or a route in between? From here: curl -vk https://${host}:${port}/ ; set proxy = where this network has one`,
    };
  }
}

interface Greeted {
  readonly greeting: ProbeStep;
  readonly token?: ProbeStep;
  readonly date?: number;
}

function greet(question: ProbeQuestion): Promise<Greeted> {
  const nonce = randomBytes(32).toString("base64");
  return new Promise((resolve) => {
    let certificate: string | undefined;
    let date: number | undefined;
    let greeting: ProbeStep | undefined;
    const end = (state: ProbeStep["state"], says: string, next?: string): void => {
      socket.terminate();
      const more = next === undefined ? {} : { next };
      const dated = date === undefined ? {} : { date };
      if (greeting === undefined) return resolve({ greeting: { step: "greeting", state, says, ...more }, ...dated });
      return resolve({ greeting, token: { step: "token", state, says, ...more }, ...dated });
    };
    const socket = new WebSocket(question.url, subprotocol, {
      perMessageDeflate: false,
      maxPayload: 65_536,
      handshakeTimeout: patienceMs,
      rejectUnauthorized: false,
      ...(question.proxy === undefined ? {} : { createConnection: throughProxy(question.proxy) }),
    });
    socket.on("upgrade", ({ socket: wire, headers }) => {
      certificate = shownCertificate(wire);
      date = typeof headers.date === "string" ? Date.parse(headers.date) : undefined;
    });
    socket.on("open", () => socket.send(JSON.stringify({ kind: "hello", nonce, version: productVersion })));
    socket.on("message", (data: Buffer) => {
      if (greeting !== undefined) return end(...tokenAnswered(data.toString()));
      const [state, says, next] = answered(data.toString(), nonce, certificate, question);
      if (state !== "holds" || question.token === undefined) return end(state, says, next);
      greeting = { step: "greeting", state, says };
      return socket.send(JSON.stringify({ kind: "token", token: question.token }));
    });
    socket.on("unexpected-response", (_request, { statusCode, headers }) => {
      date = headers.date === undefined ? undefined : Date.parse(headers.date);
      end(
        "fails",
        `it answered ${statusCode ?? "nothing"} where a Provost server takes agents in`,
        "is the address right? It ends in /agent, as the console shows it",
      );
    });
    socket.on("error", (cause) => {
      const tls = /EPROTO|wrong version number|SSL|TLS/i.test(text(cause));
      end(
        "fails",
        tls
          ? `what listens there does not speak ${question.url.startsWith("wss:") ? "TLS" : "as this agent does"}: ${safeText(text(cause))}`
          : safeText(text(cause)),
        tls
          ? "compare the address with the one the console shows: wss:// with TLS, ws:// without"
          : "look at the server's log",
      );
    });
    socket.on("close", () => greeting !== undefined && end(...notSaid));
    setTimeout(() => {
      if (greeting !== undefined) return end(...notSaid);
      return end("fails", `it did not greet in ${patienceMs / 1000} s`, "look at the server's log");
    }, patienceMs).unref();
  });
}

type Answered = readonly [state: ProbeStep["state"], says: string, next?: string];

function answered(words: string, nonce: string, certificate: string | undefined, question: ProbeQuestion): Answered {
  const parsed = FromServer.safeParse(parse(words));
  if (!parsed.success || parsed.data.kind !== "challenge")
    return ["fails", "what listens there is no Provost server", "is the address right?"];
  const { serverKey, signature, nonce: serverNonce } = parsed.data;
  const statement = {
    purpose: "provost challenge v1",
    agentNonce: nonce,
    serverNonce,
    ...(certificate === undefined ? {} : { certificate }),
  } as const;
  if (!verifyWith(serverKey, signedBytes(statement), signature))
    return certificate === undefined
      ? ["fails", "its challenge is not signed by the key it shows"]
      : [
          "fails",
          "the server did not sign the certificate that is seen here: something in between ends TLS",
          "take the server's address out of the TLS inspection of this network",
        ];
  const name = keyName(serverKey);
  const token = question.token === undefined ? undefined : parseToken(question.token);
  if (question.token !== undefined && token === undefined)
    return [
      "fails",
      "the enrolment token is not one: it is cut, or something else was pasted",
      "take a new one from the console: Devices, Add device",
    ];
  if (token !== undefined && token.serverKeySha256 !== name)
    return ["fails", "the token is of another server", "take a token from this server's console: Devices, Add device"];
  if (question.pinnedServerKey !== undefined && question.pinnedServerKey !== serverKey)
    return [
      "fails",
      "the server's key changed since this device was enrolled",
      "was the server set up anew? Then enrol again with a new token. If nobody did, somebody stands in between",
    ];
  return [
    "holds",
    `a Provost server, key ${name.slice(0, 12)}…${certificate === undefined ? "" : ", which signed the certificate it shows"}`,
  ];
}

const notSaid: Answered = ["unknown", "the server does not say whether it takes this token"];

/** An older server does not know the question: it says so when the device enrols. */
function tokenAnswered(words: string): Answered {
  const parsed = TokenAnswer.safeParse(parse(words));
  if (parsed.success && parsed.data.kind === "valid") return ["holds", "the server takes this token"];
  if (parsed.success && parsed.data.kind === "refused" && parsed.data.code === "ENROL_REFUSED") {
    const [says = "", ...next] = parsed.data.why.split("; ");
    return ["fails", safeText(says), safeText(next.join("; "))];
  }
  return notSaid;
}

function clockStep(date: number, now: number): ProbeStep {
  const seconds = Math.round((now - date) / 1000);
  return Math.abs(now - date) <= clockMs
    ? { step: "clock", state: "holds", says: "this device's clock and the server's agree" }
    : {
        step: "clock",
        state: "fails",
        says: `this device's clock is ${Math.abs(seconds)} s ${seconds > 0 ? "ahead of" : "behind"} the server's`,
        next: "timedatectl set-ntp true, or set the clock; tokens and proofs are judged by the time",
      };
}

const text = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
const code = (cause: unknown): string => (cause instanceof Error && "code" in cause ? String(cause.code) : text(cause));

function parse(words: string): unknown {
  try {
    return JSON.parse(words);
  } catch {
    return undefined;
  }
}
