/** Rule files as bounded trees that know their lines. YAML is read here and nowhere else. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Document } from "yaml";
import { RuleFault } from "./fault.ts";

export const documentLimits = { bytes: 512 * 1024, documents: 256, nodes: 50_000, depth: 16, characters: 65_535 };

export type Tree = TreeMap | TreeList | TreeScalar;
export interface TreeMap {
  readonly kind: "map";
  readonly line: number;
  readonly entries: ReadonlyMap<string, TreeEntry>;
}
export interface TreeEntry {
  readonly line: number;
  readonly value: Tree;
}
export interface TreeList {
  readonly kind: "list";
  readonly line: number;
  readonly items: readonly Tree[];
}
export interface TreeScalar {
  readonly kind: "scalar";
  readonly line: number;
  readonly value: string | number | boolean | null;
  /** As it was written: 0755 and 0x10 are numbers, and a log may spell them so. */
  readonly spelling: string;
}

/** Each document of one file. A document that is no map, or a text that is no YAML, is a fault of the whole file. */
export function readDocuments(text: string): readonly TreeMap[] {
  if (Buffer.byteLength(text) > documentLimits.bytes)
    throw new RuleFault(1, `the file is larger than ${documentLimits.bytes / 1024} KiB`);
  const lines = new LineCounter();
  const documents = parse(text, lines);
  if (documents.length > documentLimits.documents)
    throw new RuleFault(1, `the file has more than ${documentLimits.documents} documents`);
  const budget: Budget = { nodes: documentLimits.nodes, anchors: new Map() };
  const trees: TreeMap[] = [];
  for (const document of documents) {
    const [error] = document.errors;
    if (error !== undefined)
      throw new RuleFault(lines.linePos(error.pos[0]).line, `this is not YAML: ${plain(error.message)}`);
    if (document.contents === null) continue;
    budget.anchors.clear();
    const tree = grow(document.contents, lines, budget, 0);
    if (tree.kind !== "map") throw new RuleFault(tree.line, "a rule is a map of names and values");
    trees.push(tree);
  }
  return trees;
}

function parse(text: string, lines: LineCounter): readonly Document.Parsed[] {
  try {
    const parsed = parseAllDocuments(text, {
      lineCounter: lines,
      // Comparing every key with every other takes the square of their number; grow() does it with a set.
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "silent",
      schema: "core",
    });
    return Array.isArray(parsed) ? (parsed as readonly Document.Parsed[]) : [];
  } catch (cause) {
    if (cause instanceof RangeError) throw new RuleFault(1, "the file nests too deeply");
    throw new RuleFault(1, `this is not YAML: ${plain(cause instanceof Error ? cause.message : String(cause))}`);
  }
}

interface Budget {
  nodes: number;
  /** What is named so far in this document. The package's own look-up reads the whole document for each alias. */
  readonly anchors: Map<string, unknown>;
}

function grow(node: unknown, lines: LineCounter, budget: Budget, depth: number): Tree {
  const line = lineOf(node, lines);
  // An alias counts with all it stands for, so ten lines cannot become ten million.
  if (--budget.nodes < 0) throw new RuleFault(line, `the file has more than ${documentLimits.nodes} values`);
  if (depth > documentLimits.depth)
    throw new RuleFault(line, `the file nests deeper than ${documentLimits.depth} levels`);
  if (isAlias(node)) {
    const target = budget.anchors.get(node.source);
    if (target === undefined) throw new RuleFault(line, `nothing is named &${node.source}`);
    return grow(target, lines, budget, depth + 1);
  }
  const anchor = (node as { readonly anchor?: string } | null)?.anchor;
  if (anchor !== undefined) budget.anchors.set(anchor, node);
  if (isMap(node)) {
    const entries = new Map<string, TreeEntry>();
    for (const { key, value } of node.items) {
      const name = grow(key, lines, budget, depth + 1);
      if (name.kind !== "scalar") throw new RuleFault(name.line, "a name has to be text");
      if (entries.has(name.spelling)) throw new RuleFault(name.line, `"${name.spelling}" stands here twice`);
      entries.set(name.spelling, {
        line: name.line,
        value:
          value === null || value === undefined
            ? { kind: "scalar", line: name.line, value: null, spelling: "" }
            : grow(value, lines, budget, depth + 1),
      });
    }
    return { kind: "map", line, entries };
  }
  if (isSeq(node)) return { kind: "list", line, items: node.items.map((item) => grow(item, lines, budget, depth + 1)) };
  return scalar(node, line);
}

function scalar(node: unknown, line: number): TreeScalar {
  const value: unknown = isScalar(node) ? node.value : node;
  const source = isScalar(node) ? node.source : undefined;
  switch (typeof value) {
    case "string":
      if (value.length > documentLimits.characters)
        throw new RuleFault(line, `a text is longer than ${documentLimits.characters} characters`);
      return { kind: "scalar", line, value, spelling: value };
    case "number":
    case "boolean":
      return { kind: "scalar", line, value, spelling: source ?? String(value) };
    default:
      if (value === null || value === undefined) return { kind: "scalar", line, value: null, spelling: source ?? "" };
      throw new RuleFault(line, `a value of a kind that rules do not have: ${typeof value}`);
  }
}

function lineOf(node: unknown, lines: LineCounter): number {
  const range = (node as { readonly range?: readonly number[] | null } | null)?.range;
  return range === undefined || range === null ? 1 : lines.linePos(range[0] ?? 0).line;
}

function plain(message: string): string {
  return message.replaceAll(/\s+/g, " ").slice(0, 200);
}
