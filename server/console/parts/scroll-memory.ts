/** Lists whose place is remembered; the one left longest ago is forgotten first. */
export const placeLimit = 50;

const places = new Map<string, number>();

export const rememberedScroll = (place: string): number => places.get(place) ?? 0;

export function rememberScroll(place: string, offset: number): void {
  places.delete(place);
  places.set(place, offset);
  const oldest = places.keys().next().value;
  if (places.size > placeLimit && oldest !== undefined) places.delete(oldest);
}

export const forgetScroll = (place: string): boolean => places.delete(place);
