import * as z from "zod";
import type { Statement } from "../intoto/statement.ts";
import { unreadable, unsupported } from "../refusal.ts";
import { gitReference } from "./git-reference.ts";

/** The parts of SLSA provenance a person reads, from every version and builder family. What the document does not say is absent. */
export interface Provenance {
  readonly predicateType: string;
  readonly builderId: string;
  readonly buildType: string;
  readonly source: SourceMetadata;
  readonly build: BuildEnvironment;
  readonly dependencies: readonly Dependency[];
}

export interface SourceMetadata {
  /** Without scheme and reference: "github.com/owner/name". */
  readonly repository?: string;
  readonly ref?: string;
  /** The branch a tag was pushed from, where the event says so. */
  readonly baseRef?: string;
  readonly commit?: string;
  readonly author?: string;
}

export interface BuildEnvironment {
  readonly workflow?: string;
  readonly invocation?: string;
  readonly trigger?: string;
  readonly runner?: string;
  readonly startedOn?: string;
  readonly finishedOn?: string;
  /** What whoever started the build could choose: workflow inputs and the like. */
  readonly inputs: Readonly<Record<string, string>>;
}

export interface Dependency {
  readonly uri: string;
  readonly digest: Readonly<Record<string, string>>;
}

export const isProvenance = (predicateType: string): boolean => readers.has(predicateType);

export function readProvenance(statement: Statement): Provenance {
  const read = readers.get(statement.predicateType);
  if (read === undefined)
    throw unsupported(`the predicate ${statement.predicateType.slice(0, 100)} is no provenance we read`);
  return read(statement);
}

const readers: ReadonlyMap<string, (statement: Statement) => Provenance> = new Map([
  ["https://slsa.dev/provenance/v1", provenance1],
  ["https://slsa.dev/provenance/v0.2", provenance02],
  ["https://slsa.dev/provenance/v0.1", provenance01],
]);

const text = z.string().max(16384);
const Digest = z.record(z.string().max(64), z.string().max(1024)).nullish();
const Material = z.object({ uri: text.nullish(), digest: Digest });
const Materials = z.array(Material).max(100_000).nullish();
const Bag = z.record(z.string(), z.unknown()).nullish();

const V1 = z.object({
  buildDefinition: z.object({
    buildType: text,
    externalParameters: Bag,
    internalParameters: Bag,
    resolvedDependencies: Materials,
  }),
  runDetails: z.object({
    builder: z.object({ id: text.min(1) }),
    metadata: z
      .object({ invocationId: text.nullish(), startedOn: text.nullish(), finishedOn: text.nullish() })
      .nullish(),
  }),
});

function provenance1({ predicateType, predicate }: Statement): Provenance {
  const { buildDefinition: definition, runDetails: run } = read(V1, predicate);
  const [external, internal] = [definition.externalParameters ?? {}, definition.internalParameters ?? {}];
  const dependencies = dependenciesOf(definition.resolvedDependencies);
  const workflow = object(external["workflow"]);
  const config = object(external["buildConfigSource"]) ?? object(object(external["source"])?.["buildConfig"]);
  const github = object(internal["github"]) ?? object(external["github"]);
  const source = sourceOf([
    string(workflow?.["repository"]) && at(string(workflow?.["repository"]), string(workflow?.["ref"])),
    string(config?.["repository"]) && at(string(config?.["repository"]), string(config?.["ref"])),
    string(external["source"]),
    string(object(external["source"])?.["uri"]),
    string(object(external["sourceToBuild"])?.["repository"]),
    gitDependency(dependencies),
  ]);
  return {
    predicateType,
    builderId: run.builder.id,
    buildType: definition.buildType,
    source: present({
      ...source,
      ref: source.ref ?? string(internal["GITHUB_REF"]),
      baseRef: baseRef(internal),
      commit: commitIn(dependencies[0]?.digest) ?? string(internal["GITHUB_SHA"]),
      author: string(internal["GITHUB_ACTOR"]),
    }),
    build: present({
      workflow: string(workflow?.["path"]) ?? string(config?.["path"]) ?? string(internal["GITHUB_WORKFLOW_REF"]),
      invocation: run.metadata?.invocationId ?? undefined,
      startedOn: run.metadata?.startedOn ?? undefined,
      finishedOn: run.metadata?.finishedOn ?? undefined,
      trigger: string(github?.["event_name"]) ?? string(internal["GITHUB_EVENT_NAME"]),
      runner: string(github?.["runner_environment"]),
      inputs: inputsOf(object(external["inputs"]) ?? inputsInEvent(internal)),
    }),
    dependencies,
  };
}

const V02 = z.object({
  builder: z.object({ id: text.min(1) }),
  buildType: text,
  invocation: z
    .object({
      configSource: z.object({ uri: text.nullish(), digest: Digest, entryPoint: text.nullish() }).nullish(),
      parameters: z.unknown().optional(),
      environment: z.unknown().optional(),
    })
    .nullish(),
  metadata: z
    .object({
      buildInvocationID: text.nullish(),
      buildInvocationId: text.nullish(),
      buildStartedOn: text.nullish(),
      buildFinishedOn: text.nullish(),
    })
    .nullish(),
  materials: Materials,
});

function provenance02({ predicateType, predicate }: Statement): Provenance {
  const { builder, buildType, invocation, metadata, materials } = read(V02, predicate);
  const environment = object(invocation?.environment) ?? {};
  const dependencies = dependenciesOf(materials);
  const config = invocation?.configSource;
  const source = sourceOf([config?.uri ?? undefined, gitDependency(dependencies)]);
  return {
    predicateType,
    builderId: builder.id,
    buildType,
    source: present({
      ...source,
      ref: source.ref ?? string(environment["github_ref"]) ?? string(environment["GITHUB_REF"]),
      baseRef: baseRef(environment),
      commit: commitIn(config?.digest) ?? commitIn(dependencies[0]?.digest),
      author: string(environment["github_actor"]) ?? string(environment["GITHUB_ACTOR"]),
    }),
    build: present({
      workflow: config?.entryPoint ?? undefined,
      invocation: metadata?.buildInvocationId ?? metadata?.buildInvocationID ?? undefined,
      startedOn: metadata?.buildStartedOn ?? undefined,
      finishedOn: metadata?.buildFinishedOn ?? undefined,
      trigger: string(environment["github_event_name"]) ?? string(environment["GITHUB_EVENT_NAME"]),
      runner: undefined,
      inputs: inputsOf(inputsInEvent(environment) ?? object(object(invocation?.parameters)?.["inputs"])),
    }),
    dependencies,
  };
}

const V01 = z.object({
  builder: z.object({ id: text.min(1) }),
  recipe: z.object({ type: text, entryPoint: text.nullish() }).nullish(),
  metadata: z
    .object({ buildInvocationId: text.nullish(), buildStartedOn: text.nullish(), buildFinishedOn: text.nullish() })
    .nullish(),
  materials: Materials,
});

/** Google Cloud Build before 2023. */
function provenance01({ predicateType, predicate }: Statement): Provenance {
  const { builder, recipe, metadata, materials } = read(V01, predicate);
  const dependencies = dependenciesOf(materials);
  const source = sourceOf([dependencies[0]?.uri]);
  return {
    predicateType,
    builderId: builder.id,
    buildType: recipe?.type ?? "",
    source: present({ ...source, commit: commitIn(dependencies[0]?.digest), baseRef: undefined, author: undefined }),
    build: present({
      workflow: recipe?.entryPoint ?? undefined,
      invocation: metadata?.buildInvocationId ?? undefined,
      startedOn: metadata?.buildStartedOn ?? undefined,
      finishedOn: metadata?.buildFinishedOn ?? undefined,
      trigger: undefined,
      runner: undefined,
      inputs: {},
    }),
    dependencies,
  };
}

function read<T extends z.ZodType>(schema: T, predicate: unknown): z.infer<T> {
  const parsed = schema.safeParse(predicate);
  if (parsed.success) return parsed.data;
  throw unreadable(`the provenance is malformed: ${parsed.error.issues[0]?.path.join(".") ?? ""}`);
}

function dependenciesOf(materials: z.infer<typeof Materials>): readonly Dependency[] {
  return (materials ?? []).map(({ uri, digest }) => ({ uri: uri ?? "", digest: digest ?? {} }));
}

/** By convention of every GitHub builder the source comes first among the dependencies; elsewhere the first may be an image. */
function gitDependency(dependencies: readonly Dependency[]): string | undefined {
  const uri = dependencies[0]?.uri;
  return uri?.startsWith("git+") === true ? uri : undefined;
}

/** Every place that names the source has to name the same one: a document that says two things says nothing. */
function sourceOf(places: readonly (string | undefined)[]): {
  repository: string | undefined;
  ref: string | undefined;
} {
  const said = places.filter((one) => one !== undefined && one !== "").map((one) => gitReference(one ?? ""));
  const [first] = said;
  for (const other of said)
    if (first !== undefined && other.repository !== first.repository)
      throw unreadable("the provenance names two source repositories");
  const refs = new Set(said.flatMap(({ ref }) => (ref === undefined ? [] : [ref])));
  if (refs.size > 1) throw unreadable("the provenance names two source references");
  return { repository: first?.repository, ref: [...refs][0] };
}

const at = (repository: string | undefined, ref: string | undefined): string | undefined =>
  repository === undefined || ref === undefined ? repository : `${repository}@${ref}`;

const commitIn = (digest: Readonly<Record<string, string>> | null | undefined): string | undefined =>
  digest?.["gitCommit"] ?? digest?.["sha1"];

function eventPayload(environment: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | undefined {
  return object(environment["github_event_payload"]) ?? object(environment["GITHUB_EVENT_PAYLOAD"]);
}

function baseRef(environment: Readonly<Record<string, unknown>>): string | undefined {
  return string(eventPayload(environment)?.["base_ref"]);
}

function inputsInEvent(environment: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | undefined {
  return object(eventPayload(environment)?.["inputs"]);
}

function inputsOf(inputs: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, string>> {
  const plain = Object.entries(inputs ?? {}).flatMap(([name, value]): [string, string][] =>
    typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? [[name, String(value)]] : [],
  );
  return Object.fromEntries(plain);
}

function object(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

const string = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

type Present<T> = { readonly [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  readonly [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Leaves out what is undefined, so that "not said" has one spelling. */
function present<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Present<T>;
}
