/** PEP 503: runs of -, _ and . are one dash, and case does not matter. */
export const normalName = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, "-");

/** PEP 508 name grammar. */
export const isPypiName = (name: string): boolean =>
  name.length <= 255 && /^(?:[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])$/i.test(name);

/** Any printable text without spaces: installed versions older than PEP 440 exist. */
export const isPypiVersion = (version: string): boolean => version.length <= 255 && /^[!-~]+$/.test(version);
