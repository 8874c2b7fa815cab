/** Which changes of files are worth telling. Everything else that a device writes stays on the device. Pure; paths are path text. */
export type WatchedClass = "persistence" | "credential" | "foreign";

/** What starts by itself later: units, timers, jobs, shells' start files, hooks of interpreters, of git, of editors and AI agents. */
const persistence: readonly RegExp[] = [
  /^\/(?:etc|usr\/lib|lib|run|usr\/local\/lib)\/systemd\/(?:system|user)\/[^/]+(?:\/[^/]+)?$/,
  /\/\.config\/systemd\/user\/[^/]+(?:\/[^/]+)?$/,
  /^\/etc\/(?:cron(?:tab|\.d|\.daily|\.hourly|\.weekly|\.monthly)|anacrontab)(?:\/[^/]+)?$/,
  /^\/var\/spool\/cron\//,
  /\/\.(?:bashrc|bash_profile|bash_login|bash_logout|profile|zshrc|zprofile|zshenv|zlogin|cshrc|kshrc)$/,
  /\/\.config\/fish\/(?:config\.fish|conf\.d\/[^/]+)$/,
  /^\/etc\/(?:profile|bash\.bashrc|environment|zsh\/[^/]+|profile\.d\/[^/]+|rc\.local|init\.d\/[^/]+|inittab|ld\.so\.preload)$/,
  /^\/etc\/ld\.so\.conf(?:\.d\/[^/]+)?$/,
  /\/(?:site|dist)-packages\/(?:[^/]+\.pth|sitecustomize\.py|usercustomize\.py)$/,
  /\/\.ssh\/(?:authorized_keys2?|rc|config)$/,
  /\/\.git\/hooks\/[^/.]+$/,
  /\/\.config\/autostart\/[^/]+\.desktop$/,
  /^\/etc\/(?:sudoers(?:\.d\/[^/]+)?|pam\.d\/[^/]+|udev\/rules\.d\/[^/]+|modules-load\.d\/[^/]+|X11\/Xsession\.d\/[^/]+)$/,
  /\/\.(?:vscode|cursor)\/(?:tasks|settings|mcp)\.json$/,
  /\/\.claude\/(?:settings(?:\.local)?\.json|hooks\/[^/]+|commands\/[^/]+)$/,
  /\/\.(?:gemini|codex|continue|aider)[^/]*\/[^/]*(?:settings|config)[^/]*$/,
  /\/\.github\/workflows\/[^/]+\.ya?ml$/,
];

/** What others sign in with. */
const credentials: readonly RegExp[] = [
  /\/\.(?:npmrc|netrc|pypirc|git-credentials|pgpass|my\.cnf|env|vault-token|terraformrc)$/,
  /\/\.env\.[a-z]+$/,
  /\/\.aws\/(?:credentials|config)$/,
  /\/\.ssh\/(?:id_[a-z0-9]+|identity)$/,
  /\/\.kube\/config$/,
  /\/\.docker\/config\.json$/,
  /\/\.config\/gh\/hosts\.yml$/,
  /\/\.config\/gcloud\/(?:credentials\.db|access_tokens\.db|application_default_credentials\.json)$/,
  /\/\.azure\/(?:accessTokens|msal_token_cache)[^/]*$/,
  /\/\.cargo\/credentials(?:\.toml)?$/,
  /\/\.gnupg\/(?:private-keys-v1\.d\/[^/]+|secring\.gpg)$/,
  /\/\.mozilla\/firefox\/[^/]+\/(?:logins\.json|key4\.db|cookies\.sqlite)$/,
  /\/\.config\/(?:google-chrome|chromium)\/[^/]+\/(?:Login Data|Cookies)$/,
  /^\/etc\/(?:shadow|gshadow)$/,
  /^\/(?:run|var\/run)\/secrets\//,
];

/** Programs of another system, in what a package manager unpacked. */
const foreign = /\/node_modules\/.*\.(?:dll|exe|scr|dylib)$/;

export function classOf(path: string): WatchedClass | undefined {
  if (persistence.some((pattern) => pattern.test(path))) return "persistence";
  if (foreign.test(path)) return "foreign";
  return credentials.some((pattern) => pattern.test(path)) ? "credential" : undefined;
}

/** Where people live, and not services: what lies in it openly is theirs. */
export const isPersonsHome = (path: string): boolean => /(?:^|\/)(?:root|home\/[^/]+)$/.test(path);
