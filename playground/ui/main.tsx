// The page's entry.

import { render } from "preact";
import { App } from "./app.tsx";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";

const root = document.getElementById("app");
if (root === null) throw new Error("the page has no element #app");
render(<App />, root);
