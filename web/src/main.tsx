import { render } from "preact";
import { Store } from "./lib/store";
import { App } from "./view/app";

const store = new Store();
store.start();
render(<App store={store} />, document.getElementById("app")!);
