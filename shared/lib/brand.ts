declare const brand: unique symbol;

/** A primitive that went through its parser. A plain string or number does not pass for it. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
