import { startNative } from "../peers/app-server.ts";
import { describePeers } from "../peers/peer.ts";
import { guestbookScenario } from "./guestbook.ts";

describePeers(["nginx", "php-fpm8.2"], "the guestbook on nginx and php-fpm", () => {
  guestbookScenario(startNative);
});
