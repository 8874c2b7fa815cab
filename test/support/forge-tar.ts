import { bytesOf, concat } from "./forge-zip.ts";

/** One member of a forged tar: the fields of its ustar header, and lies about them. */
export interface ForgedMember {
  readonly name: string | Uint8Array;
  readonly data?: string | Uint8Array;
  readonly type?: string;
  readonly target?: string;
  readonly mode?: number;
  readonly size?: number;
  readonly badSum?: boolean;
}

export const block = 512;

export const forgeTar = (members: readonly ForgedMember[], end: Uint8Array = new Uint8Array(2 * block)): Uint8Array =>
  concat([...members.map(memberBytes), end]);

/** A pax header for the member that follows it. */
export const pax = (records: Readonly<Record<string, string>>, type = "x"): ForgedMember => ({
  name: "pax",
  type,
  data: Object.entries(records)
    .map(([key, value]) => record(key, value))
    .join(""),
});

export function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const size = Buffer.byteLength(rest);
  const length = size + String(size + String(size).length).length;
  return `${length}${rest}`;
}

function memberBytes(member: ForgedMember): Uint8Array {
  const data = bytesOf(member.data ?? "");
  const header = new Uint8Array(block);
  const put = (at: number, value: string | Uint8Array): void => header.set(bytesOf(value), at);
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, "0")}\0`;
  put(0, member.name);
  put(100, octal(member.mode ?? 0o644, 8));
  put(108, octal(0, 8));
  put(116, octal(0, 8));
  put(124, octal(member.size ?? data.length, 12));
  put(136, octal(0, 12));
  put(148, " ".repeat(8));
  put(156, member.type ?? "0");
  put(157, member.target ?? "");
  put(257, "ustar\u000000");
  const sum = header.reduce((total, byte) => total + byte, 0) + (member.badSum === true ? 1 : 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return concat([header, data, new Uint8Array(-data.length & (block - 1))]);
}
