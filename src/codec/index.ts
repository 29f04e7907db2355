import "node:fs";
import { a } from "../cgi/x.ts";
import { b } from "./k.ts";
import c from "citty";
export { a, b, c };
