// Scripts that fail, and what is told of it.

import { expect, test } from "vitest";
import type { Context } from "./suite.ts";

export function errorTests(context: Context): void {
  test("a fatal error before any output: 500, with the message for the log", async () => {
    const answer = await context.target.php("missing_function();");
    expect({ status: answer.status, body: answer.body }).toEqual({ status: 500, body: "" });
    expect(answer.header("Status")).toBe("500 Internal Server Error");
    expect(answer.stderr).toContain(
      "PHP message: PHP Fatal error:  Uncaught Error: Call to undefined function missing_function()",
    );
  });

  test("a fatal error after output: the status stays, what was printed is sent", async () => {
    const { status, body } = await context.target.php("echo 'begun'; flush(); missing_function();");
    expect({ status, body }).toEqual({ status: 200, body: "begun" });
  });

  test("a syntax error: 500", async () => {
    const { status, stderr } = await context.target.php("this is no PHP");
    expect(status).toBe(500);
    expect(stderr).toContain("PHP Parse error:  ");
  });

  test("warnings and error_log() go to STDERR, several in one line", async () => {
    const { body, stderr } = await context.target.php("echo $missing; error_log('second'); echo 'goes on';");
    expect(body).toBe("goes on");
    expect(stderr).toMatch(
      /^PHP message: PHP Warning: {2}Undefined variable \$missing in .* on line 1; PHP message: second$/,
    );
  });

  test("memory_limit: a fatal error, and the next request is served", async () => {
    const { status, stderr } = await context.target.php(
      "$text = str_repeat('x', 100 * 1024 * 1024); echo strlen($text);",
    );
    expect(status).toBe(500);
    expect(stderr).toContain("Allowed memory size of 67108864 bytes exhausted");
    expect((await context.target.php("echo 'lives';")).body).toBe("lives");
  });

  test("max_execution_time: a script that asks for the time again and again is stopped", async () => {
    const { status, stderr } = await context.target.php("set_time_limit(1); while (true) microtime(true);");
    expect(status).toBe(500);
    expect(stderr).toContain("Maximum execution time of 1 second exceeded");
  });

  const computing = context.lacks("interrupts-computing");
  test.skipIf(computing.skip)(
    `max_execution_time: a script that only computes is stopped${computing.note}`,
    async () => {
      const { stderr } = await context.target.php("set_time_limit(1); while (true);");
      expect(stderr).toContain("Maximum execution time of 1 second exceeded");
    },
  );

  const processes = context.lacks("processes");
  test.skipIf(processes.skip)(`exec() runs a program${processes.note}`, async () => {
    expect((await context.target.php("echo exec('echo ran');")).body).toBe("ran");
  });

  const exit = context.lacks("exit-status");
  test.skipIf(exit.skip)(`exit(7) is the application status${exit.note}`, async () => {
    expect((await context.target.php("exit(7);")).end.applicationStatus).toBe(7);
  });

  const short = context.lacks("short-body-answered");
  test.skipIf(short.skip)(`a body shorter than CONTENT_LENGTH is answered${short.note}`, async () => {
    const { status } = await context.target.php("echo 'ran';", { body: "abc", params: { CONTENT_LENGTH: "10" } });
    expect(status).toBe(400);
  });
}
