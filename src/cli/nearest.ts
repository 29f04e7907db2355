// The name that a mistyped one was most likely meant to be: one measure for options and for configurations.

export { nearest } from "../gateway/config/nearest.ts";
