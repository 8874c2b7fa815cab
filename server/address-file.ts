/** In the data folder of a server that runs: how it is reached. */
export const addressFile = "address";
