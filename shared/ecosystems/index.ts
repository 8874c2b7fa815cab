/** What the rest of the program may ask of an ecosystem without knowing its folder. */
export { isArchitecture, isPackageName, isVersion } from "./deb/packages-index.ts";
