// A child at the edge: a Dynamic Worker with one interpreter, which is a FastCGI application on the stream that the
// master opens.

import type { Socket } from "cloudflare:sockets";
import type { Mail } from "../src/mail/index.ts";
import { FILES_ADDRESS, FilesWire } from "../src/platform/workers/files-wire.ts";
import { checkMailAnswer } from "../src/platform/workers/mail-answer.ts";
import { residentInterpreter } from "../src/platform/workers/resident.ts";
import { plainResult } from "../src/platform/workers/rpc-result.ts";
import { serveChild } from "../src/platform/workers/serve-child.ts";
import { type ChildEnvironment, childName } from "../src/platform/workers/settings.ts";
import { socketTransport, untilClosed } from "../src/transport/cloudflare/socket.ts";

export default {
  fetch(): Response {
    return new Response("This Worker speaks FastCGI.\n", { status: 404 });
  },

  async connect(socket: Socket, { settings, status }: ChildEnvironment): Promise<void> {
    const name = childName(settings.pool, settings.slot);
    const poolStatus = async () => {
      const answer = await status.fetch("http://pool/status");
      return answer.ok ? ((await answer.json()) as object) : undefined;
    };
    const files = new FilesWire(() => status.connect(FILES_ADDRESS));
    const life = serveChild(socketTransport(socket), residentInterpreter(settings), {
      name,
      poolStatus,
      files: files.send,
      ...(settings.mail && {
        mail: { ...settings.mail, send: async (mail: Mail) => checkMailAnswer(await plainResult(status.mail(mail))) },
      }),
    });
    await untilClosed(
      socket,
      life.finally(() => files.close()),
    );
  },
};
