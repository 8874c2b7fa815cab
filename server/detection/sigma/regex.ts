/** Regular expressions that take time proportional to the text, whatever a rule's author wrote. */
import { RE2JS } from "re2js";

const limits = { characters: 4096, program: 2_000 };

/** Why an expression cannot be used; nothing: it can. */
export function regexFault(source: string, flags: string): string | undefined {
  if (source.length > limits.characters) return `the regular expression is longer than ${limits.characters} characters`;
  try {
    const compiled = compile(source, flags);
    if (compiled.programSize() > limits.program) return "the regular expression repeats too much";
    return undefined;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return `the regular expression cannot be used (RE2 syntax: no back references, no looking around): ${why}`;
  }
}

/** Found anywhere in the text, as PCRE's search is. */
export function regexTest(source: string, flags: string): (text: string) => boolean {
  const compiled = compile(source, flags);
  return (text) => compiled.test(text);
}

function compile(source: string, flags: string): RE2JS {
  let bits = 0;
  if (flags.includes("i")) bits |= RE2JS.CASE_INSENSITIVE;
  if (flags.includes("m")) bits |= RE2JS.MULTILINE;
  if (flags.includes("s")) bits |= RE2JS.DOTALL;
  return RE2JS.compile(source, bits);
}
