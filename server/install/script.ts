import type { OfferedPackage } from "./packages.ts";

export interface InstallScene {
  /** "https://provost.example:4680". */
  readonly address: string;
  /** "sha256//…" as curl's --pinnedpubkey takes it; none where there is no TLS. */
  readonly pin?: string;
  readonly packages: readonly OfferedPackage[];
}

/** How curl asks this server and nobody else: by the public key of its certificate, so that its own authority need not be known. */
export const curl = ({ pin }: InstallScene): string =>
  pin === undefined ? "curl -fsS" : `curl -fsSk --pinnedpubkey '${pin}'`;

export const agentAddress = (address: string): string => `${address.replace(/^http/, "ws")}/agent`;

/**
 * The script behind the line under Add device. POSIX sh. It changes nothing before it knows that the package is the one this server
 * named, and it ends with the exact cause and the next command where it cannot go on.
 */
export function installScript(scene: InstallScene): string {
  const cases = scene.packages
    .map(({ kind, machine, file, sha256 }) => `  ${machine}.${kind}) file=${file} sum=${sha256} ;;`)
    .join("\n");
  return `#!/bin/sh
# Installs the Provost agent from ${scene.address} and enrols this device. The token comes in PROVOST_TOKEN.
set -eu
say() { echo "provost: $*" >&2; }
[ "$(id -u)" -eq 0 ] || { say "this needs root: run the line with sudo"; exit 1; }
[ -n "\${PROVOST_TOKEN:-}" ] || { say "the token is missing: paste the whole line that the console shows"; exit 1; }
if command -v dpkg >/dev/null 2>&1; then kind=deb
elif command -v rpm >/dev/null 2>&1; then kind=rpm
else kind=tar; fi
case "$(uname -m).$kind" in
${cases}
  *) say "this server offers no $kind package for $(uname -m): put one into the folder that its setting packages names"; exit 1 ;;
esac
free=$(df -Pk /usr | awk 'NR == 2 { print $4 }')
[ "$free" -gt 204800 ] || { say "/usr has $free KiB free, and the agent needs 200 MB: make space and paste the line again"; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
say "fetching $file"
${curl(scene)} -o "$folder/$file" "${scene.address}/install/$file" || { say "it could not be fetched; is ${scene.address} still reachable from here?"; exit 1; }
echo "$sum  $folder/$file" | sha256sum --quiet -c - || { say "what came is not the package this server named: nothing was installed"; exit 1; }
case $kind in
  deb) dpkg -i "$folder/$file" >"$folder/log" 2>&1 || { tail -n 5 "$folder/log" >&2; say "dpkg could not install it; 'dpkg --audit' and 'dpkg --configure -a' go on from here"; exit 1; } ;;
  rpm) rpm -U --quiet "$folder/$file" || { say "rpm could not install it; its message stands above"; exit 1; } ;;
  tar) tar -xzf "$folder/$file" -C "$folder" && "$folder/\${file%.tar.gz}/install.sh" ;;
esac
printf '%s\\n' "$PROVOST_TOKEN" | provost enrol --server '${agentAddress(scene.address)}' --token-file -
`;
}

/** The one line: the token goes in over a pipe, so that it stands in no process list. */
export const pasteLine = (scene: InstallScene, token: string): string =>
  `{ echo '${token}'; ${curl(scene)} ${scene.address}/install/agent.sh; } | $(command -v sudo) sh -c 'read -r PROVOST_TOKEN; export PROVOST_TOKEN; . /dev/stdin'`;

/** For a device that has the package already. */
export const enrolLine = (scene: InstallScene, token: string): string =>
  `echo '${token}' | $(command -v sudo) provost enrol --server '${agentAddress(scene.address)}' --token-file -`;

/** First look, then install: each package with its provenance beside it. */
export function verifyFirst(scene: InstallScene, token: string): readonly string[] {
  const [one] = scene.packages.filter(({ kind }) => kind === "deb");
  const file = one?.file ?? scene.packages[0]?.file ?? "";
  return [
    `${curl(scene)} --remote-name-all ${scene.address}/install/${file} ${scene.address}/install/${file}.sigstore.json`,
    `cosign verify-blob-attestation --key PUBLISHER.pem --type slsaprovenance1 --bundle ${file}.sigstore.json ${file}`,
    installLine(file),
    enrolLine(scene, token),
  ];
}

function installLine(file: string): string {
  if (file.endsWith(".deb")) return `sudo dpkg -i ${file}`;
  if (file.endsWith(".rpm")) return `sudo rpm -U ${file}`;
  return `tar -xzf ${file} && sudo ./${file.replace(/\.tar\.gz$/, "")}/install.sh`;
}
