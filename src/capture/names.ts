// The numbers of FastCGI 1.0 in words, with the sections that define them.

import { ProtocolStatusCode, RecordType, RoleCode } from "../codec/index.ts";

/** A record type in words. */
export interface TypeName {
  /** As in the specification, without `FCGI_`. */
  readonly name: string;
  /** What the record is for. */
  readonly meaning: string;
  readonly section: string;
}

type SectionName =
  | "header"
  | "pairs"
  | "types"
  | "management"
  | "getValues"
  | "unknownType"
  | "beginRequest"
  | "params"
  | "streams"
  | "abortRequest"
  | "endRequest"
  | "roles"
  | "responder"
  | "authorizer"
  | "filter";

const section = (number: string) => `FastCGI 1.0, section ${number}`;

/** Where the specification defines a thing. */
export const SECTION: Readonly<Record<SectionName, string>> = {
  header: section("3.3"),
  pairs: section("3.4"),
  types: section("8"),
  management: section("4"),
  getValues: section("4.1"),
  unknownType: section("4.2"),
  beginRequest: section("5.1"),
  params: section("5.2"),
  streams: section("5.3"),
  abortRequest: section("5.4"),
  endRequest: section("5.5"),
  roles: section("6"),
  responder: section("6.2"),
  authorizer: section("6.3"),
  filter: section("6.4"),
};

const TYPES = new Map<number, TypeName>([
  [RecordType.BEGIN_REQUEST, type("BEGIN_REQUEST", "the web server begins a request", SECTION.beginRequest)],
  [RecordType.ABORT_REQUEST, type("ABORT_REQUEST", "the web server gives the request up", SECTION.abortRequest)],
  [RecordType.END_REQUEST, type("END_REQUEST", "the application has finished the request", SECTION.endRequest)],
  [RecordType.PARAMS, type("PARAMS", "name-value pairs about the request", SECTION.params)],
  [RecordType.STDIN, type("STDIN", "a piece of the request body", SECTION.streams)],
  [RecordType.STDOUT, type("STDOUT", "a piece of the answer", SECTION.streams)],
  [RecordType.STDERR, type("STDERR", "a piece of what the application reports as errors", SECTION.streams)],
  [RecordType.DATA, type("DATA", "a piece of the file that a filter works on", SECTION.streams)],
  [RecordType.GET_VALUES, type("GET_VALUES", "the web server asks what the application can do", SECTION.getValues)],
  [
    RecordType.GET_VALUES_RESULT,
    type("GET_VALUES_RESULT", "the application's answer to GET_VALUES", SECTION.getValues),
  ],
  [
    RecordType.UNKNOWN_TYPE,
    type("UNKNOWN_TYPE", "the application does not know a management record", SECTION.unknownType),
  ],
]);

const ROLES = new Map<number, readonly [name: string, section: string]>([
  [RoleCode.RESPONDER, ["responder", SECTION.responder]],
  [RoleCode.AUTHORIZER, ["authorizer", SECTION.authorizer]],
  [RoleCode.FILTER, ["filter", SECTION.filter]],
]);

const PROTOCOL_STATUSES = new Map<number, readonly [name: string, meaning: string]>([
  [ProtocolStatusCode.REQUEST_COMPLETE, ["REQUEST_COMPLETE", "the request was carried out"]],
  [ProtocolStatusCode.CANT_MPX_CONN, ["CANT_MPX_CONN", "refused: only one request at a time on a connection"]],
  [ProtocolStatusCode.OVERLOADED, ["OVERLOADED", "refused: the application is busy"]],
  [ProtocolStatusCode.UNKNOWN_ROLE, ["UNKNOWN_ROLE", "refused: the application does not play this role"]],
]);

function type(name: string, meaning: string, where: string): TypeName {
  return { name, meaning, section: where };
}

/** `undefined` for a type that the specification does not know. */
export function typeOf(code: number): TypeName | undefined {
  return TYPES.get(code);
}

/** The specification's name of a record type, or `type 42`. */
export function typeName(code: number): string {
  return TYPES.get(code)?.name ?? `type ${code}`;
}

/** The name of a role and the section that defines it, or `undefined` for an unknown code. */
export function roleOf(code: number): readonly [name: string, section: string] | undefined {
  return ROLES.get(code);
}

/** The name of a protocol status and what it means, or `undefined` for an unknown code. */
export function protocolStatusOf(code: number): readonly [name: string, meaning: string] | undefined {
  return PROTOCOL_STATUSES.get(code);
}
