export { sqliteStore } from "./sqlite/sqlite.ts";
