// What the specification says of each record, in plain words.

import { RecordType } from "../../../../src/codec/index.ts";

export interface PlainWords {
  readonly section: string;
  readonly title: string;
  readonly text: string;
}

const HEADER: PlainWords = {
  section: "3.3",
  title: "Records",
  text: "Everything on the connection is a record: a header of eight bytes, then the content, then padding that nobody reads. The header tells how long both are, so the next record is always found.",
};

const PAIRS: PlainWords = {
  section: "3.4",
  title: "Name-value pairs",
  text: "Each pair begins with two lengths, the name's and the value's; then come name and value, without any mark between or behind them. A length up to 127 takes one byte, a longer one four, with the top bit of the first set.",
};

const STREAM_END = "An empty record ends the stream.";

const MANAGEMENT =
  "Its request id is 0: it is about the connection and the application as a whole, not about any request.";

const WORDS: Readonly<Record<number, readonly PlainWords[]>> = {
  [RecordType.BEGIN_REQUEST]: [
    {
      section: "5.1",
      title: "BEGIN_REQUEST",
      text: "The web server opens a request: from here to END_REQUEST its id is taken. The content names the role (responder: make an answer; authorizer: say yes or no; filter: change a file) and one flag, whether the application leaves the connection open afterwards.",
    },
    HEADER,
  ],
  [RecordType.ABORT_REQUEST]: [
    {
      section: "5.4",
      title: "ABORT_REQUEST",
      text: "The visitor has gone, and the web server wants no more of this request. The application ends it as soon as it can, and still answers with END_REQUEST. On a connection of its own a web server may simply close instead; on a shared one it needs this record.",
    },
    HEADER,
  ],
  [RecordType.END_REQUEST]: [
    {
      section: "5.5",
      title: "END_REQUEST",
      text: "The application is done with the request, and its id is free again. The application status is what a CGI program's exit status was; the protocol status says whether the request was carried out, or why it was refused.",
    },
    HEADER,
  ],
  [RecordType.PARAMS]: [
    {
      section: "5.2",
      title: "PARAMS",
      text: `What a CGI program finds in its environment (REQUEST_METHOD, SCRIPT_FILENAME, HTTP_COOKIE ...), as a stream of name-value pairs. ${STREAM_END}`,
    },
    PAIRS,
    HEADER,
  ],
  [RecordType.STDIN]: [
    {
      section: "5.3",
      title: "STDIN",
      text: `The body of the HTTP request, in as many pieces as it takes. ${STREAM_END}`,
    },
    HEADER,
  ],
  [RecordType.STDOUT]: [
    {
      section: "5.3",
      title: "STDOUT",
      text: `What the script prints, beginning with header lines as in CGI ("Status: 404 Not Found"), an empty line, then the body. ${STREAM_END} php-fpm leaves it out: END_REQUEST ends the streams too.`,
    },
    HEADER,
  ],
  [RecordType.STDERR]: [
    {
      section: "5.3",
      title: "STDERR",
      text: `Errors, apart from the answer, so that they reach the web server's log and not the visitor. ${STREAM_END}`,
    },
    HEADER,
  ],
  [RecordType.DATA]: [
    { section: "5.3", title: "DATA", text: `The file that a filter works on. ${STREAM_END}` },
    HEADER,
  ],
  [RecordType.GET_VALUES]: [
    {
      section: "4.1",
      title: "GET_VALUES",
      text: `The web server asks what the application can do, by names with empty values. ${MANAGEMENT}`,
    },
    PAIRS,
    HEADER,
  ],
  [RecordType.GET_VALUES_RESULT]: [
    {
      section: "4.1",
      title: "GET_VALUES_RESULT",
      text: `The answer to GET_VALUES: those of the names that the application knows, with their values. ${MANAGEMENT}`,
    },
    PAIRS,
    HEADER,
  ],
  [RecordType.UNKNOWN_TYPE]: [
    {
      section: "4.2",
      title: "UNKNOWN_TYPE",
      text: `The application got a management record of a type that it does not know, and names it. So newer web servers can be tried on older applications. ${MANAGEMENT}`,
    },
    HEADER,
  ],
};

const UNKNOWN: readonly PlainWords[] = [
  {
    section: "8",
    title: "Types",
    text: "Types 1 to 11 exist. A management record of another type is answered with UNKNOWN_TYPE; a record of a request of another type is ignored or an error.",
  },
  HEADER,
];

const NO_RECORD: readonly PlainWords[] = [
  {
    section: "3.3",
    title: "No record",
    text: "These bytes are no record: their first byte is no version 1, or the connection ended inside of them. Where the next record would begin cannot be known, so the connection is of no use any more.",
  },
];

/** The nearest section first. */
export function plainWords(type: number, malformed: boolean): readonly PlainWords[] {
  return malformed ? NO_RECORD : (WORDS[type] ?? UNKNOWN);
}
