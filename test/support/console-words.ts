/** The fixture's own time: the console compares it with the browser's clock. */
export const fixtureNow = Date.now();

export const purlOf = (name: string, at: number): string =>
  `pkg:deb/debian/${encodeURIComponent(name)}@5.2.${at}-2%2Bb8?arch=amd64`;
