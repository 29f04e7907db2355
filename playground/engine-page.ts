// The engine without the user interface: for tests, and for the browser's console.

import * as edgeFpm from "./engine/index.ts";

Object.assign(globalThis, { edgeFpm });
await edgeFpm.keepOffline();
