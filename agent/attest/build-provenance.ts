import { AppError } from "@provost/shared/lib/app-error.ts";
import type { GitCheckout } from "./git-checkout.ts";
import { repositoryUrl } from "./repository-url.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What is known about the build that asks: the CI's environment, the checkout, and the claims of its identity token. */
export interface BuildContext {
  readonly env: Environment;
  readonly git: GitCheckout | undefined;
  readonly claims: Readonly<Record<string, unknown>> | undefined;
  readonly builderId: string | undefined;
  readonly now: number;
}

export interface Predicate {
  readonly type: string;
  readonly body: unknown;
  /** For the person who reads along: "GitHub Actions". */
  readonly from: string;
}

/** SLSA provenance v1 of the build that runs now. What the environment does not say is left out, never guessed. */
export function buildProvenance(context: BuildContext): Predicate {
  const { env } = context;
  const [from, build] =
    env["GITHUB_ACTIONS"] === "true"
      ? (["GitHub Actions", githubActions(context)] as const)
      : env["GITLAB_CI"] === "true"
        ? (["GitLab CI", gitlabCi(context)] as const)
        : (env["JENKINS_URL"] ?? "") !== ""
          ? (["Jenkins", jenkins(context)] as const)
          : (["a plain checkout", plain(context)] as const);
  return { type: "https://slsa.dev/provenance/v1", from, body: predicateOf(build, context) };
}

interface Build {
  readonly type: string;
  readonly builder: string;
  readonly external: Readonly<Record<string, unknown>>;
  readonly internal?: Readonly<Record<string, unknown>>;
  readonly source: { readonly uri: string; readonly commit: string } | undefined;
  readonly invocation: string | undefined;
  readonly started?: string | undefined;
}

/** slsa.dev/spec/v1.0/provenance. */
function predicateOf({ type, builder, external, internal, source, invocation, started }: Build, context: BuildContext) {
  return {
    buildDefinition: {
      buildType: type,
      externalParameters: external,
      ...(internal === undefined ? {} : { internalParameters: internal }),
      resolvedDependencies: source === undefined ? [] : [{ uri: source.uri, digest: { gitCommit: source.commit } }],
    },
    runDetails: {
      builder: { id: context.builderId ?? builder },
      metadata: {
        ...(invocation === undefined ? {} : { invocationId: invocation }),
        ...(started === undefined ? {} : { startedOn: started }),
        finishedOn: new Date(context.now).toISOString(),
      },
    },
  };
}

/** The document that GitHub's own attestations carry (actions.github.io/buildtypes/workflow/v1). */
function githubActions({ env, claims }: BuildContext): Build {
  const need = needed(env);
  const server = need("GITHUB_SERVER_URL");
  const repository = `${server}/${need("GITHUB_REPOSITORY")}`;
  const [ref, commit] = [need("GITHUB_REF"), need("GITHUB_SHA")];
  const workflow = /^[^/]+\/[^/]+\/(.+)@(.+)$/.exec(need("GITHUB_WORKFLOW_REF"));
  // A reusable workflow signs under its own name, which only the token tells.
  const job = claims?.["job_workflow_ref"];
  return {
    type: "https://actions.github.io/buildtypes/workflow/v1",
    builder: `${server}/${typeof job === "string" ? job : need("GITHUB_WORKFLOW_REF")}`,
    external: { workflow: { ref: workflow?.[2] ?? ref, repository, path: workflow?.[1] ?? "" } },
    internal: {
      github: present({
        event_name: env["GITHUB_EVENT_NAME"],
        repository_id: env["GITHUB_REPOSITORY_ID"],
        repository_owner_id: env["GITHUB_REPOSITORY_OWNER_ID"],
        runner_environment: env["RUNNER_ENVIRONMENT"],
      }),
    },
    source: { uri: `git+${repository}@${ref}`, commit },
    invocation: `${repository}/actions/runs/${need("GITHUB_RUN_ID")}/attempts/${env["GITHUB_RUN_ATTEMPT"] ?? "1"}`,
  };
}

function gitlabCi({ env }: BuildContext): Build {
  const need = needed(env);
  const [project, commit] = [need("CI_PROJECT_URL"), need("CI_COMMIT_SHA")];
  const tag = env["CI_COMMIT_TAG"] ?? "";
  const ref = tag === "" ? `refs/heads/${need("CI_COMMIT_REF_NAME")}` : `refs/tags/${tag}`;
  return {
    type: "urn:provost:buildtype:gitlab-ci:v1",
    builder: `${project}/-/runners/${need("CI_RUNNER_ID")}`,
    external: {
      buildConfigSource: { repository: project, ref, path: env["CI_CONFIG_PATH"] ?? ".gitlab-ci.yml" },
      entryPoint: need("CI_JOB_NAME"),
    },
    internal: present({ trigger: env["CI_PIPELINE_SOURCE"], pipeline: env["CI_PIPELINE_URL"] }),
    source: { uri: `git+${project}@${ref}`, commit },
    invocation: need("CI_JOB_URL"),
    started: env["CI_JOB_STARTED_AT"],
  };
}

/** Jenkins passes what its git plug-in knows; a job without it is described by its checkout. */
function jenkins({ env, git }: BuildContext): Build {
  const need = needed(env);
  const repository = repositoryUrl(env["GIT_URL"] ?? "") ?? git?.repository;
  const branch = env["GIT_BRANCH"]?.replace(/^origin\//, "");
  const ref = branch === undefined ? git?.ref : `refs/heads/${branch}`;
  const commit = env["GIT_COMMIT"] ?? git?.commit;
  return {
    type: "urn:provost:buildtype:jenkins:v1",
    builder: need("JENKINS_URL"),
    external: {
      buildConfigSource: present({ repository, ref, path: "Jenkinsfile" }),
      job: need("JOB_NAME"),
    },
    source: sourceOf(repository, ref, commit),
    invocation: need("BUILD_URL"),
  };
}

function plain({ git }: BuildContext): Build {
  return {
    type: "urn:provost:buildtype:plain:v1",
    builder: "urn:provost:builder:plain",
    external: { buildConfigSource: present({ repository: git?.repository, ref: git?.ref }) },
    // A commit does not describe files that differ from it.
    ...(git === undefined ? {} : { internal: { modified: git.modified } }),
    source: git === undefined ? undefined : sourceOf(git.repository, git.ref, git.commit),
    invocation: undefined,
  };
}

const sourceOf = (
  repository: string | undefined,
  ref: string | undefined,
  commit: string | undefined,
): Build["source"] =>
  repository === undefined || commit === undefined
    ? undefined
    : { uri: `git+${repository}${ref === undefined ? "" : `@${ref}`}`, commit };

const needed =
  (env: Environment) =>
  (name: string): string => {
    const value = env[name] ?? "";
    if (value !== "") return value;
    throw new AppError("CONFIG_INVALID", `the CI's environment does not say ${name}`, {
      remedy: "pass it on to this step, or give the predicate yourself with --predicate and --predicate-type",
    });
  };

function present(values: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined || value === "" ? [] : [[name, value]])),
  );
}
