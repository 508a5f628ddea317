// What the console does in the browser: each part looks after itself.
import { startActions } from "./actions.js";
import { localizeTimes, tick } from "./localize_times.js";
import { startFrame } from "./frame.js";
import { startLive } from "./live.js";

localizeTimes(document);
startFrame();
startActions();
startLive();
setInterval(() => tick(document), 1000);

// Paper shows what is folded away, too.
addEventListener("beforeprint", () => fold(true));
addEventListener("afterprint", () => fold(false));

function fold(printing) {
  for (const details of document.querySelectorAll(printing ? "details:not([open])" : "details[data-printed]")) {
    details.toggleAttribute("data-printed", printing);
    details.open = printing;
  }
}
