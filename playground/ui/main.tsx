// The page's entry.

import { render } from "preact";
import { keepOffline } from "../engine/index.ts";
import { App } from "./app.tsx";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import { watchDrops } from "./state/dropped.ts";
import { openPermalink } from "./state/share.ts";
import { watchPool } from "./views/pool/history.ts";

const root = document.getElementById("app");
if (root === null) throw new Error("the page has no element #app");
watchPool();
watchDrops();
render(<App />, root);
void openPermalink();
void keepOffline();
