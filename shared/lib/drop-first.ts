/** A map keeps its order: the first is the one that was set longest ago. */
export function dropFirst(map: Map<unknown, unknown>): void {
  const [first] = map.keys();
  map.delete(first);
}
