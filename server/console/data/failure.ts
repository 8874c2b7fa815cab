/** Why the server did not give what was asked: the Problem's own words (RFC 9457), or ours when it sent none. */
export class CallFailure extends Error {
  override readonly name = "CallFailure";
  readonly status: number;
  readonly code: string;
  readonly title: string;

  constructor(problem: { status: number; code: string; title: string; detail: string }, cause?: unknown) {
    super(problem.detail, cause === undefined ? undefined : { cause });
    this.status = problem.status;
    this.code = problem.code;
    this.title = problem.title;
  }
}

/** Reads a refusal's body. Anything that is not a Problem still ends in a failure a person can read. */
export function failureFrom(status: number, body: string): CallFailure {
  const problem = parsed(body);
  return new CallFailure({
    status,
    code: text(problem["code"], 60) ?? `HTTP_${status}`,
    title: text(problem["title"], 200) ?? "The server refused",
    detail: text(problem["detail"], 2000) ?? `The server answered ${status} and gave no reason.`,
  });
}

export const unreachableServer = (cause: unknown): CallFailure =>
  new CallFailure(
    {
      status: 0,
      code: "SERVER_UNREACHABLE",
      title: "The server does not answer",
      detail: "No answer came from this console's server. It may have stopped, or the network between is down.",
    },
    cause,
  );

/** What any thrown thing means to the person in front of it. */
export const asFailure = (error: unknown): CallFailure =>
  error instanceof CallFailure
    ? error
    : new CallFailure(
        {
          status: 0,
          code: "CONSOLE_FAULT",
          title: "This page broke",
          detail: error instanceof Error ? error.message : String(error),
        },
        error,
      );

export const needsSignIn = (error: unknown): boolean => error instanceof CallFailure && error.status === 401;

/** A refusal stays a refusal; only silence and the server's own faults are worth asking again. */
export const worthRetrying = (attempt: number, error: unknown): boolean =>
  attempt < 2 && error instanceof CallFailure && (error.status === 0 || error.status >= 500);

function parsed(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

const text = (value: unknown, max: number): string | undefined =>
  typeof value === "string" && value !== "" ? value.slice(0, max) : undefined;
