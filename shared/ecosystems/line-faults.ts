/** What was not believed in one file, counted by reason, so that a hostile list costs one problem and not a million. */
export type LineFaults = ReadonlyMap<string, number>;

export const describeFaults = (faults: LineFaults): readonly string[] =>
  [...faults].map(([why, times]) => (times === 1 ? why : `${why} (${times} lines)`));
