// An item of a capture in words.

import type { FollowedItem } from "../../../../src/capture/follow.ts";
import { typeName } from "../../../../src/capture/names.ts";

export function titleOf({ item: one }: FollowedItem): string {
  switch (one.type) {
    case "record":
      return typeName(one.recordType);
    case "fragment":
      return "no record";
    case "gap":
      return "missing in the capture";
    case "end":
      return one.how === "reset" ? "connection broken" : "end of this direction";
  }
}

export function lengthOf({ item: one }: FollowedItem): string {
  switch (one.type) {
    case "record":
      return `${one.contentLength.toLocaleString("en")} B${one.paddingLength > 0 ? ` + ${one.paddingLength}` : ""}`;
    case "fragment":
      return `${one.bytes.length.toLocaleString("en")} B`;
    case "gap":
      return `${one.missing.toLocaleString("en")} B`;
    case "end":
      return "";
  }
}
