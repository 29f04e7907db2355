// The suite against real php-fpm 8.2: the model.

import { describePeers } from "../peers/peer.ts";
import { PHP_FPM_GAPS } from "./gaps.ts";
import { wireSuite } from "./suite.ts";

describePeers(["php-fpm8.2"], "php-fpm 8.2 on the wire", () => wireSuite("php-fpm", PHP_FPM_GAPS));
