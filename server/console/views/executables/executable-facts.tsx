import { address } from "../../address.ts";
import { CopyButton } from "../../parts/copy-button.tsx";
import { bytes, count, counted } from "../../parts/number-words.ts";
import { Facts, Panel } from "../../parts/page.tsx";
import { Path } from "../../parts/path.tsx";
import { Time } from "../../parts/time.tsx";
import { VerdictBadge } from "../../parts/verdict-badge.tsx";
import { visible } from "../../parts/visible-text.ts";
import { kindWords, packageName } from "./executable-columns.tsx";
import type { ExecutableData } from "./executable-data.ts";

type Of = { readonly executable: ExecutableData };

/** Which file this is, by everything that identifies it. */
export function Identity({ executable }: Of) {
  const { path, root, digest, size, kind, privileged, firstSeen, changedAt, identity } = executable;
  return (
    <Panel title="Identity">
      <Facts
        facts={[
          [
            "Path",
            <code key="path" className="font-mono text-xs">
              {visible(path)}
            </code>,
          ],
          ...(root === ""
            ? []
            : [
                [
                  "Root",
                  <code key="root" className="font-mono text-xs">
                    {visible(root)}
                  </code>,
                ] as const,
              ]),
          ["SHA-256", <Digest key="digest" digest={digest} />],
          ["Size", `${count(size)} bytes (${bytes(size)})`],
          ["Kind", `${kindWords[kind]}${privileged ? ", privileged (setuid, setgid or capabilities)" : ""}`],
          ["Package", <PackageLink key="package" purl={executable.package} />],
          ["First seen", <Time key="first" at={firstSeen} />],
          ["Changed", <Time key="changed" at={changedAt} />],
          ...Object.entries(identity)
            .filter(([name]) => name !== "size")
            .map(([name, value]) => [identityWords[name] ?? visible(name), visible(value)] as const),
        ]}
      />
    </Panel>
  );
}

/** What stat(2) tells, said so that its device is not taken for a machine. Its size stands above. */
const identityWords: Readonly<Record<string, string>> = {
  device: "Disk",
  inode: "Inode",
  changed: "Inode changed",
  mode: "Mode bits",
  owner: "Owner",
};

function Digest({ digest }: { readonly digest: string | undefined }) {
  if (digest === undefined) return <span className="text-soft">not computed</span>;
  return (
    <span className="inline-flex items-start gap-1">
      <code className="font-mono text-xs leading-6">{digest}</code>
      <CopyButton text={digest} label="the digest" />
    </span>
  );
}

function PackageLink({ purl }: { readonly purl: string | undefined }) {
  if (purl === undefined) return <span className="text-soft">no package claims it</span>;
  return (
    <a className="inline-link" href={address.package(purl)}>
      {packageName(purl)}
    </a>
  );
}

export function RunningAs({ executable: { processes, device } }: Of) {
  return (
    <Panel title="Running now" note={counted(processes.length, "process", "processes")}>
      {processes.length === 0 ? <p className="text-sm text-soft">No process runs or maps it.</p> : undefined}
      <ul className="flex max-h-72 flex-col divide-y divide-line overflow-auto">
        {processes.map(({ pid, user, command, startedAt }) => (
          <li key={`${pid}-${startedAt}`} className="relative flex items-baseline gap-3 py-1.5 text-sm">
            <a
              className="covers-row w-14 shrink-0 text-right font-mono text-xs hover:underline"
              href={address.device(device)}
            >
              {pid}
            </a>
            <span className="min-w-0 grow truncate font-mono text-xs" title={visible(command)}>
              {visible(command)}
            </span>
            <span className="shrink-0 text-xs text-soft">
              {visible(user)} · <Time at={startedAt} brief />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** The same bytes in other places; each place has its own verdict. */
export function Elsewhere({ executable: { elsewhere, digest } }: Of) {
  const note =
    digest === undefined || elsewhere.length === 0 ? undefined : (
      <a className="inline-link" href={address.executables({ digest })}>
        Open all
      </a>
    );
  return (
    <Panel title="The same bytes elsewhere" note={note}>
      {elsewhere.length === 0 ? <p className="text-sm text-soft">Nowhere else in the fleet.</p> : undefined}
      <ul className="flex max-h-80 flex-col divide-y divide-line overflow-auto">
        {elsewhere.map((place) => (
          <li key={place.id} className="relative flex flex-col gap-1 py-2">
            <Path path={place.path} root={place.root} href={address.executable(place.id)} covers />
            <span className="flex flex-wrap items-center justify-between gap-2 text-xs text-soft">
              {visible(place.deviceName)}
              <VerdictBadge standing={place.standing} basis={place.basis} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** Earlier bytes at this path: what changed, and whether the proof got weaker. */
export function History({ executable: { history } }: Of) {
  return (
    <Panel title="Earlier at this path">
      {history.length === 0 ? (
        <p className="text-sm text-soft">It has had the same bytes since it was first seen.</p>
      ) : undefined}
      <ol className="flex max-h-80 flex-col divide-y divide-line overflow-auto">
        {history.map((entry) => (
          <li key={`${entry.from}-${entry.digest ?? ""}`} className="flex flex-col gap-1 py-2">
            <span className="flex flex-wrap items-center justify-between gap-2">
              <VerdictBadge standing={entry.standing} basis={entry.basis} />
              <code className="font-mono text-xs text-soft">{entry.digest?.slice(0, 16) ?? "no digest"}</code>
            </span>
            <span className="text-xs text-soft">
              from <Time at={entry.from} />
              {entry.to === undefined ? undefined : (
                <>
                  , until <Time at={entry.to} />
                </>
              )}
            </span>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
