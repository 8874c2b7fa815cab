import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const placeholder = Buffer.from("0123456789abcdef0123456789abcdef");

/** Compiled payloads and under which name each lies in the folder of an attack. */
const compiled = [
  ["payload", "evil"],
  ["payload-dynamic", "evil-dynamic"],
  ["payload-32", "evil-32"],
  ["library.so", "evil.so"],
  ["code", "code"],
] as const;

/** Good files, allowed from the start: of the same size as the payloads that take their place. */
export const goodFiles: readonly (readonly [string, string])[] = [
  ["payload", "good"],
  ["library.so", "good.so"],
];
const script = (token: string): string => `#!/bin/dash\necho ${token} >&9\n`;
export const goodScripts: readonly (readonly [string, string])[] = [
  ["good.sh", script(placeholder.toString())],
  // Goes on being read for a second.
  ["waiting.sh", "#!/bin/dash\nsleep 1\n"],
  ["good.py", "answer = 42\n"],
];

const scripts: readonly (readonly [string, (token: string) => string])[] = [
  ["evil.sh", script],
  ["evil.py", (token) => `#!/usr/bin/python3\nimport os\nos.write(9, b"${token}\\n")\n`],
  ["evil.pl", (token) => `#!/usr/bin/perl\nopen(my $proof, ">&=", 9);\nsyswrite($proof, "${token}\\n");\n1;\n`],
  ["evil.awk", (token) => `BEGIN { print "${token}" > "/dev/fd/9" }\n`],
  ["evil.js", (token) => `require("node:fs").writeSync(9, "${token}\\n");\n`],
];

/** Puts the good files into a folder: with the first of them everything of their kind is known. */
export function placeGood(programs: string, folder: string): void {
  for (const [template, name] of goodFiles) write(join(folder, name), readFileSync(join(programs, template)));
  for (const [name, text] of goodScripts) write(join(folder, name), Buffer.from(text));
}

/** What one run of an attack finds: payloads that nobody has seen, for they hold this token, and good files to change. */
export function placePayloads(programs: string, folder: string, token: string): void {
  mkdirSync(folder, { recursive: true });
  // An ordinary user attacks too.
  chmodSync(folder, 0o777);
  for (const [template, name] of compiled) {
    if (!existsSync(join(programs, template))) continue;
    writeHidden(join(folder, name), withToken(readFileSync(join(programs, template)), token));
  }
  for (const [name, text] of scripts) writeHidden(join(folder, name), Buffer.from(text(token)));
  placeGood(programs, folder);
}

/** With the permission to execute it. */
function write(path: string, content: Buffer): void {
  writeFileSync(path, content);
  chmodSync(path, 0o755);
}

/** A second time in a form that nobody takes for a program: programs/attack.h reads it. */
function writeHidden(path: string, content: Buffer): void {
  write(path, content);
  writeFileSync(`${path}.hidden`, Buffer.concat([Buffer.alloc(1), content.map((byte) => byte ^ 0x55)]));
}

function withToken(template: Buffer, token: string): Buffer {
  const at = template.indexOf(placeholder);
  if (at === -1) throw new Error("a compiled payload holds no token to replace");
  const content = Buffer.from(template);
  content.write(token, at, "latin1");
  return content;
}
