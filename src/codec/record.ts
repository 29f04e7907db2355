// Records as objects: the convenient form above the (buffer, start, end) interface of the decoder.

/** Roles an application can be asked to play (FastCGI 1.0, section 6). A number is a role the specification lacks. */
export type Role = "responder" | "authorizer" | "filter";

/** Outcome of a request as the protocol sees it (section 5.5). */
export type ProtocolStatus = "request-complete" | "cannot-multiplex" | "overloaded" | "unknown-role";

/** Types that carry a byte stream. An empty content ends the stream (section 3.3). */
export type StreamType = "params" | "stdin" | "stdout" | "stderr" | "data";

/**
 * Name-value pairs in their order, repeated names included. Each string is a byte string: every character is one
 * byte (0-255), as in the `ByteString` of fetch headers, so nothing is lost. See `utf8ToByteString`.
 */
export type Pair = readonly [name: string, value: string];

/** A record. `requestId` 0 marks a management record (section 3.3). */
export type FastCgiRecord =
  | {
      readonly type: "begin-request";
      readonly requestId: number;
      /** A role, or the number of a role that the specification does not know. */
      readonly role: Role | number;
      readonly keepConnection: boolean;
    }
  | { readonly type: "abort-request"; readonly requestId: number }
  | {
      readonly type: "end-request";
      readonly requestId: number;
      /** Exit status of the application: an unsigned 32-bit number. */
      readonly applicationStatus: number;
      /** A status, or the number of one that the specification does not know. */
      readonly protocolStatus: ProtocolStatus | number;
    }
  | { readonly type: StreamType; readonly requestId: number; readonly content: Uint8Array }
  | { readonly type: "get-values" | "get-values-result"; readonly requestId: 0; readonly content: Uint8Array }
  | { readonly type: "unknown-type"; readonly requestId: 0; readonly unknownType: number }
  /** A record of a type that the specification does not know. */
  | {
      readonly type: "other";
      readonly requestId: number;
      readonly typeCode: number;
      readonly content: Uint8Array;
    };

/** One line for logs, the debugger and the playground's record list. */
export function describe(record: FastCgiRecord): string {
  switch (record.type) {
    case "begin-request":
      return `#${record.requestId} begin request as ${record.role}${record.keepConnection ? ", keep connection" : ""}`;
    case "abort-request":
      return `#${record.requestId} abort request`;
    case "end-request":
      return `#${record.requestId} end request: ${record.protocolStatus}, status ${record.applicationStatus}`;
    case "get-values":
    case "get-values-result":
      return `${record.type}, ${record.content.length} bytes`;
    case "unknown-type":
      return `unknown type ${record.unknownType}`;
    case "other":
      return `#${record.requestId} type ${record.typeCode}, ${record.content.length} bytes`;
    default:
      // Only streams remain; a new record type that is not one fails to compile here.
      return `#${record.requestId} ${record.type satisfies StreamType}, ${record.content.length} bytes`;
  }
}
